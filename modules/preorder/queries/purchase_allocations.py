"""Purchase allocations: which quantities of purchase order lines are reserved for which sales order lines."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from types import SimpleNamespace
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, Subquery, and_, func, literal, null, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from erp.db import Quantity, from_raw, is_one_of, raw, read_rows, total
from erp.models import RunEntry
from erp.numbers import sums
from erp.text import say
from modules.inventory_lots.models import Product
from modules.preorder.domain import PURCHASE_LINE
from modules.preorder.models import PurchaseAllocation
from modules.preorder.queries.arrivals import latest_arrival_first, when_expected
from modules.procurement.hooks import LineAllocation
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales.hooks import AllocationRow, SupplyNote
from modules.sales.models import Backorder, Customer, Order, OrderLine, quote_name
from modules.sales.queries import open_backorder_quantity, parts_of_supplies, service_order
from modules.sales.states import AllocationSource

NOTHING = literal(Decimal(0), Quantity())
MOST_SHOWN = 500

_SHOWN = (
    PurchaseAllocation.id,
    PurchaseAllocation.line_id,
    PurchaseAllocation.purchase_line_id,
    Order.id.label("order_id"),
    Order.number,
    OrderLine.position,
    Customer.name.label("customer"),
    Order.ordered_at,
    Product.id.label("product_id"),
    Product.sku,
    Product.name.label("product"),
    PurchaseOrder.id.label("purchase_order_id"),
    PurchaseOrder.number.label("purchase_order"),
    PurchaseOrderLine.position.label("purchase_position"),
    PurchaseOrderLine.expected_on,
    PurchaseAllocation.quantity,
    PurchaseAllocation.received,
    PurchaseAllocation.outstanding.label("outstanding"),
    OrderLine.promise_date,
    OrderLine.is_promise_pinned,
    PurchaseAllocation.source,
    PurchaseAllocation.user_name,
    PurchaseAllocation.created_at,
    RunEntry.name.label("run_name"),
)
_RAW = (
    PurchaseAllocation.id,
    PurchaseAllocation.line_id,
    PurchaseAllocation.purchase_line_id,
    raw(PurchaseAllocation.outstanding).label("outstanding"),
    raw(PurchaseAllocation.received),
)


class OpenAllocation(NamedTuple):
    """A purchase allocation and the raw quantities that are outstanding and received of it."""

    id: int
    line_id: int
    purchase_line_id: int
    outstanding: int
    received: int


def purchase_allocated_by_line(*conditions: ColumnElement[bool]) -> Subquery:
    """Return a subquery of what each sales order line has on purchase orders: `line_id`, `purchase_allocated`."""
    return (
        select(PurchaseAllocation.line_id, total(PurchaseAllocation.outstanding).label("purchase_allocated"))
        .where(PurchaseAllocation.is_open, *conditions)
        .group_by(PurchaseAllocation.line_id)
        .subquery()
    )


def purchase_allocated_to(line_id: InstrumentedAttribute[int]) -> ColumnElement[Decimal]:
    """Return what the sales order line of that id has on purchase orders, as a subquery of each row."""
    allocated = select(total(PurchaseAllocation.outstanding)).where(
        PurchaseAllocation.is_open, PurchaseAllocation.line_id == line_id
    )
    return allocated.correlate_except(PurchaseAllocation).scalar_subquery()


def with_purchase_lines(*columns: Any) -> Select[Any]:
    """Select columns of open purchase allocations with their purchase order lines joined."""
    return (
        select(*columns)
        .select_from(PurchaseAllocation)
        .join(PurchaseAllocation.purchase_line)
        .where(PurchaseAllocation.is_open)
    )


def open_purchase_allocations(session: Session, *conditions: ColumnElement[bool]) -> Select[PurchaseAllocation]:
    """Select open purchase allocations in order of service, with both lines and both orders joined."""
    return (
        select(PurchaseAllocation)
        .join(PurchaseAllocation.line)
        .join(OrderLine.order)
        .join(PurchaseAllocation.purchase_line)
        .join(PurchaseOrderLine.order)
        .where(PurchaseAllocation.is_open, *conditions)
        .order_by(*service_order(session), PurchaseAllocation.id)
    )


def purchase_allocations_to(
    session: Session, *conditions: ColumnElement[bool], limit: int | None = None
) -> Sequence[Any]:
    """Return what sales order lines have on purchase order lines, in order of service, with all that pages show.

    It is the sum of each pair of lines (domain.md 1), with the `ids` and the `sources` of its open purchase
    allocations and by whom they were made; the first `limit` pairs.
    """
    rows = (
        open_purchase_allocations(session, *conditions)
        .join(Order.customer)
        .join(OrderLine.product)
        .join(RunEntry, RunEntry.id == PurchaseAllocation.run_id)
        .with_only_columns(*_SHOWN)
        .order_by(None)
        .order_by(*service_order(session), PurchaseAllocation.purchase_line_id, PurchaseAllocation.id)
    )
    if limit is not None:
        rows = rows.limit(limit * len(AllocationSource))
    pairs = groupby(session.execute(rows), key=lambda row: (row.line_id, row.purchase_line_id))
    return [_pair(list(of_pair)) for _, of_pair in pairs][:limit]


def _pair(rows: Sequence[Any]) -> Any:
    """Return the open purchase allocations of a pair of lines, one of each source, as one."""
    first = rows[0]._asdict()
    added = {name: sum(getattr(row, name) for row in rows) for name in ("quantity", "received", "outstanding")}
    made_by = ", ".join(dict.fromkeys(row.user_name or row.run_name for row in rows))
    of_each = {"ids": [row.id for row in rows], "sources": [row.source for row in rows], "made_by": made_by}
    return SimpleNamespace(**{**first, **added, **of_each, "created_at": max(row.created_at for row in rows)})


def count_outstanding(session: Session) -> tuple[int, int]:
    """Return how many purchase allocations are open, on how many sales orders."""
    row = session.execute(
        select(func.count(PurchaseAllocation.id), func.count(func.distinct(OrderLine.order_id)))
        .join(PurchaseAllocation.line)
        .where(PurchaseAllocation.is_open)
    ).one()
    return int(row[0]), int(row[1])


def purchase_allocated(session: Session, line_ids: Collection[int]) -> dict[int, Decimal]:
    """Return what each of these sales order lines has on purchase orders; lines that have nothing are left out."""
    sums = purchase_allocated_by_line(is_one_of(session, PurchaseAllocation.line_id, line_ids))
    return dict(session.execute(select(sums.c.line_id, sums.c.purchase_allocated)).all())


def excess_of_lines(session: Session, line_ids: Collection[int]) -> dict[int, int]:
    """Return by how much (raw) the purchase allocations of each of these lines exceed its open backorder."""
    sums = purchase_allocated_by_line(is_one_of(session, PurchaseAllocation.line_id, line_ids))
    excess = sums.c.purchase_allocated - open_backorder_quantity()
    rows = session.execute(
        select(sums.c.line_id, raw(excess))
        .outerjoin(Backorder, and_(Backorder.line_id == sums.c.line_id, Backorder.is_open))
        .where(excess > NOTHING)
    )
    return dict(rows.all())


def excess_of_purchase_lines(session: Session, outstanding: Mapping[int, int]) -> dict[int, int]:
    """Return by how much (raw) the purchase allocations of each purchase order line exceed what it will have
    outstanding."""
    allocated = allocated_of_purchase_lines(session, outstanding)
    return {id_: quantity - outstanding[id_] for id_, quantity in allocated.items() if quantity > outstanding[id_]}


def allocated_of_purchase_lines(session: Session, purchase_line_ids: Collection[int]) -> dict[int, int]:
    """Return what sales orders have (raw) of each of these purchase order lines; one without any is left out."""
    rows = session.execute(
        select(PurchaseAllocation.purchase_line_id, raw(total(PurchaseAllocation.outstanding)))
        .where(PurchaseAllocation.is_open, is_one_of(session, PurchaseAllocation.purchase_line_id, purchase_line_ids))
        .group_by(PurchaseAllocation.purchase_line_id)
    )
    return {id_: int(quantity) for id_, quantity in rows}


def shrinking_order() -> tuple[Any, ...]:
    """Return the order in which purchase allocations of a sales order line shrink, for a select with purchase orders.

    Latest arrival first (no date = latest), those made by hand last.
    """
    by_hand = (PurchaseAllocation.source == AllocationSource.manual).asc()
    return (by_hand, *latest_arrival_first(), PurchaseAllocation.id.desc())


def in_shrinking_order(session: Session, line_ids: Collection[int]) -> list[OpenAllocation]:
    """Return the open purchase allocations of sales order lines in the order in which they shrink."""
    rows = (
        with_purchase_lines(*_RAW)
        .join(PurchaseOrderLine.order)
        .where(is_one_of(session, PurchaseAllocation.line_id, line_ids))
        .order_by(*shrinking_order())
    )
    return list(map(OpenAllocation._make, read_rows(session, rows)))


def automatic_allocations(
    session: Session, line_ids: Collection[int], purchase_line_ids: Collection[int]
) -> list[OpenAllocation]:
    """Return the open purchase allocations of these sales and purchase order lines that runs have made."""
    rows = with_purchase_lines(*_RAW).where(
        PurchaseAllocation.source == AllocationSource.automatic,
        is_one_of(session, PurchaseAllocation.line_id, line_ids),
    )
    # Asked for both at once, SQLite looks every pair of them up.
    wanted = set(purchase_line_ids)
    found = map(OpenAllocation._make, read_rows(session, rows.order_by(PurchaseAllocation.id)))
    return [each for each in found if each.purchase_line_id in wanted]


def open_pairs(session: Session, line_ids: Collection[int]) -> set[tuple[int, int]]:
    """Return the pairs of these sales order lines and the purchase order lines of which they have something."""
    pairs = with_purchase_lines(PurchaseAllocation.line_id, PurchaseAllocation.purchase_line_id)
    rows = session.execute(pairs.where(is_one_of(session, PurchaseAllocation.line_id, line_ids)))
    return {(line_id, purchase_line_id) for line_id, purchase_line_id in rows}


def in_order_of_service(session: Session, purchase_line_ids: Collection[int]) -> list[OpenAllocation]:
    """Return the open purchase allocations of purchase order lines in order of service."""
    of_purchase_lines = is_one_of(session, PurchaseAllocation.purchase_line_id, purchase_line_ids)
    rows = open_purchase_allocations(session, of_purchase_lines).with_only_columns(*_RAW)
    return list(map(OpenAllocation._make, read_rows(session, rows)))


def allocations_of_lines(session: Session, purchase_line_ids: Sequence[int]) -> list[LineAllocation]:
    """Return the sales orders to which purchase order lines are allocated, in order of service, then quotes."""
    of_purchase_lines = is_one_of(session, PurchaseAllocation.purchase_line_id, purchase_line_ids)
    rows = open_purchase_allocations(session, of_purchase_lines).with_only_columns(
        PurchaseAllocation.purchase_line_id, PurchaseAllocation.line_id, Order.number, PurchaseAllocation.outstanding
    )
    pairs = sums(((id_, line_id, number or ""), quantity) for id_, line_id, number, quantity in session.execute(rows))
    orders = [LineAllocation(id_, number, quantity) for (id_, _, number), quantity in pairs.items()]
    return orders + [
        LineAllocation(
            part.source_id, say("quote {quote_name}", quote_name=quote_name(part.quote_id)), from_raw(part.quantity)
        )
        for part in parts_of_supplies(session, purchase_line_ids, kind=PURCHASE_LINE)
    ]


def purchase_allocation_notes(session: Session, line_ids: Collection[int]) -> dict[int, list[SupplyNote]]:
    """Return a note for each purchase order line that these lines have something of: which, how much, when."""
    rows = open_purchase_allocations(
        session, is_one_of(session, PurchaseAllocation.line_id, line_ids)
    ).with_only_columns(
        PurchaseAllocation.line_id,
        PurchaseOrder.number,
        PurchaseOrderLine.position,
        PurchaseOrderLine.expected_on,
        PurchaseAllocation.outstanding.label("outstanding"),
    )
    notes: dict[int, list[SupplyNote]] = {}
    quantities = sums((row[:-1], row.outstanding) for row in session.execute(rows))
    for (line_id, number, position, expected_on), quantity in quantities.items():
        note = SupplyNote(
            say("Purchase order {number}/{position}", number=number, position=position),
            quantity,
            when_expected(expected_on),
        )
        notes.setdefault(line_id, []).append(note)
    return notes


def incoming_allocations(session: Session) -> Iterator[AllocationRow]:
    """Return what lines have on purchase orders as rows of the export `allocations`, by order and line position."""
    columns = (
        Order.id,
        Order.number,
        OrderLine.position,
        Product.sku,
        literal("purchase"),
        null(),
        null(),
        PurchaseOrder.number,
        PurchaseOrderLine.position,
        PurchaseAllocation.outstanding,
        NOTHING,
        OrderLine.promise_date,
    )
    rows = (
        open_purchase_allocations(session)
        .join(OrderLine.product)
        .with_only_columns(*columns)
        .order_by(None)
        .order_by(Order.id, OrderLine.position, PurchaseOrder.id, PurchaseOrderLine.position)
        .execution_options(yield_per=5000)
    )
    return _by_pair(AllocationRow._make(row) for row in session.execute(rows))


def _by_pair(rows: Iterable[AllocationRow]) -> Iterator[AllocationRow]:
    """Yield a row for each pair of lines: those of one pair, of different sources, come one after the other."""
    for _, of_pair in groupby(rows, key=lambda row: (row.order_id, row.line, row.purchase_order, row.purchase_line)):
        first, *others = of_pair
        yield first._replace(quantity=sum((row.quantity for row in others), first.quantity))


def outstanding_by_pair(session: Session, product_ids: Collection[int]) -> Mapping[str, Mapping[str, Any]]:
    """Return what is outstanding of the open purchase allocations of products, by pair of lines, in one query."""
    pair = PurchaseAllocation.line_id, PurchaseAllocation.purchase_line_id
    rows = select(*pair, total(PurchaseAllocation.outstanding)).join(PurchaseAllocation.line).group_by(*pair)
    of = is_one_of(session, OrderLine.product_id, product_ids)
    return {
        f"{line_id}/{purchase_line_id}": {
            "line_id": line_id,
            "purchase_line_id": purchase_line_id,
            "outstanding": outstanding,
        }
        for line_id, purchase_line_id, outstanding in session.execute(rows.where(of, PurchaseAllocation.is_open))
    }


def open_manual_ids(session: Session, pairs: Collection[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """Return the id of the open purchase allocation that was made by hand of each pair of lines that has one."""
    made = PurchaseAllocation
    rows = select(made.line_id, made.purchase_line_id, made.id).where(
        is_one_of(session, made.line_id, {line_id for line_id, _ in pairs}),
        made.is_open,
        made.source == AllocationSource.manual,
    )
    return {(line_id, purchase_line_id): id_ for line_id, purchase_line_id, id_ in session.execute(rows)}
