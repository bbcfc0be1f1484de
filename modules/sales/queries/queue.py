"""The queue: which lines wait, in order of service."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from erp import clock
from erp.db import Build, Quantity, given, is_among, raw, read_prepared, read_unprepared
from erp.identity import identity_key
from erp.options import options
from modules.inventory_lots.models import Balance, Product
from modules.inventory_lots.queries import removal, removal_order, usable_rows
from modules.inventory_lots.states import Tracking
from modules.sales.domain import is_too_far_ahead, served_until
from modules.sales.hooks import ServiceRule
from modules.sales.models import Backorder, Order, OrderLine
from modules.sales.planning import BY_COVERAGE, BY_PLAN, NEVER, Demand
from modules.sales.queries.service_order import is_held, serves_by_requested_day, service_order, service_rules
from modules.sales.states import ShippingPolicy


@dataclass(frozen=True)
class Scope:
    """What a run serves: the whole queue of some products, or only certain lines of theirs.

    Lines named one by one are a clerk's decision, so those on hold are served too. Those `beyond_queue` come at their
    place in the queue, together with those that may lose something to them. Those `confirmed` belong to an order that
    is about to be: they count as if it were.
    A scope `of_document` has the few products of one, and is read in fewer statements.
    """

    product_ids: tuple[int, ...]
    line_ids: tuple[int, ...] | None = None
    beyond_queue: tuple[int, ...] = ()
    confirmed: tuple[int, ...] = ()
    of_document: bool = False


def last_served_day() -> date | None:
    """Return the last requested day that runs serve now, by `[sales] reserve_ahead_days`; None where all are served."""
    return served_until(clock.today(), options.sales.reserve_ahead_days)


def is_scheduled_day(requested_on: date | None) -> bool:
    """Return whether a line with this requested day is requested too far ahead to be served now."""
    return is_too_far_ahead(requested_on, last_served_day())


def due_on(requested_on: date) -> date:
    """Return the day on which a scheduled line falls due: from then on runs serve it."""
    return requested_on - timedelta(days=options.sales.reserve_ahead_days or 0)


def is_scheduled() -> ColumnElement[bool]:
    """Return the condition on an order line that it is requested too far ahead to be served now."""
    until = last_served_day()
    return false() if until is None else _is_after(until)


def _is_after(until: date | ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(OrderLine.requested_on.is_not(None), OrderLine.requested_on > until)


def is_allocatable() -> ColumnElement[bool]:
    """Return the condition on an order line, joined to its order and product, that stock may be reserved for it."""
    return and_(Order.is_confirmed, Product.tracking != Tracking.serial)


def is_waiting(session: Session) -> ColumnElement[bool]:
    """Return the condition on an order line, joined to its order and product, that an automatic run may serve it."""
    return and_(is_allocatable(), not_(is_held(session)), not_(is_scheduled()))


def open_backorder_quantity() -> ColumnElement[Decimal]:
    """Return the open quantity of an outer-joined open backorder row, 0 where there is none."""
    return func.coalesce(Backorder.open_quantity, literal(Decimal(0), Quantity()))


def read_demands(session: Session, scope: Scope, whole: Collection[int] = ()) -> list[Demand]:
    """Return lines that stock does not cover, product by product, each in order of service.

    Of the products `whole` they are all such lines, of others those whose open backorder is another quantity than
    their need.
    """
    variant, values = _asked(scope, whole, service_rules(session))
    return list(map(Demand._make, _read(session, _demands, variant, **values)))


def read_stock_and_demands(
    session: Session, scope: Scope, whole: Collection[int] = ()
) -> tuple[list[tuple[Any, ...]], list[Demand]]:
    """Return what `usable_balances` returns of a scope's products, and its demands, in one statement.

    The products that have stock are among those `whole`. For the few lines of an order: for a whole book two statements
    are faster.
    """
    variant, values = _asked(scope, whole, service_rules(session))
    rows = _read(
        session, _together, variant._replace(whole=True, are_few=True), removal(), **values, today=clock.today()
    )
    stock = [row[1:4] for row in rows if row[0] == _STOCK]
    return stock, [Demand._make(row[1:7]) for row in rows if row[0] != _STOCK]


def _read(session: Session, build: Build, variant: _Variant, *more: str, **values: Any) -> list[tuple[Any, ...]]:
    """Return rows of a select that is built once, unless modules add to it what may be another each time."""
    read = read_unprepared if variant.rules else read_prepared
    return read(session, build, variant, *more, **values)


def _asked(scope: Scope, whole: Collection[int], rules: tuple[ServiceRule, ...]) -> tuple[_Variant, dict[str, Any]]:
    until = last_served_day()
    variant = _Variant(
        named=scope.line_ids is not None,
        beyond_queue=bool(scope.beyond_queue),
        confirming=bool(scope.confirmed),
        whole=bool(whole),
        by_requested_day=serves_by_requested_day(),
        ends=until is not None,
        rules=rules,
    )
    named = scope.line_ids or scope.beyond_queue
    values = {"product_ids": scope.product_ids, "line_ids": named, "confirmed": scope.confirmed, "whole": whole}
    return variant, {**values, "until": until}


class _Variant(NamedTuple):
    """What decides which select reads demands: the shape of its scope, options, and what modules add.

    PostgreSQL plans once for lines and products that `are_few`: to plan takes it longer than to read them.
    """

    named: bool
    beyond_queue: bool
    confirming: bool
    whole: bool
    by_requested_day: bool
    ends: bool
    rules: tuple[ServiceRule, ...] = ()
    are_few: bool = False


def _demands(session: Session, variant: _Variant) -> Select[*tuple[Any, ...]]:
    whole = is_among(session, OrderLine.product_id, "whole") if variant.whole else false()
    return _demand_rows(session, variant, whole).order_by(OrderLine.product_id, *service_order(session, variant.rules))


_STOCK, _DEMAND = 0, 1


def _together(session: Session, variant: _Variant, _removal: str) -> CompoundSelect[*tuple[Any, ...]]:
    place = func.row_number().over(order_by=(Balance.product_id, *removal_order())).label("place")
    stock = usable_rows(session, are_few=variant.are_few).add_columns(place).cte("stock")
    id_, product_id, quantity, *_ = stock.c
    named_whole = is_among(session, OrderLine.product_id, "whole", hides_number=variant.are_few)
    whole = or_(named_whole, OrderLine.product_id.in_(select(product_id)))
    in_order = (OrderLine.product_id, *service_order(session, variant.rules))
    place = func.row_number().over(order_by=in_order).label("place")
    rows = _demand_rows(session, variant, whole).add_columns(place)
    if variant.beyond_queue:
        rows = rows.where(_is_asked_or_may_lose(session, stock))
    demands = rows.subquery()
    nothing = [cast(null(), BigInteger)] * 3
    of_stock = select(literal(_STOCK).label("kind"), id_, product_id, quantity, *nothing, stock.c.place)
    both = union_all(of_stock, select(literal(_DEMAND), *demands.c))
    return both.order_by(both.selected_columns[0], both.selected_columns[7])


def _is_asked_or_may_lose(session: Session, stock: CTE) -> ColumnElement[bool]:
    """Return the condition on an order line that it is named, or of a product whose stock is not enough for all lines.

    Lines of other products lose nothing by the order in which they are served. This keeps a long queue from being read.
    """
    named, waiting, line, product = aliased(OrderLine), aliased(OrderLine), aliased(OrderLine), aliased(Product)
    free = select(func.coalesce(func.sum(stock.c[2]), 0)).where(stock.c.product_id == product.id)
    need = select(func.sum(raw(line.need))).where(line.product_id == product.id, line.has_need)
    among = partial(is_among, session, hides_number=True)
    is_short = need.scalar_subquery() > free.scalar_subquery()
    short = _worked_out_once(select(product.id).where(among(product.id, "product_ids"), is_short), "short")
    of_short = select(waiting.id).join(short, waiting.product_id == short.c.id).where(waiting.has_need)
    ids = _worked_out_once(union_all(select(named.id).where(among(named.id, "line_ids")), of_short), "asked")
    return OrderLine.id.in_(select(ids.c.id))


def _worked_out_once(rows: Select[int] | CompoundSelect[int], name: str) -> CTE:
    """Return a CTE that PostgreSQL reads once, whatever it takes the number of lines for."""
    return rows.cte(name).prefix_with("materialized", dialect="postgresql")


def _demand_rows(session: Session, variant: _Variant, whole: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    wanted = or_(whole, OrderLine.need != open_backorder_quantity())
    # The backorder is joined first: where it equals the need, the order is not looked up at all.
    backorder = (Backorder.id, raw(open_backorder_quantity()))
    return (
        select(OrderLine.id, OrderLine.product_id, raw(OrderLine.need), *backorder, _promised())
        .select_from(OrderLine)
        .outerjoin(Backorder, and_(Backorder.line_id == OrderLine.id, Backorder.is_open))
        .join(OrderLine.order)
        .join(OrderLine.product)
        .where(OrderLine.has_need, _in_scope(session, variant), wanted)
    )


def _promised() -> ColumnElement[int]:
    leaves_alone = and_(Order.shipping_policy == ShippingPolicy.partial, OrderLine.is_preorder.is_(False))
    return case(
        (OrderLine.promise_date.is_not(None), literal(NEVER)),
        (and_(OrderLine.allocated == Decimal(0), leaves_alone), literal(BY_PLAN)),
        else_=literal(BY_COVERAGE),
    ).label("promised")


def _in_scope(session: Session, variant: _Variant) -> ColumnElement[bool]:
    among = partial(is_among, session, hides_number=variant.are_few)
    # Of few lines each finds its order: PostgreSQL would read all confirmed orders where it takes them for fewer still.
    is_confirmed = Order.is_confirmed.is_(True) if variant.are_few else Order.is_confirmed
    is_lot_tracked = Product.tracking != Tracking.serial
    of_products, allocatable = among(OrderLine.product_id, "product_ids"), and_(is_confirmed, is_lot_tracked)
    named = and_(among(OrderLine.id, "line_ids"), allocatable)
    if variant.named:
        return and_(of_products, named)
    scheduled = _is_after(given("until")) if variant.ends else false()
    if variant.confirming:
        allocatable = and_(or_(is_confirmed, among(OrderLine.id, "confirmed")), is_lot_tracked)
    waiting = and_(allocatable, not_(is_held(session, variant.rules)), not_(scheduled))
    return and_(of_products, or_(waiting, named) if variant.beyond_queue else waiting)


def waiting_product_ids(session: Session, skus: Sequence[str] = ()) -> list[int]:
    """Return the ids of the products for which lines wait; only of these SKUs, where some are given."""
    waits = select(OrderLine.id).join(OrderLine.order)
    waits = waits.where(OrderLine.product_id == Product.id, is_waiting(session), OrderLine.has_need).correlate(Product)
    wanted = Product.sku_key.in_(set(map(identity_key, skus))) if skus else true()
    return list(session.scalars(select(Product.id).where(wanted, waits.exists()).order_by(Product.id)))
