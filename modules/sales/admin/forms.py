"""Forms of the actions of sales."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from wtforms import BooleanField, Form, StringField
from wtforms.validators import InputRequired, Length, Optional

from erp.admin import DayField, QuantityField
from erp.admin.lines import lines_field
from modules.inventory_lots.domain import check_price, check_quantity
from modules.sales.models import OrderLine

SMALLEST = Decimal("0.0001")

LINE_FIELDS = ("product", "quantity", "unit_price", "requested_on")
LINE_LABELS = {"unit_price": "Price", "requested_on": "Requested on"}
LINE_LOOKUPS: dict[str, dict[str, Any]] = {
    "product": {
        "fields": ("sku", "name"),
        "filters": ("is_active",),
        "placeholder": "SKU or name of a product",
        "fills": {"unit_price": "list_price"},
    }
}


def check_line(values: Mapping[str, Any]) -> None:
    """Raise BadQuantity or NegativePrice for what a line of the form may not have."""
    product = values["product"]
    check_quantity(values["quantity"], product.unit_decimals, what=product.sku)
    check_price(values["unit_price"], what=product.sku, field="unit_price")


def new_lines_form() -> type[Form]:
    """Return a form with the table of lines that an order's own form has."""
    labels = {name: {"label": label} for name, label in LINE_LABELS.items()}
    field, _ = lines_field(OrderLine, LINE_FIELDS, lookups=LINE_LOOKUPS, args=labels)
    return type("NewLinesForm", (Form,), {"lines": field})


class ReasonForm(Form):
    """Why something is cancelled."""

    why = StringField("Reason", [Length(max=500)], description="Shown in the history.")


class QuantityForm(Form):
    """The new quantity of a line."""

    quantity = QuantityField("New quantity", [InputRequired("Enter a quantity.")], minimum=SMALLEST)


class RequestedDateForm(Form):
    """The day for which the customer requests a line."""

    requested_on = DayField("Requested on", [Optional()], description="Empty: as soon as possible.")
    why = StringField("Reason", [Length(max=500)], description="Shown in the history.")


class RemovalForm(Form):
    """Whether lines whose allocations are removed stay out of automatic runs."""

    hold_allocation = BooleanField(
        "Hold allocation",
        default=True,
        description="Keeps these lines out of automatic runs until Allocate Order is pressed.",
    )


class ReversalForm(Form):
    """Why a pack is reversed, and what follows."""

    why = StringField(
        "Reason",
        [InputRequired("Enter a reason."), Length(max=500)],
        description="Kept on the pack and in the history.",
    )
    free = BooleanField("Free it", description="Nothing is allocated again: other orders can have it at once.")
    hold_allocation = BooleanField(
        "Hold allocation",
        description="Keeps these lines out of automatic runs until Allocate Order is pressed.",
    )
