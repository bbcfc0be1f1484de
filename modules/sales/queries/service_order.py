"""The order of service: the columns that put demand in it, the place of a line, and what modules add to both."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, case, cast, false, func, or_, select
from sqlalchemy.orm import Session

from erp.db import is_one_of
from erp.options import options
from modules.sales import hooks
from modules.sales.hooks import ServiceRule
from modules.sales.models import Order, OrderLine

_AFTER_ALL = 2**62

# The numbers of a line by what modules add to the order, the answer of the first module first.
Numbers = tuple[int, ...]


def service_rules(session: Session) -> tuple[ServiceRule, ...]:
    """Return what the modules that are on add to the order of service."""
    return tuple(hooks.service_rule(session))


def service_order(session: Session, rules: Sequence[ServiceRule] | None = None) -> tuple[ColumnElement[Any], ...]:
    """Return the columns that put demand in order of service, as `[sales] service_order` and modules say.

    `rules` are what modules add, where that was asked already.
    """
    first = (OrderLine.requested_on.is_(None).asc(), OrderLine.requested_on.asc()) if serves_by_requested_day() else ()
    added = [number.asc() for number in _numbers(session, rules)]
    return (Order.priority.desc(), *added, *first, Order.ordered_at.asc(), Order.id.asc(), OrderLine.position.asc())


def latest_served_first(session: Session) -> tuple[ColumnElement[Any], ...]:
    """Return the columns that put demand in the reverse of the order of service."""
    first = (
        (OrderLine.requested_on.is_(None).desc(), OrderLine.requested_on.desc()) if serves_by_requested_day() else ()
    )
    added = [number.desc() for number in _numbers(session)]
    return (Order.priority.asc(), *added, *first, Order.ordered_at.desc(), Order.id.desc(), OrderLine.position.desc())


def serves_by_requested_day() -> bool:
    """Return whether lines of equal priority are served by the day for which they are requested."""
    return bool(options.sales.service_order == "requested_on")


def _numbers(session: Session, rules: Sequence[ServiceRule] | None = None) -> list[ColumnElement[int]]:
    """Return the columns of the numbers by which modules order lines of equal priority."""
    asked = service_rules(session) if rules is None else rules
    return [
        func.coalesce(cast(rule.first, BigInteger), rule.of_new, type_=BigInteger())
        for rule in asked
        if rule.first is not None
    ]


def is_held(session: Session, rules: Sequence[ServiceRule] | None = None) -> ColumnElement[bool]:
    """Return the condition on an order line, joined to its order and product, that no automatic run serves it.

    It is held by a user, or by a module.
    """
    asked = service_rules(session) if rules is None else rules
    holds = [func.coalesce(rule.holds, false()) for rule in asked if rule.holds is not None]
    return or_(OrderLine.hold_allocation.is_(True), *holds)


def held_because(session: Session, line_ids: Collection[int]) -> dict[int, str]:
    """Return why modules hold lines, by the lines that they hold: the first reason of each."""
    rules = [rule for rule in service_rules(session) if rule.holds is not None]
    if not rules or not line_ids:
        return {}
    holds = [func.coalesce(rule.holds, false()) for rule in rules]
    rows = select(OrderLine.id, *holds).join(OrderLine.order).join(OrderLine.product)
    held = rows.where(is_one_of(session, OrderLine.id, line_ids), or_(*holds))
    return {
        line_id: next(rule.why for rule, holds in zip(rules, found, strict=True) if holds)
        for line_id, *found in session.execute(held)
    }


def is_served_before(session: Session, line: OrderLine) -> ColumnElement[bool]:
    """Return the condition on an order line, joined to its order, that it is served before a stored line."""
    order, day, rules = line.order, line.requested_on, service_rules(session)
    key: list[tuple[ColumnElement[Any], Any]] = [(-Order.priority, -order.priority)]
    numbers = _numbers(session, rules)
    key += zip(numbers, _read_numbers(session, [line.id], rules).get(line.id, ()), strict=bool(numbers))
    if serves_by_requested_day():
        day_or_last = func.coalesce(OrderLine.requested_on, date.max)
        has_none = case((OrderLine.requested_on.is_(None), 1), else_=0)
        key += [(has_none, int(day is None)), (day_or_last, day or date.max)]
    key += [(Order.ordered_at, order.ordered_at), (Order.id, order.id), (OrderLine.position, line.position)]  # type: ignore[list-item]
    before: ColumnElement[bool] = false()
    for column, value in reversed(key):
        before = or_(column < value, and_(column == value, before))
    return before


def places_of(
    session: Session, lines: Iterable[OrderLine], *, stored: Mapping[int, int] | None = None
) -> dict[int, tuple[Any, ...]]:
    """Return the places of lines in order of service, by line; a smaller one is served before.

    They need not be stored; `stored` names the stored lines for which some of them stand, by their ids.
    """
    known = list(lines)
    rules = service_rules(session)
    ids = {line.id: line.id for line in known if line.id > 0} | dict(stored or {})
    read, of_new = _read_numbers(session, set(ids.values()), rules), _of_new(rules)
    return {
        line.id: _place(
            line.order.priority,
            read.get(ids.get(line.id, 0), of_new),
            line.requested_on,
            line.order.ordered_at,
            line.order.id,
            line.position,
        )
        for line in known
    }


def place_of_new(session: Session, requested_on: date | None, ordered_at: datetime, position: int) -> tuple[Any, ...]:
    """Return the place of a line that is ordered at an instant without a priority, after those ordered then before."""
    return _place(0, _of_new(service_rules(session)), requested_on, ordered_at, _AFTER_ALL, position)


def read_places(session: Session, line_ids: Collection[int]) -> dict[int, tuple[Any, ...]]:
    """Return the places of stored lines in order of service, by line."""
    columns = (Order.priority, OrderLine.requested_on, Order.ordered_at, Order.id, OrderLine.position)
    rows = select(OrderLine.id, *columns, *_numbers(session)).join(OrderLine.order)
    found: Iterable[Any] = session.execute(rows.where(is_one_of(session, OrderLine.id, line_ids))) if line_ids else ()
    return {
        line_id: _place(priority, tuple(numbers), day, ordered_at, order_id, position)
        for line_id, priority, day, ordered_at, order_id, position, *numbers in found
    }


def _read_numbers(session: Session, line_ids: Collection[int], rules: Sequence[ServiceRule]) -> dict[int, Numbers]:
    columns = _numbers(session, rules)
    if not columns or not line_ids:
        return {}
    rows = select(OrderLine.id, *columns).join(OrderLine.order).where(is_one_of(session, OrderLine.id, line_ids))
    return {line_id: tuple(numbers) for line_id, *numbers in session.execute(rows)}


def _of_new(rules: Iterable[ServiceRule]) -> Numbers:
    return tuple(rule.of_new for rule in rules if rule.first is not None)


def _place(
    priority: int, numbers: Numbers, requested_on: date | None, ordered_at: datetime, order_id: int, position: int
) -> tuple[Any, ...]:
    by_day = (requested_on is None, requested_on or date.max) if serves_by_requested_day() else ()
    return (-priority, *numbers, *by_day, ordered_at, order_id, position)
