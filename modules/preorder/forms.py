"""What the actions of preorder ask for, and its fields in the forms of others."""

from __future__ import annotations

from typing import Any

from flask import render_template
from markupsafe import Markup
from wtforms import BooleanField, Form, FormField, HiddenField, StringField, ValidationError
from wtforms.utils import unset_value
from wtforms.validators import InputRequired, Length, Optional

from erp import security
from erp.admin import DayField, QuantityField
from erp.admin.access import may
from modules.preorder.domain import PreorderTerms

EDIT_RIGHT = "preorder.edit"


class HoldForm(Form):
    """Whether lines whose links are taken away stay out of automatic runs."""

    hold_allocation = BooleanField(
        "Hold allocation",
        default=True,
        description="Keeps these lines out of automatic runs until they are allocated or linked by hand.",
    )


class NotifyForm(Form):
    """Whether customers hear of a new date, and why it is new."""

    why = StringField("Reason", [Length(max=500)], description="Stands in the history.")
    notify = BooleanField("Tell customers", default=True, description="Queues an email with the new dates.")


class PromiseForm(Form):
    """The date a customer is promised, set by a person."""

    promise_date = DayField("Promise date", [InputRequired("Choose a date.")])
    why = StringField("Reason", [Length(max=500)], description="Stands in the history.")
    notify = BooleanField("Tell the customer", default=True, description="Queues an email with the new date.")


class TermsForm(Form):
    """How a product is sold before it exists."""

    preorder_eligible = BooleanField("Pre-order Eligible")
    launch_date = DayField("Launch Date")
    preorder_limit = QuantityField("Preorder Limit", [Optional()], description="Most that may be preordered.")

    def validate_launch_date(self, field: Any) -> None:
        """Ask for the date of an eligible product."""
        if self.preorder_eligible.data and field.data is None:
            raise ValidationError("An eligible product needs its launch date.")

    @property
    def terms(self) -> PreorderTerms:
        """Return what was entered."""
        return PreorderTerms(self.preorder_eligible.data, self.launch_date.data, self.preorder_limit.data)


class TermsWidget:
    """The three fields side by side; the launch date is asked for once the product is eligible."""

    def __call__(self, field: Any, **kwargs: Any) -> Markup:
        """Return the fields and their script."""
        return Markup(
            render_template(
                "preorder/terms.html", form=field.form, nonce=security.nonce(), is_locked=not may(EDIT_RIGHT)
            )
        )


class TermsField(FormField):
    """The preorder fields in a product's form, named as in its CSV file; who may not change them sees them."""

    widget = TermsWidget()

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        """Fill the fields from the product's terms, or from what a person entered who may."""
        terms = data if isinstance(data, PreorderTerms) else PreorderTerms()
        self.object_data = terms
        self.form = self.form_class(
            formdata if may(EDIT_RIGHT) else None,
            preorder_eligible=terms.is_eligible,
            launch_date=terms.launch_date,
            preorder_limit=terms.preorder_limit,
        )

    @property
    def data(self) -> PreorderTerms:
        """Return the terms as they stand in the form."""
        return self.form.terms  # type: ignore[no-any-return]

    @property
    def errors(self) -> tuple[str, ...]:
        """Each field shows its own errors."""
        return ()


class ShipDatesWidget:
    """Nothing to see: the script writes below each line when its quantity can be there."""

    def __call__(self, field: Any, **kwargs: Any) -> Markup:
        """Return the script."""
        return Markup(render_template("preorder/ship_dates.html", nonce=security.nonce()))


def ship_dates_field() -> Any:
    """Return the field that brings expected ship dates into the form of a sales order."""
    return HiddenField("Expected", widget=ShipDatesWidget())


def terms_field() -> Any:
    """Return the field that brings the preorder terms into the form of a product."""
    return TermsField(TermsForm, label="Preorder")
