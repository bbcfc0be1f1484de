"""The screen of receipts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session
from typing_extensions import override

from erp.admin import Panel, Screen, anchor_of
from erp.text import say
from modules.procurement.admin.reversal import ReverseReceipt
from modules.procurement.models import Receipt
from modules.procurement.queries import RECEIPT_LOADS

_order = anchor_of("procurement.purchase_order", "line.order", "line")
_product = anchor_of("inventory_lots.product", "line.product")
_lot = anchor_of("inventory_lots.lot", "balance.lot")


def _reversals(session: Session, receipt: Receipt) -> Mapping[str, Any] | None:
    return {"reversals": receipt.reversals} if receipt.reversals else None


class ReceiptScreen(Screen):
    """What was received, when, of which order, and where it was put."""

    model = Receipt
    view_name = "procurement.receipt"
    title = "Receipts"
    noun = "receipt"
    url = "/procurement/receipts"
    icon = "fa-sign-in"
    can_create = can_edit = can_delete = False
    column_list = ("received_at", "line", "product", "quantity", "reversed", "lot", "location", "user_name")
    column_labels = {
        "line": "Purchase order",
        "user_name": "Received by",
        "line.order.number": say("purchase order"),
        "line.product.sku": "SKU",
        "line.product.name": "product",
        "balance.lot.number": "lot",
        "balance.location.path": "location",
    }
    column_formatters = {
        "line": lambda view, context, row, name: _order(row),
        "product": lambda view, context, row, name: _product(row),
        "lot": lambda view, context, row, name: _lot(row),
        "location": lambda view, context, row, name: row.balance.location.path,
    }
    column_searchable_list = ("line.order.number", "line.product.sku", "line.product.name", "balance.lot.number")
    column_filters = (
        *("received_at", "quantity", "reversed", "user_name", "line.order.number", "line.product.sku"),
        *("line.product.name", "balance.lot.number", "balance.location.path"),
    )
    column_sortable_list = ()
    sorted_like = {"received_at": "id"}
    column_default_sort = ("id", True)
    header_fields = (
        ("Received at", "received_at"),
        ("Purchase order line", _order),
        ("Product", _product),
        ("Quantity", "quantity"),
        ("Reversed", "reversed"),
        ("Lot", _lot),
        ("Location", lambda receipt: receipt.balance.location.path),
        ("Received by", "user_name"),
    )
    list_loads = detail_loads = RECEIPT_LOADS
    actions = (ReverseReceipt.action(),)
    panels = (Panel("Reversals", "procurement/receipt_reversals.html", _reversals),)
    empty_message = "Nothing has been received yet. Open a purchase order and press Receive."

    @override
    def document_title(self, row: Any) -> str:
        return say("Receipt {row} of {line}", row=row.id, line=row.line)
