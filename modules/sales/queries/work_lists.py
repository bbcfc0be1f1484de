"""Work lists: where each open unit of the confirmed orders waits, or may leave."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, not_, or_, select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import from_raw, is_one_of, raw, read_rows, to_raw, total
from erp.numbers import sums
from erp.registry import current_registry
from erp.text import say
from modules.inventory_lots.models import Balance, Product
from modules.inventory_lots.queries import unusable_column, usable_condition
from modules.inventory_lots.states import Tracking
from modules.sales.domain import OpenLine, leaves_whole, work_lists
from modules.sales.hooks import pack_refusals, staying_condition
from modules.sales.models import Allocation, Customer, Order, OrderLine
from modules.sales.queries.allocations import select_unpacked
from modules.sales.queries.lines import select_lines
from modules.sales.queries.purchase_allocations import purchase_allocated_quantities
from modules.sales.queries.queue import is_scheduled
from modules.sales.queries.service_order import is_held, service_order
from modules.sales.states import ShippingPolicy, WorkList

SHIPS_COMPLETE = "The order ships complete, and not all of it can leave now."


class Entry(NamedTuple):
    """A line in a work list: the raw quantity of it that is there, and why where there is a reason."""

    line_id: int
    quantity: int
    why: str


@dataclass(frozen=True)
class Size:
    """How many lines are in a work list, and how many units."""

    lines: int = 0
    quantity: Decimal = Decimal(0)


class _Read(NamedTuple):
    """An open line with raw quantities as the driver gives it: SQLite has 0 and 1 for false and true."""

    id: int
    order_id: int
    product_id: int
    open_quantity: int
    allocated: int
    is_held: bool
    is_scheduled: bool
    is_serial: bool
    ships_complete: bool


@dataclass
class _Line:
    """An open line as it is read: what the rules need of it, and the reasons that the lists show."""

    id: int
    order_id: int
    product_id: int
    ships_complete: bool
    state: OpenLine
    blocked_because: str = ""
    stays_because: str = ""


@dataclass(frozen=True)
class WorkLists:
    """Every work list with its lines in order of service; `is_cut` where more lines are open than were looked at."""

    entries: Mapping[WorkList, Sequence[Entry]] = field(default_factory=dict)
    is_cut: bool = False

    def of(self, work_list: WorkList) -> Sequence[Entry]:
        """Return the lines of one list."""
        return self.entries.get(work_list, ())

    def size(self, work_list: WorkList) -> Size:
        """Return how much is in one list."""
        found = self.of(work_list)
        return Size(len(found), from_raw(sum(entry.quantity for entry in found)))


def read_work_lists(session: Session, *, most: int | None = None, only_allocated: bool = False) -> WorkLists:
    """Return where each open unit of the confirmed orders is: in exactly one list.

    With `most` only the orders of so many lines are looked at, first in order of service; with `only_allocated` those
    of lines that have something allocated. The number of statements does not depend on the number of lines.
    """
    if most is None:
        lines, is_cut = _open_lines(session), False
    else:
        order_ids = _first_orders(session, most + 1, only_allocated)
        lines = _open_lines(session, is_one_of(session, OrderLine.order_id, set(order_ids[:most])))
        is_cut = len(order_ids) > most
    _add_reasons(session, lines)
    entries: dict[WorkList, list[Entry]] = defaultdict(list)
    for line in lines:
        why = {WorkList.blocked: line.blocked_because, WorkList.not_yet: line.stays_because}
        for work_list, quantity in work_lists(line.state).items():
            entries[work_list].append(Entry(line.id, quantity, why.get(work_list, "")))
    return WorkLists(entries, is_cut)


def _first_orders(session: Session, most: int, only_allocated: bool) -> list[int]:
    """Return the orders of the first open lines in order of service, one for each line."""
    open_lines = select_lines(OrderLine.order_id).where(Order.is_confirmed, OrderLine.is_open)
    wanted = open_lines.where(OrderLine.allocated > Decimal(0)) if only_allocated else open_lines
    return list(session.scalars(wanted.order_by(*service_order(session)).limit(most)))


def _open_lines(session: Session, *conditions: ColumnElement[bool]) -> list[_Line]:
    columns = select_lines(
        OrderLine.id,
        OrderLine.order_id,
        OrderLine.product_id,
        raw(OrderLine.open_quantity),
        raw(OrderLine.allocated),
        is_held(session),
        is_scheduled(),
        Product.tracking == Tracking.serial,
        Order.shipping_policy == ShippingPolicy.complete,
    )
    wanted = columns.where(Order.is_confirmed, OrderLine.is_open, *conditions)
    rows = [_Read._make(row) for row in read_rows(session, wanted.order_by(*service_order(session)))]
    blocked = _blocked(session, [row.id for row in rows if row.allocated])
    needing = [row.id for row in rows if row.open_quantity > row.allocated and not row.is_serial]
    on_purchase_orders = purchase_allocated_quantities(session, needing)
    return [
        _Line(
            id=row.id,
            order_id=row.order_id,
            product_id=row.product_id,
            ships_complete=bool(row.ships_complete),
            blocked_because=why,
            state=OpenLine(
                open_quantity=row.open_quantity,
                allocated=row.allocated,
                blocked=quantity,
                purchase_allocated=to_raw(on_purchase_orders.get(row.id, Decimal(0))),
                is_serial=bool(row.is_serial),
                is_held=bool(row.is_held),
                is_scheduled=bool(row.is_scheduled),
            ),
        )
        for row in rows
        for quantity, why in [blocked.get(row.id, (0, ""))]
    ]


def _blocked(session: Session, line_ids: Collection[int]) -> dict[int, tuple[int, str]]:
    """Return what of each line is allocated on stock that may not leave, and one reason for it."""
    today = clock.today()
    rows = session.execute(
        select_unpacked(Allocation.line_id, raw(total(Allocation.unpacked)), func.max(unusable_column(today)))
        .where(is_one_of(session, Allocation.line_id, line_ids), not_(usable_condition(today)))
        .group_by(Allocation.line_id)
    )
    return {line_id: (int(quantity), say("The lot is {why}.", why=why)) for line_id, quantity, why in rows}


def _add_reasons(session: Session, lines: Sequence[_Line]) -> None:
    """Say of the lines that may not leave now why: refused by a module, or waiting for the rest of the order."""
    refusals = _refusals(session, [line.id for line in lines if line.state.allocated or line.ships_complete])
    for line in lines:
        if line.id in refusals:
            line.stays_because = refusals[line.id]
            line.state = replace(line.state, may_leave=False)
    complete = [line for line in lines if line.ships_complete]
    serials = _usable_serials(session, {line.product_id for line in complete if line.state.is_serial})
    for _, of_order in groupby(sorted(complete, key=lambda line: line.order_id), key=lambda line: line.order_id):
        order_lines = list(of_order)
        if leaves_whole((line.state for line in order_lines), _are_in_stock(order_lines, serials)):
            continue
        for line in order_lines:
            line.stays_because = line.stays_because or SHIPS_COMPLETE
            line.state = replace(line.state, may_leave=False)


def _refusals(session: Session, line_ids: Collection[int]) -> dict[int, str]:
    asked = current_registry().answering(pack_refusals)
    if not asked:
        return {}
    wanted = select(OrderLine).where(is_one_of(session, OrderLine.id, line_ids))
    if asked <= current_registry().answering(staying_condition):
        wanted = wanted.where(or_(*staying_condition(session)))  # the others need not be loaded
    lines = session.scalars(wanted).all()
    return {id_: str(error) for answer in pack_refusals(session, lines) for id_, error in answer.items()}


def _usable_serials(session: Session, product_ids: Iterable[int]) -> dict[int, int]:
    rows = session.execute(
        select(Balance.product_id, raw(total(Balance.on_hand)))
        .join(Balance.lot)
        .join(Balance.location)
        .where(is_one_of(session, Balance.product_id, product_ids), usable_condition(clock.today()))
        .group_by(Balance.product_id)
    )
    return {product_id: int(quantity) for product_id, quantity in rows}


def _are_in_stock(lines: Sequence[_Line], serials: Mapping[int, int]) -> bool:
    wanted = sums((line.product_id, line.state.open_quantity) for line in lines if line.state.is_serial)
    return all(quantity <= serials.get(product_id, 0) for product_id, quantity in wanted.items())


@dataclass(frozen=True)
class ListedLine:
    """A line of a work list as a page shows it."""

    line: Any
    quantity: Decimal
    why: str


def listed_lines(session: Session, entries: Sequence[Entry]) -> list[ListedLine]:
    """Return these lines with what a page shows of them, in the same order."""
    rows = session.execute(
        select_lines(
            OrderLine.id,
            Order.id.label("order_id"),
            Order.number,
            OrderLine.position,
            Customer.name.label("customer"),
            Order.ordered_at,
            Product.id.label("product_id"),
            Product.sku,
            Product.name,
            Product.unit,
            OrderLine.requested_on,
            OrderLine.promise_date,
        )
        .join(Order.customer)
        .where(is_one_of(session, OrderLine.id, [entry.line_id for entry in entries]))
    )
    found = {row.id: row for row in rows}
    return [ListedLine(found[entry.line_id], from_raw(entry.quantity), entry.why) for entry in entries]
