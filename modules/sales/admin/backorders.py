"""Backorders: their screen, and the panel on an order's page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session, joinedload
from typing_extensions import override

from erp.admin import ExtraColumn, Facts, FormPage, Panel, QuickFilter, Screen, anchor_of, of_each
from erp.text import say
from modules.sales import queries, services
from modules.sales.admin.filters import BACKORDER_FILTERS
from modules.sales.admin.forms import ReasonForm
from modules.sales.admin.many import BACKORDER_LIST_ACTIONS
from modules.sales.admin.versions import of_backorder
from modules.sales.models import Backorder, Order, OrderLine


def _backorders(session: Session, order: Any) -> Mapping[str, Any] | None:
    rows = queries.backorder_rows(session, order.id)
    if not rows:
        return None
    covered = queries.purchase_allocated_quantities(session, [row.line_id for row in rows if row.is_open])
    return {"backorders": rows, "covered": covered, "covers_from_purchases": queries.covers_from_purchases()}


BACKORDERS = Panel("Backorder lines", "sales/backorders.html", _backorders, counted="backorders")


class EndBackorder(FormPage):
    """A page that ends a backorder line and names the purchase allocations that are released with it."""

    permission = "sales.cancel"
    allowed = staticmethod(lambda row: row.is_open)
    style = "danger"
    template = "sales/end_backorder.html"

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        return of_backorder(session, row)

    @override
    def context(self, session: Session, row: Any) -> dict[str, Any]:
        return {"purchase_allocations": queries.purchase_allocations_of(session, [row.line_id]).get(row.line_id, [])}

    def finished(self, screen: Any, row_id: int, message: Any) -> ResponseReturnValue:
        """Go back to the order."""
        order_id, sentence = message
        flash(sentence, "success")
        return redirect(url_for("sales_order.details_view", id=order_id))


class CancelBackorder(EndBackorder):
    """Asks why the open quantity is cancelled."""

    name = "cancel"
    title = "Cancel backorder"
    icon = "fa-ban"
    confirm = "Cancel this backorder? Its open quantity is cancelled for good and will not be shipped."
    yes = "Cancel backorder"
    no = "Keep it"
    form_class = ReasonForm
    help = "The open quantity is cancelled for good and counted as cancelled on the order line."

    @override
    def do(self, session: Session, row: Any, form: Any) -> Any:
        order_id, name = row.line.order_id, str(row)
        services.cancel_backorder(session, row.id, why=form.why.data or "")
        return order_id, say("{name} is cancelled.", name=name)


class DeleteBackorder(EndBackorder):
    """Asks whether the row is deleted."""

    name = "drop"
    title = "Delete backorder"
    icon = "fa-trash-o"
    confirm = "Delete this backorder line? The order line still wants the goods, but is kept out of automatic runs."
    yes = "Delete"
    no = "Keep it"
    help = "The order line still wants the goods. It is kept out of automatic runs until Allocate Order is pressed."

    @override
    def do(self, session: Session, row: Any, form: Any) -> Any:
        order_id, name = row.line.order_id, str(row)
        services.delete_backorder(session, row.id)
        return order_id, say("{name} is deleted.", name=name)


class BackorderScreen(Screen):
    """The backorders of all orders."""

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
    column_filters = (
        *("state", "kind", "line.order.number", "line.order.customer.name", "line.product.sku", "line.product.name"),
        *("quantity", "line.position", "counts_from", "created_at"),
        *BACKORDER_FILTERS,
    )
    quick_filters = (
        QuickFilter("Open", "state_is", "open"),
        QuickFilter("Allocated", "state_is", "allocated"),
        QuickFilter("Cancelled", "state_is", "cancelled"),
        QuickFilter("Preorders", "kind_is", "preorder"),
    )
    # The rows were made in the order of their ids.
    column_sortable_list = ()
    sorted_like = {"created_at": "id"}
    column_totals = ("quantity",)
    column_searchable_list = ("line.order.number", "line.product.sku", "line.product.name", "line.order.customer.name")
    column_default_sort = ("id", True)
    computed_columns = (ExtraColumn("open_quantity", "Open", of_each(lambda row: row.open_quantity)),)
    header_fields = (
        ("Order", anchor_of("sales.order", "line.order")),
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
    list_actions = BACKORDER_LIST_ACTIONS
    actions = (
        CancelBackorder.action(),
        DeleteBackorder.action(),
    )
    empty_message = "Nothing is on backorder."
