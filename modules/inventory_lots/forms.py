"""Forms of the actions on lots and balances."""

from __future__ import annotations

from decimal import Decimal

from wtforms import BooleanField, Form, StringField
from wtforms.validators import InputRequired, Length, Optional

from erp.admin import DayField, LookupField, QuantityField
from erp.admin.fields import Lookup
from erp.db import db
from modules.inventory_lots.models import Location

SMALLEST = Decimal("0.0001")
LOCATION_LOOKUP = {"fields": ("path",), "placeholder": "Type a location"}


class ReasonForm(Form):
    """Why something is done."""

    reason = StringField("Reason", [Length(max=500)])


class AdjustForm(Form):
    """What was counted, and why it differs."""

    quantity = QuantityField(
        "Counted quantity",
        [InputRequired("Enter the quantity that is there now.")],
        minimum=Decimal(0),
        description="The balance becomes this quantity.",
    )
    reason = StringField("Reason", [InputRequired("Say why the stock differs."), Length(max=500)])
    release = BooleanField(
        "Release allocations",
        description="Where less is there than is allocated, the latest orders in the queue lose theirs first.",
    )


class TransferForm(Form):
    """How much is moved, and where to."""

    location = LookupField(Lookup("location", db, Location, **LOCATION_LOOKUP), "To location")
    quantity = QuantityField("Quantity", [InputRequired("Enter a quantity.")], minimum=SMALLEST)
    reason = StringField("Reason", [Length(max=500)])


class QuarantineForm(Form):
    """How much is moved to quarantine, and why."""

    quantity = QuantityField("Quantity", [InputRequired("Enter a quantity.")], minimum=SMALLEST)
    reason = StringField("Reason", [InputRequired("Say why it is put aside."), Length(max=500)])


class ExpiryForm(Form):
    """The last day on which a lot may be used."""

    expires_on = DayField("Expires on", [Optional()], description="The last day of use. Leave it empty for none.")
    reason = StringField("Reason", [Length(max=500)])


class ReleaseForm(Form):
    """How much of the allocations is released."""

    quantity = QuantityField(
        "Quantity",
        [Optional()],
        minimum=SMALLEST,
        description="Leave it empty to release all of it. The latest orders in the queue lose theirs first.",
    )
