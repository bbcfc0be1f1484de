"""The screen of backorders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import flash, redirect
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy.orm import Session, joinedload

from erp.admin import Action, ExtraColumn, FormPage, Screen, document_anchor
from modules.sales import services
from modules.sales.forms import ReasonForm
from modules.sales.models import Backorder, Order, OrderLine
from modules.sales.queries.report import purchase_allocations_of
from modules.sales.states import BackorderState


def _name(row: Backorder) -> str:
    return f"Backorder of {row.line.order.name}, line {row.line.position}"


def _open(session: Session, rows: Sequence[Backorder]) -> Mapping[int, Any]:
    return {row.id: row.open_quantity for row in rows}


def _order(row: Backorder) -> Markup:
    return document_anchor("sales.order", row.line.order_id, row.line.order.name)  # type: ignore[no-any-return]


class GiveUp(FormPage):
    """What the pages that end a backorder line have in common: the links that go with it are named."""

    style = "danger"
    template = "sales/cancel_backorder.html"

    def heading(self, row: Any) -> str:
        """Return which backorder it is."""
        return _name(row)

    def document_id(self, row: Any) -> int:
        """Return the backorder's own page."""
        return int(row.id)

    def context(self, session: Session, row: Any) -> dict[str, Any]:
        """Return the links that are let go."""
        return {"purchase_allocations": purchase_allocations_of(session, [row.line_id]).get(row.line_id, [])}

    def finished(self, screen: Any, row_id: int, message: Any) -> ResponseReturnValue:
        """Go back to the order."""
        order_id, sentence = message
        flash(sentence, "success")
        return redirect(f"/sales/orders/{order_id}/")


class CancelBackorder(GiveUp):
    """Asks why the open quantity is given up for good."""

    title = "Cancel backorder"
    button = "Cancel backorder"
    confirm = "Cancel this backorder? Its open quantity is given up for good and will not be shipped."
    yes = "Cancel backorder"
    no = "Keep it"
    form_class = ReasonForm
    help = "The open quantity is given up for good and counted as cancelled on the order line."

    def do(self, session: Session, row: Any, form: Any) -> Any:
        """Cancel it."""
        order_id, name = row.line.order_id, _name(row)
        services.cancel_backorder(session, row.id, why=form.why.data or "")
        return order_id, f"{name} is cancelled."


class DeleteBackorder(GiveUp):
    """Asks whether the row is dropped."""

    title = "Delete backorder"
    button = "Delete backorder"
    confirm = "Delete this backorder line? The order line still wants the goods, but is kept out of automatic runs."
    yes = "Delete"
    no = "Keep it"
    help = "The order line still wants the goods. It is kept out of automatic runs until Allocate Order is pressed."

    def do(self, session: Session, row: Any, form: Any) -> Any:
        """Delete it."""
        order_id, name = row.line.order_id, _name(row)
        services.delete_backorder(session, row.id)
        return order_id, f"{name} is deleted."


def _is_open(row: Backorder) -> bool:
    return row.state == BackorderState.open


class BackorderScreen(Screen):
    """What stock could not cover, over all orders."""

    model = Backorder
    view_name = "sales.backorder"
    title = "Backorders"
    noun = "backorder"
    url = "/sales/backorders"
    icon = "fa-hourglass-half"
    can_create = can_edit = can_delete = False
    column_list = (
        "line.order.number",
        "line.order.customer.name",
        "line.position",
        "line.product",
        "kind",
        "quantity",
        "state",
        "created_at",
    )
    column_labels = {
        "line.order.number": "Order",
        "line.order.customer.name": "Customer",
        "line.position": "Line",
        "line.product": "Product",
        "line.product.sku": "SKU",
        "line.product.name": "product",
        "created_at": "Since",
    }
    column_filters = ("state", "kind", "line.order.number", "line.product.sku", "counts_from", "created_at")
    column_searchable_list = ("line.order.number", "line.product.sku", "line.product.name", "line.order.customer.name")
    column_default_sort = ("id", True)
    computed_columns = (ExtraColumn("open_quantity", "Open", _open),)
    header_fields = (
        ("Order", _order),
        ("Customer", "line.order.customer.name"),
        ("Line", "line.position"),
        ("Product", "line.product"),
        ("Kind", "kind"),
        ("Quantity", "quantity"),
        ("Allocated since", "allocated_quantity"),
        ("Cancelled", "cancelled_quantity"),
        ("Open", "open_quantity"),
        ("Since", "created_at"),
        ("Days count from", "counts_from"),
        ("Closed at", "closed_at"),
    )
    detail_loads = (
        joinedload(Backorder.line).joinedload(OrderLine.order).joinedload(Order.customer),
        joinedload(Backorder.line).joinedload(OrderLine.product),
    )
    actions = (
        Action(
            name="cancel",
            label="Cancel backorder",
            permission="sales.cancel",
            page=CancelBackorder(),
            allowed=_is_open,
            style="danger",
            icon="fa-ban",
        ),
        Action(
            name="drop",
            label="Delete backorder",
            permission="sales.cancel",
            page=DeleteBackorder(),
            allowed=_is_open,
            style="danger",
            icon="fa-trash-o",
        ),
    )
    empty_message = "Nothing is on backorder."

    def document_title(self, row: Any) -> str:
        """Return which line it is of."""
        return _name(row)
