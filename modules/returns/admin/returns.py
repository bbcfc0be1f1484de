"""The screen of returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session, joinedload
from typing_extensions import override

from erp.admin import Action, Badge, DocumentScreen, NextStep, Panel, QuickFilter, anchor_of, document_anchor, may
from erp.text import say, verb
from modules.returns import queries, services
from modules.returns.admin.filters import RETURN_FILTERS
from modules.returns.admin.forms import LOCATION_LOOKUP
from modules.returns.admin.steps import Inspect, Receive, Replace
from modules.returns.models import Return, ReturnLine
from modules.returns.states import RETURN, ReturnState


def _cancel(session: Session, document: Return) -> str:
    services.cancel_return(session, document.id)
    return say("{document} is cancelled.", document=document.number)


def _paper(screen: Any, document: Return) -> ResponseReturnValue:
    """Show the paper that the customer puts to the goods."""
    return str(screen.render("returns/paper.html", document=document))


def _inspections(session: Session, document: Any) -> Mapping[str, Any] | None:
    found = queries.inspections_of(session, document.id)
    return {"inspections": found} if found else None


def _pack(line: ReturnLine) -> Any:
    return document_anchor("sales.pack", line.pack_line.pack_id, line.pack_line.pack.number)


class ReturnScreen(DocumentScreen):
    """Returns of customers with their lines."""

    model = Return
    view_name = "returns.return"
    title = "Returns"
    noun = "return"
    url = "/returns"
    icon = "fa-reply"
    can_create = can_edit = can_delete = False
    column_list = (
        "number",
        "order.number",
        "order.customer.name",
        "state",
        "cause",
        "reason",
        "created_at",
        "received_at",
    )
    column_labels = {
        "number": "Return",
        "order.number": "Order",
        "order.customer.name": "Customer",
        "cause": "Kind of reason",
        "created_at": "Created at",
        "received_at": "Received at",
    }
    column_searchable_list = ("number", "order.number", "order.customer.name")
    column_filters = (
        *("state", "number", "order.number", "order.customer.name", "cause", "reason", "created_at", "received_at"),
        *RETURN_FILTERS,
    )
    quick_filters = (
        QuickFilter("Expected", "state_is", "draft"),
        QuickFilter("To inspect", "state_is", "received"),
        QuickFilter("Waits too long", "waits_too_long_is", "yes"),
    )
    column_default_sort = ("id", True)
    form_ajax_refs = {"location": LOCATION_LOOKUP}
    header_fields = (
        ("Order", anchor_of("sales.order", "order")),
        ("Customer", anchor_of("sales.customer", "order.customer")),
        ("Kind of reason", "cause"),
        ("Reason", "reason"),
        ("Created at", "created_at"),
        ("Created by", "user_name"),
        ("Received at", "received_at"),
        ("Received into", "location"),
        ("Replaced by", anchor_of("sales.order", "replacement")),
    )
    lines_title = "Returned goods"
    lines = "lines"
    line_columns = (
        ("#", "position"),
        ("Product", anchor_of("inventory_lots.product", "pack_line.line.product")),
        ("Lot", anchor_of("inventory_lots.lot", "pack_line.balance.lot")),
        ("Pack", _pack),
        ("Expected", "quantity"),
        ("Received", "received"),
        ("Inspected", "inspected"),
        ("To inspect", "uninspected"),
    )
    line_loads = queries.LINE_LOADS
    detail_loads = (
        joinedload(Return.order),
        joinedload(Return.location),
        joinedload(Return.replacement),
    )
    panels = (Panel("Inspections", "returns/inspections.html", _inspections, counted="inspections"),)
    actions = (
        Receive.action(style="primary", key="r"),
        Inspect.action(style="primary"),
        Replace.action(),
        Action(
            name="print",
            label="Print",
            permission="returns.view",
            page=_paper,
            allowed=lambda document: document.state != ReturnState.cancelled,
            icon="fa-print",
        ),
        Action(
            name="cancel",
            label=verb("to cancel"),
            permission="returns.edit",
            run=_cancel,
            depends_on=lambda session, document: {"state": document.state},
            confirm="Cancel this return? Its goods are not expected any more.",
            yes="Cancel return",
            no="Keep it",
            allowed=lambda document: RETURN.allows(document.state, "cancel"),
            style="danger",
            icon="fa-ban",
        ),
    )
    empty_message = "There are no returns yet. Return goods from the page of their pack, or import returns as CSV."

    @override
    def badges(self, row: Any) -> list[Badge]:
        return [Badge("Waits too long", "warning")] if row.is_open and row.reminded_at else []

    @override
    def next_of(self, row: Any) -> tuple[str, str] | None:
        """Lead to the page on which a return goes on, those who may do that."""
        step = self.next_step(row)
        page = next((each for each in self.actions if step and each.name == step.action), None)
        if page is None or not may(page.permission):
            return None
        return page.label, str(self.get_url(".document_action", id=row.id, name=page.name))

    @override
    def next_step(self, row: Any) -> NextStep | None:
        if row.state == ReturnState.draft:
            return NextStep("receive", "The goods are expected. Enter what has come.")
        if row.state == ReturnState.received:
            return NextStep("inspect", "The goods wait for inspection. Decide what becomes of them.")
        return None
