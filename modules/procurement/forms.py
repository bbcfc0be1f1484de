"""What the actions of procurement ask for."""

from __future__ import annotations

from typing import Any

from flask import g
from flask_admin.contrib.sqla.fields import QuerySelectField
from wtforms import FieldList, Form, FormField, HiddenField, StringField, TextAreaField
from wtforms.validators import Length, Optional

from erp.admin import DayField, QuantityField
from erp.admin.access import screen_session
from modules.procurement import queries
from modules.procurement.models import PurchaseLineStatus


def statuses() -> list[PurchaseLineStatus]:
    """Return the line statuses to choose from, read once a request."""
    if "procurement_statuses" not in g:
        g.procurement_statuses = queries.statuses(screen_session())
    found: list[PurchaseLineStatus] = g.procurement_statuses
    return found


def default_status() -> PurchaseLineStatus | None:
    """Return the status that a new line is offered."""
    return next((status for status in statuses() if status.is_default), None)


class StatusForm(Form):
    """Which status lines get."""

    status = QuerySelectField("Status", [Optional()], query_factory=statuses, allow_blank=True, blank_text="None")


class DateForm(Form):
    """When goods are expected."""

    expected_on = DayField("Expected on", [Optional()], description="Leave it empty where no day is known.")


class DatedLineForm(Form):
    """When the goods of one line are expected."""

    line_id = HiddenField()
    expected_on = DayField("Expected on", [Optional()])


class DatesForm(Form):
    """When the goods of an order are expected, line by line."""

    lines = FieldList(FormField(DatedLineForm))


class ArrivedLineForm(Form):
    """What arrived of one line, and where it is put."""

    line_id = HiddenField()
    quantity = QuantityField("Received", [Optional()])
    serials = TextAreaField("Serial numbers")
    location = StringField("Location", [Length(max=81)])
    lot = StringField("Lot", [Length(max=80)])
    expires_on = DayField("Expires on", [Optional()])


class ReceiveForm(Form):
    """What arrived of an order."""

    received_on = DayField("Received on", [Optional()], description="Today when empty.")
    lines = FieldList(FormField(ArrivedLineForm))

    def entries(self) -> list[Any]:
        """Return the forms of the lines."""
        return [entry.form for entry in self.lines]
