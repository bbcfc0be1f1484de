"""The screen of the stock ledger."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from erp.admin import Screen, anchor_of
from erp.text import say
from modules.inventory_lots.models import StockMove


class MoveScreen(Screen):
    """Every line of the stock ledger."""

    model = StockMove
    view_name = "inventory_lots.move"
    title = "Stock Ledger"
    noun = "stock move"
    plural = "stock moves"
    url = "/inventory/moves"
    icon = "fa-exchange"
    can_create = can_edit = can_delete = False
    details_template = "inventory_lots/plain.html"
    column_list = (
        *("at", "product.sku", "lot.number", "location.path", "quantity", "kind", "document"),
        *("user_name", "reason"),
    )
    column_labels = {
        "at": "When",
        "product.sku": "SKU",
        "lot.number": "Lot",
        "location.path": "Location",
        "user_name": "Who",
    }
    column_searchable_list = ("product.sku", "lot.number", "document")
    column_filters = (
        *("product.sku", "lot.number", "location.path", "kind", "at", "document", "user_name"),
        "quantity",
    )
    column_default_sort = ("id", True)
    column_sortable_list = ()
    sorted_like = {"at": "id"}
    header_fields = (
        ("When", "at"),
        ("Kind", "kind"),
        ("Product", anchor_of("inventory_lots.product", "product")),
        ("Lot", anchor_of("inventory_lots.lot", "lot")),
        ("Location", "location.path"),
        ("Quantity", "quantity"),
        ("Document", "document"),
        ("Who", "user_name"),
        ("Reason", "reason"),
    )
    empty_message = "Nothing has moved yet."

    @override
    def document_title(self, row: Any) -> str:
        return say("Move {row}", row=row.id)
