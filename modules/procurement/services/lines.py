"""Lines of purchase orders: adding, changing, and closing them short."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.db import insert_rows, is_one_of
from erp.errors import ErpError, StaleRecord
from erp.history import Change, record_all
from modules.inventory_lots.domain import check_price, check_quantity
from modules.inventory_lots.models import Product
from modules.inventory_lots.queries import products_by_id
from modules.procurement.domain import LineQuantities, LineValues
from modules.procurement.errors import LineIsAllocated, NothingOutstanding, ProductIsFixed, QuantityBelowReceived
from modules.procurement.hooks import OutstandingFall, allocations_of_lines, outstanding_will_fall
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.queries import last_positions
from modules.procurement.services.expected_dates import write_dates
from modules.procurement.services.locking import (
    count_up_versions,
    fresh_lines,
    fresh_order,
    lock_lines_and_orders,
    lock_order,
)
from modules.procurement.services.states import announce_supply, update_states
from modules.procurement.services.statuses import write_statuses
from modules.procurement.states import PURCHASE_ORDER, PurchaseState


def add_lines(session: Session, order_id: int, lines: Sequence[LineValues]) -> None:
    """Lock an order, ordered or not, and add lines to it."""
    order = lock_order(session, order_id, {values.product_id for values in lines})
    PURCHASE_ORDER.next(order.state, "change_line")
    apply_values(session, order, [replace(values, line_id=None) for values in lines])


def change_line(
    session: Session,
    line_id: int,
    *,
    quantity: Decimal | None = None,
    product_id: int | None = None,
    release: bool = False,
) -> None:
    """Lock a line's order and change the quantity or the product of the line.

    Lowering it below what is received and allocated raises LineIsAllocated, unless `release` is given.
    """
    order_id = session.get_one(PurchaseOrderLine, line_id).order_id
    order = lock_order(session, order_id, {product_id} if product_id else ())
    PURCHASE_ORDER.next(order.state, "change_line")
    now = values_of(next(line for line in order.lines if line.id == line_id))
    quantity = now.quantity if quantity is None else quantity
    values = replace(now, product_id=product_id or now.product_id, quantity=quantity)
    apply_values(session, order, [values], release=release)


def change_quantities(session: Session, quantities: Mapping[int, Decimal]) -> dict[int, ErpError]:
    """Lock lines and change their quantities by id, in as many statements for one line as for many.

    Returns why lines are refused, by id; with any refusal the caller undoes all.
    """
    if not quantities:
        return {}
    lines = lock_lines_and_orders(session, quantities)
    changes = [(line, replace(values_of(line), quantity=quantities[line.id])) for line in lines]
    refusals = _refusals(session, changes)
    accepted = {line.id: change for line, change in changes if line.id not in refusals}
    supply = [line for line in lines if line.id in accepted and line.order.state != PurchaseState.draft]
    _make_room(session, [(line, accepted[line.id]) for line in supply])
    count_up_versions(session, [line for line in lines if line.id in accepted])
    for line in fresh_lines(session, accepted):
        line.quantity = quantities[line.id]
    update_states(session, {line.order_id for line in supply})
    announce_supply(session, [line.product_id for line in supply])
    return refusals


def _refusals(session: Session, changes: Sequence[tuple[PurchaseOrderLine, LineValues]]) -> dict[int, ErpError]:
    refusals: dict[int, ErpError] = {}
    for line, change in changes:
        try:
            PURCHASE_ORDER.next(line.order.state, "change_line")
            check_quantity(change.quantity, line.product.unit_decimals, what=str(line))
            _check_received(line, change)
        except ErpError as refusal:
            refusals[line.id] = refusal
    tight = [
        (line, change)
        for line, change in changes
        if line.id not in refusals and _outstanding(line, change) < line.taken
    ]
    return {**refusals, **_allocated_refusals(session, tight)}


def append_lines(session: Session, new_lines: Mapping[int, Sequence[LineValues]]) -> dict[int, ErpError]:
    """Add lines to locked orders by their ids, in as many statements for one as for many.

    The caller holds the locks of the products too and has checked the quantities. Returns why orders are refused, by
    id; with any refusal the caller undoes all.
    """
    refusals: dict[int, ErpError] = {}
    orders = select(PurchaseOrder).where(is_one_of(session, PurchaseOrder.id, new_lines)).order_by(PurchaseOrder.id)
    changed = session.scalars(orders).all()
    for order in changed:
        try:
            PURCHASE_ORDER.next(order.state, "change_line")
        except ErpError as refusal:
            refusals[order.id] = refusal
    accepted = [order.id for order in changed if order.id not in refusals]
    last = last_positions(session, accepted) if accepted else {}
    rows = [row for id_ in accepted for row in rows_of(id_, new_lines[id_], last=last.get(id_, 0))]
    added = fresh_lines(session, insert_rows(session, PurchaseOrderLine, rows)) if rows else []
    record_all(session, [Change(line.history_subject(), "added", "product", new=line.product.sku) for line in added])
    count_up_versions(session, added)
    update_states(session, {line.order_id for line in added})
    announce_supply(session, [line.product_id for line in added if line.order.state != PurchaseState.draft])
    return refusals


def values_of(line: PurchaseOrderLine) -> LineValues:
    """Return a line's present values as a user would enter them."""
    return LineValues(line.product_id, line.quantity, line.unit_cost, line.expected_on, line.status_id, line.id)


