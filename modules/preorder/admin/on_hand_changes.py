"""Scheduled on-hand changes: entered one by one, or uploaded as CSV."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session
from typing_extensions import override
from wtforms import Form
from wtforms.validators import InputRequired

from erp.admin import Screen, anchor_of
from erp.text import say
from modules.preorder import services
from modules.preorder.models import OnHandChange


class OnHandChangeScreen(Screen):
    """Changes of stock that are scheduled for a day; ATP counts them."""

    model = OnHandChange
    view_name = "preorder.on_hand_change"
    title = "On-hand changes"
    noun = "on-hand change"
    url = "/preorder/on-hand-changes"
    icon = "fa-calendar-plus-o"
    edit_permission = "preorder.edit"
    list_template = "preorder/on_hand_changes.html"
    column_list = ("product", "date", "quantity", "note")
    column_labels = {"product.sku": "SKU", "product.name": "product"}
    column_searchable_list = ("product.sku", "product.name", "note")
    column_filters = ("date", "product.sku", "product.name", "quantity", "note")
    column_sortable_list = ("date",)
    column_default_sort = ("date", False)
    form_columns = ("product", "date", "quantity", "note")
    form_ajax_refs = {
        "product": {"fields": ("sku", "name"), "filters": ("is_active",), "placeholder": "SKU or name of a product"}
    }
    form_args = {
        "quantity": {
            "validators": [InputRequired("Enter a quantity.")],
            "description": "Goods that come; goods that go with a minus.",
        }
    }
    header_fields = (
        ("Product", anchor_of("inventory_lots.product", "product")),
        ("Date", "date"),
        ("Quantity", "quantity"),
        ("Note", "note"),
    )
    empty_message = "No change of stock is scheduled. Enter one, or upload many as CSV."

    @override
    def document_title(self, row: Any) -> str:
        return say("{product} on {date:%d %b %Y}", product=row.product.sku, date=row.date)

    @override
    def save(self, session: Session, form: Form, row: Any) -> Any:
        row = self.model() if row is None else row
        self.fill(form, row)
        services.save_on_hand_change(session, row)
        return row
