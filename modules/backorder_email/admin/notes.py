"""What the buttons and pages of orders say of the emails that would follow from automatic allocation."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from erp.admin import ActionNotes
from erp.db import one_moment
from erp.text import Note, say, verb
from modules.backorder_email import queries
from modules.inventory_lots.states import Tracking
from modules.preorder.queries import gained_by_ordering, gained_by_receiving, gained_without
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales.planning import Taken
from modules.sales.queries import gained_by_allocating, gained_by_confirming

# What lines would gain by an action, by a label that names the action.
Gains = Mapping[str, Collection[Taken]]
Planning = Callable[[Session, Any], Gains]


def _confirm(session: Session, order: Any) -> Gains:
    return {"Confirm": gained_by_confirming(session, order)}


def _allocate(session: Session, order: Any) -> Gains:
    return {"Allocate Order": gained_by_allocating(session, order)}


def _order(session: Session, order: PurchaseOrder) -> Gains:
    return {"Order": gained_by_ordering(session, order)}


def _receive(session: Session, order: PurchaseOrder) -> Gains:
    return _receive_lines(session, order.lines)


def _receive_line(session: Session, line: PurchaseOrderLine) -> Gains:
    return _receive_lines(session, [line])


def _receive_lines(session: Session, lines: Sequence[PurchaseOrderLine]) -> Gains:
    coming = [line for line in lines if line.is_open and line.product.tracking is not Tracking.serial]
    return {"If all that is outstanding is received": gained_by_receiving(session, coming)} if coming else {}


def _cancel(session: Session, order: PurchaseOrder) -> Gains:
    coming = [line for line in order.lines if line.is_open]
    return gained_without(session, {verb("to cancel"): coming}) if coming else {}


def _close_short(session: Session, order: PurchaseOrder) -> Gains:
    coming: dict[str, list[PurchaseOrderLine]] = {
        say("Close short line {line}", line=line.position): [line] for line in order.lines if line.is_open
    }
    return gained_without(session, coming) if coming else {}


_SALES: Mapping[str, Planning] = {"confirm": _confirm, "allocate": _allocate}
_PURCHASES: Mapping[str, Planning] = {
    "order": _order,
    "receive": _receive,
    "lines/receive": _receive_line,
    "cancel": _cancel,
    "lines/close-short": _close_short,
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
