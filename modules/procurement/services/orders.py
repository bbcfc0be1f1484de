"""Purchase orders: created, edited, ordered and cancelled."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from erp.db import bulk_insert, insert_rows, new_ids_of
from erp.errors import ErpError, StaleRecord
from erp.history import Change, Subject, record_all
from erp.numbers import to_raw
from erp.sequence import next_number
from modules.inventory_lots.queries import products_by_id
from modules.inventory_lots.services import lock_products
from modules.procurement.domain import LineValues, NewDraft, NewOrder, OrderEdit, OrderHead
from modules.procurement.errors import LineNotRemovable, OrderWithoutLines, PartlyReceived
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.queries import order_ids_by_number
from modules.procurement.services.lines import apply_values, cancel_outstanding, refusal_of, rows_of
from modules.procurement.services.locking import LINE, ORDER, lock_order
from modules.procurement.services.states import announce_supply
from modules.procurement.states import PURCHASE_ORDER, PurchaseState

LINE_COLUMNS = (
    "order_id",
    "position",
    "product_id",
    "quantity",
    "unit_cost",
    "expected_on",
    "status_id",
    "received",
    "cancelled",
    "allocated",
)


def create_order(session: Session, head: OrderHead, *, lines: Sequence[LineValues] = ()) -> PurchaseOrder:
    """Create a draft. It is no supply before it is ordered. Raises BadQuantity and NegativePrice."""
    (made,) = create_drafts(session, [NewDraft(head, lines)])
    if isinstance(made, ErpError):
        raise made
    return session.get_one(PurchaseOrder, made)


def create_drafts(session: Session, drafts: Sequence[NewDraft]) -> list[int | ErpError]:
    """Create drafts, with a fixed number of statements; return the id of each, or why it is refused.

    They are refused for what a line may not have: BadQuantity and NegativePrice.
    """
    products = products_by_id(session, {values.product_id for draft in drafts for values in draft.lines})
    refused = {place: refusal for place, draft in enumerate(drafts) if (refusal := refusal_of(draft.lines, products))}
    made = {place: draft for place, draft in enumerate(drafts) if place not in refused}
    free = new_ids_of(session, {ORDER: len(made), LINE: sum(len(draft.lines) for draft in made.values())})
    ids = dict(zip(made, free[ORDER], strict=True))
    insert_rows(session, PurchaseOrder, [vars(draft.head) for draft in made.values()], ids=free[ORDER])
    rows = [row for place, draft in made.items() for row in rows_of(ids[place], draft.lines)]
    insert_rows(session, PurchaseOrderLine, rows, ids=free[LINE])
    return [ids[place] if place in ids else refused[place] for place in range(len(drafts))]


def create_ordered(session: Session, orders: Sequence[NewOrder]) -> None:
    """Create orders that have numbers and are ordered already, with a fixed number of statements.

    Locks their products; the caller has checked numbers and quantities.
    """
    product_ids = {values.product_id for order in orders for values in order.lines}
    lock_products(session, product_ids)
    heads = [(order.number, order.supplier_id, order.ordered_on, "ordered", "", 1) for order in orders]
    bulk_insert(session, ORDER, ("number", "supplier_id", "ordered_on", "state", "note", "row_version"), heads)
    ids = order_ids_by_number(session, [order.number for order in orders])
    subjects = [Subject("procurement.purchase_order", ids[order.number], order.number) for order in orders]
    record_all(session, [Change(subject, "created", "state", new=PurchaseState.ordered) for subject in subjects])
    lines = [_line_row(ids[order.number], *line) for order in orders for line in enumerate(order.lines, start=1)]
    bulk_insert(session, LINE, LINE_COLUMNS, lines)
    session.expire_all()
    announce_supply(session, product_ids)


def _line_row(order_id: int, position: int, values: LineValues) -> tuple[Any, ...]:
    unit_cost = None if values.unit_cost is None else to_raw(values.unit_cost)
    planned = (values.product_id, to_raw(values.quantity), unit_cost, values.expected_on, values.status_id)
    return (order_id, position, *planned, 0, 0, 0)


def edit_order(session: Session, order_id: int, edit: OrderEdit, *, row_version: int | None = None) -> None:
    """Lock an order and save its whole form at once; `row_version` is the one that the form was filled from.

    Raises StaleRecord when the order has another version, LineNotRemovable when a line is removed that is no draft's.
    """
    order = lock_order(session, order_id, {values.product_id for values in edit.lines})
    if row_version is not None and row_version != order.row_version:
        raise StaleRecord
    PURCHASE_ORDER.next(order.state, "change_line")
    _remove_lines(session, order, edit.removed)
    order.supplier_id, order.ordered_on, order.note = edit.head.supplier_id, edit.head.ordered_on, edit.head.note
    if not session.is_modified(order):
        # Counts up row_version even if only lines change, so that a form opened before is recognised as stale.
        flag_modified(order, "supplier_id")
    apply_values(session, order, edit.lines, release=edit.release)


def _remove_lines(session: Session, order: PurchaseOrder, removed: Collection[int]) -> None:
    gone = [line for line in order.lines if line.id in removed]
    if not gone:
        return
    if order.state != PurchaseState.draft:
        raise LineNotRemovable(line=str(gone[0]))
    removals = [Change(line.history_subject(), "removed", "product", line.product.sku) for line in gone]
    record_all(session, removals)
    for line in gone:
        order.lines.remove(line)
    session.flush()
    for position, line in enumerate(order.lines, start=1):
        line.position = position
    session.flush()


def place_order(session: Session, order_id: int) -> None:
    """Lock a draft and order it: it gets its number and becomes supply. Raises OrderWithoutLines."""
    order = lock_order(session, order_id)
    state = PURCHASE_ORDER.next(order.state, "order")
    if not any(line.has_outstanding for line in order.lines):
        raise OrderWithoutLines(order=order.name)
    order.number = order.number or next_number(session, "procurement.purchase_order", "PO", PurchaseOrder.number)
    order.state = state
    session.flush()
    announce_supply(session, [line.product_id for line in order.lines])


def cancel_order(session: Session, order_id: int) -> None:
    """Lock and cancel an order of which nothing was received. Raises PartlyReceived.

    Its purchase allocations are released; no sales order is cancelled.
    """
    order = lock_order(session, order_id)
    if order.state == PurchaseState.partly_received:
        raise PartlyReceived(order=order.name)
    state = PURCHASE_ORDER.next(order.state, "cancel")
    outstanding = [line for line in order.lines if line.has_outstanding]
    if order.state == PurchaseState.draft:
        product_ids: set[int] = set()
        for line in outstanding:
            line.cancelled = line.quantity
    else:
        product_ids = {line.product_id for line in outstanding}
        cancel_outstanding(session, outstanding)
    order.state = state
    session.flush()
    announce_supply(session, product_ids)
