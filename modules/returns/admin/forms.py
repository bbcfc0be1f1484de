"""Forms of the actions on returns."""

from __future__ import annotations

from wtforms import Form, SelectField, StringField
from wtforms.validators import InputRequired, Length

from erp.admin import LookupField, lookup_of
from erp.text import say
from modules.inventory_lots.models import Location
from modules.returns.states import Outcome, ReturnCause

LOCATION_LOOKUP = {"fields": ("path",), "placeholder": "Type a location"}
OUTCOMES = (
    (Outcome.restock.value, say("Back to stock: it can be sold again")),
    (Outcome.quarantine.value, say("Quarantine: it is kept, and not sold")),
    (Outcome.scrap.value, say("Scrap: it leaves the warehouse")),
)
CAUSES = (
    (ReturnCause.damaged.value, say("Damaged")),
    (ReturnCause.wrong.value, say("Wrong goods")),
    (ReturnCause.unwanted.value, say("Not wanted")),
    (ReturnCause.other.value, say("Other")),
)
PRICES = (("free", "0"), ("agreed", say("As agreed in the original order")))


class ReasonForm(Form):
    """Why the customer returns goods, and of which kind that is."""

    reason = StringField("Reason", [InputRequired("Say why the customer returns the goods."), Length(max=500)])
    cause = SelectField("Kind of reason", choices=CAUSES, default=ReturnCause.other.value)


class ReceiveForm(Form):
    """Where returned goods wait for inspection."""

    location = LookupField(
        lookup_of("location", Location, **LOCATION_LOOKUP),
        "Location",
        allow_blank=True,
        description="A quarantine. Empty: RETURNS of the warehouse that they left.",
    )


class InspectForm(Form):
    """What becomes of the ticked goods."""

    outcome = SelectField("Outcome", choices=OUTCOMES)
    location = LookupField(
        lookup_of("location", Location, **LOCATION_LOOKUP),
        "Location",
        allow_blank=True,
        description="Where goods go that are sold again. Goods for quarantine: empty is QUARANTINE of the warehouse.",
    )
    note = StringField("Note", [Length(max=500)])


class ReplaceForm(Form):
    """What the replacement costs."""

    price = SelectField("Price", choices=PRICES)
