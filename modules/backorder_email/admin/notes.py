"""What the buttons and pages of orders say of the emails that would follow from automatic allocation."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from erp.admin import ActionNotes
from erp.db import one_moment
from erp.text import Note
from modules.backorder_email import queries
from modules.inventory_lots.states import Tracking
from modules.preorder.queries import ordering_plans, plans_without, receiving_plans
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales.planning import Plan
from modules.sales.queries import allocation_plans, confirmation_plans

# What an action would carry out: plans, by a label that names the action.
Plans = Mapping[str, Iterable[Plan]]
Planning = Callable[[Session, Any], Plans]


def _confirm(session: Session, order: Any) -> Plans:
    return {"Confirm": confirmation_plans(session, order)}


def _allocate(session: Session, order: Any) -> Plans:
    return {"Allocate Order": allocation_plans(session, order)}


def _order(session: Session, order: PurchaseOrder) -> Plans:
    return {"Order": ordering_plans(session, order)}


def _receive(session: Session, row: PurchaseOrder | PurchaseOrderLine) -> Plans:
    lines = row.lines if isinstance(row, PurchaseOrder) else [row]
    coming = [line for line in lines if line.is_open and line.product.tracking is not Tracking.serial]
    return {"If all that is outstanding is received": receiving_plans(session, coming)} if coming else {}


def _cancel(session: Session, order: PurchaseOrder) -> Plans:
    coming = [line for line in order.lines if line.is_open]
    return plans_without(session, {"Cancel": coming}) if coming else {}


def _close_short(session: Session, order: PurchaseOrder) -> Plans:
    coming = {f"Close short line {line.position}": [line] for line in order.lines if line.is_open}
    return plans_without(session, coming) if coming else {}


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
            plans = {label: found for planning in asked for label, found in planning(session, row).items()}
            return queries.plan_notes(session, plans)

    return ActionNotes("Emails", notes)


SALES_NOTES, PURCHASE_NOTES = _notes(_SALES), _notes(_PURCHASES)