def apply_values(
    session: Session,
    order: PurchaseOrder,
    values: Sequence[LineValues],
    *,
    release: bool = False,
) -> None:
    """Change and add lines of a locked order at once: check, make room, write, publish."""
    known = {line.id: line for line in order.lines}
    changes = {change.line_id: change for change in values if change.line_id is not None}
    if not changes.keys() <= known.keys():
        raise StaleRecord
    pairs = [(known[line_id], change) for line_id, change in changes.items()]
    _check_values(session, order, values)
    _check_changes(session, pairs, release=release)
    is_supply = order.state != PurchaseState.draft
    if is_supply:
        _make_room(session, pairs)
    found = fresh_order(session, order.id)
    assert found is not None
    supply = _write(found, changes)
    session.flush()
    changed = [line for line in found.lines if line.id in changes]
    new = [line for line in values if line.line_id is None]
    added = _append(session, found, new)
    record_all(session, [Change(line.history_subject(), "added", "product", new=line.product.sku) for line in added])
    write_dates(session, changed, {line.id: changes[line.id].expected_on for line in changed})
    write_statuses(session, changed, {line.id: changes[line.id].status_id for line in changed})
    if is_supply:
        update_states(session, [order.id])
        announce_supply(session, supply | {line.product_id for line in new})


def _check_values(session: Session, order: PurchaseOrder, values: Sequence[LineValues]) -> None:
    products = products_by_id(session, {change.product_id for change in values})
    if refusal := refusal_of(values, products, order=f"{order.name}, "):
        raise refusal


def refusal_of(lines: Iterable[LineValues], products: Mapping[int, Product], *, order: str = "") -> ErpError | None:
    """Return BadQuantity or NegativePrice for what one of these lines may not have; `order` begins its sentence."""
    try:
        for line in lines:
            product = products[line.product_id]
            what = f"{order}{product.sku}"
            check_quantity(line.quantity, product.unit_decimals, what=what)
            check_price(line.unit_cost, what=what, field="unit_cost")
    except ErpError as refusal:
        return refusal
    return None


def _check_changes(session: Session, changes: Sequence[tuple[PurchaseOrderLine, LineValues]], *, release: bool) -> None:
    for line, change in changes:
        if change.product_id != line.product_id and (line.received or line.taken):
            raise ProductIsFixed(line=str(line), received=line.received, allocated=line.taken)
        _check_received(line, change)
    tight = [pair for pair in changes if _outstanding(*pair) < pair[0].taken]
    for refusal in [] if release else _allocated_refusals(session, tight[:1]).values():
        raise refusal


def _check_received(line: PurchaseOrderLine, change: LineValues) -> None:
    if change.quantity < line.quantity and change.quantity < line.received + line.cancelled:
        raise QuantityBelowReceived(
            line=str(line), quantity=change.quantity, received=line.received, cancelled=line.cancelled
        )


def _allocated_refusals(
    session: Session, tight: Sequence[tuple[PurchaseOrderLine, LineValues]]
) -> dict[int, LineIsAllocated]:
    """Return why lines of which too much is allocated cannot be lowered, by id."""
    documents = _documents(session, [line.id for line, _ in tight]) if tight else {}
    return {
        line.id: LineIsAllocated(
            line=str(line),
            quantity=change.quantity,
            allocated=line.taken,
            documents=list(documents[line.id]),
        )
        for line, change in tight
    }


