"""What the buttons and pages of orders say of the emails that would follow from automatic allocation."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from erp.admin import ActionNotes
from erp.db import one_moment
from erp.text import Note
from modules.backorder_email import queries
from modules.inventory_lots.states import Tracking
from modules.preorder.queries import gained_by_ordering, gained_by_receiving, gained_without
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales.models import Order, OrderLine
from modules.sales.planning import Taken
from modules.sales.queries import gained_by_allocating, gained_by_confirming

# What lines would gain by an action, by a label that names the action.
Gains = Mapping[str, Collection[Taken]]
Planning = Callable[[Session, Any], Gains]


def _confirm(session: Session, order: Any) -> Gains:
    return {"Confirm": gained_by_confirming(session, order)}


def _allocate(session: Session, row: Order | OrderLine) -> Gains:
    # The page of a line that has the same name allocates by hand what is ticked there.
    return {"Allocate Order": gained_by_allocating(session, row)} if isinstance(row, Order) else {}


def _order(session: Session, order: PurchaseOrder) -> Gains:
    return {"Order": gained_by_ordering(session, order)}


def _open_lines(row: PurchaseOrder | PurchaseOrderLine) -> list[PurchaseOrderLine]:
    return [line for line in (row.lines if isinstance(row, PurchaseOrder) else [row]) if line.is_open]


def _receive(session: Session, row: PurchaseOrder | PurchaseOrderLine) -> Gains:
    coming = [line for line in _open_lines(row) if line.product.tracking is not Tracking.serial]
    return {"If all that is outstanding is received": gained_by_receiving(session, coming)} if coming else {}


def _cancel(session: Session, row: PurchaseOrder | PurchaseOrderLine) -> Gains:
    coming = _open_lines(row)
    return gained_without(session, {"Cancel": coming}) if coming else {}


def _close_short(session: Session, row: PurchaseOrder | PurchaseOrderLine) -> Gains:
    coming = {f"Close short line {line.position}": [line] for line in _open_lines(row)}
    return gained_without(session, coming) if coming else {}


_SALES: Mapping[str, Planning] = {"confirm": _confirm, "allocate": _allocate}
_PURCHASES: Mapping[str, Planning] = {
    "order": _order,
    "receive": _receive,
    "cancel": _cancel,
    "close-short": _close_short,
}


def _notes(plannings: Mapping[str, Planning]) -> ActionNotes:
    def notes(session: Session, row: Any, names: Collection[str]) -> Sequence[Note]:
        asked = [planning for name, planning in plannings.items() if name in names]
        if not asked or not queries.do_runs_notify(session):
            return ()
        with one_moment(session):
            gains = {label: gained for planning in asked for label, gained in planning(session, row).items()}
            return queries.notes_of_gains(session, gains)

    return ActionNotes("Emails", notes)


SALES_NOTES, PURCHASE_NOTES = _notes(_SALES), _notes(_PURCHASES)