def _outstanding(line: PurchaseOrderLine, change: LineValues) -> Decimal:
    return LineQuantities(change.quantity, line.received, line.cancelled).outstanding


def _documents(session: Session, line_ids: Sequence[int]) -> dict[int, dict[str, None]]:
    """Return the documents that each line is allocated to, each once."""
    documents: dict[int, dict[str, None]] = {line_id: {} for line_id in line_ids}
    for allocation in (each for answer in allocations_of_lines(session, line_ids) for each in answer):
        documents[allocation.line_id][allocation.document] = None
    return documents


def _make_room(session: Session, changes: Sequence[tuple[PurchaseOrderLine, LineValues]]) -> None:
    falls = [
        OutstandingFall(line.id, _outstanding(line, change))
        for line, change in changes
        if _outstanding(line, change) < line.outstanding
    ]
    if falls:
        outstanding_will_fall(session, falls)


def _write(order: PurchaseOrder, changes: Mapping[int, LineValues]) -> set[int]:
    """Write quantities, products and costs; return the ids of the products whose supply changed."""
    supply: set[int] = set()
    for line in order.lines:
        change = changes.get(line.id)
        if change is None:
            continue
        if (change.product_id, change.quantity) != (line.product_id, line.quantity):
            supply |= {change.product_id, line.product_id}
        line.product_id, line.quantity, line.unit_cost = change.product_id, change.quantity, change.unit_cost
    return supply


def _append(session: Session, order: PurchaseOrder, lines: Iterable[LineValues]) -> list[PurchaseOrderLine]:
    """Insert new lines after the last line of an order; return them."""
    last = max((line.position for line in order.lines), default=0)
    insert_rows(session, PurchaseOrderLine, rows_of(order.id, lines, last=last))
    session.expire(order, ["lines"])
    return [line for line in order.lines if line.position > last]


def rows_of(order_id: int, lines: Iterable[LineValues], *, last: int = 0) -> list[dict[str, Any]]:
    """Return the column values of new lines after the last position of an order."""
    return [
        {
            "order_id": order_id,
            "position": position,
            "product_id": values.product_id,
            "quantity": values.quantity,
            "unit_cost": values.unit_cost,
            "expected_on": values.expected_on,
            "status_id": values.status_id,
        }
        for position, values in enumerate(lines, start=last + 1)
    ]


def close_lines(session: Session, line_ids: Iterable[int]) -> None:
    """Lock lines and close them short: what is outstanding will not come. Raises NothingOutstanding."""
    locked = lock_lines_and_orders(session, line_ids)
    for line in locked:
        PURCHASE_ORDER.next(line.order.state, "close_short")
        if not line.has_outstanding:
            raise NothingOutstanding(line=str(line))
    cancel_outstanding(session, locked)
    update_states(session, {line.order_id for line in locked})
    announce_supply(session, [line.product_id for line in locked])


def close_part(session: Session, line_id: int, quantity: Decimal) -> None:
    """Lock a line and close a quantity of it short: so much of what is outstanding will not come.

    Raises BadQuantity, and NothingOutstanding where less is outstanding.
    """
    (line,) = lock_lines_and_orders(session, [line_id])
    PURCHASE_ORDER.next(line.order.state, "close_short")
    check_quantity(quantity, line.product.unit_decimals, what=str(line))
    if not 0 < quantity <= line.outstanding:
        raise NothingOutstanding(line=str(line))
    outstanding_will_fall(session, [OutstandingFall(line_id, line.outstanding - quantity)])
    for found in fresh_lines(session, [line_id]):
        found.cancelled += quantity
    session.flush()
    update_states(session, {line.order_id})
    announce_supply(session, [line.product_id])


def cancel_outstanding(session: Session, lines: Sequence[PurchaseOrderLine]) -> None:
    """Cancel what is outstanding of locked lines, after their purchase allocations have been released."""
    line_ids = [line.id for line in lines]
    outstanding_will_fall(session, [OutstandingFall(line_id, Decimal(0)) for line_id in line_ids])
    for line in fresh_lines(session, line_ids):
        line.cancelled += line.outstanding
    session.flush()
