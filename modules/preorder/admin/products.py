"""What preorder adds to products: the terms on which they are sold before their launch, and what can be promised."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from flask import render_template
from markupsafe import Markup
from sqlalchemy.orm import Session
from wtforms import BooleanField, Form, FormField, ValidationError
from wtforms.utils import unset_value
from wtforms.validators import Optional

from erp import security
from erp.admin import DayField, ExtraField, Panel, QuantityField, access
from erp.admin.formatting import day
from erp.db import format_quantity
from erp.text import joined, say
from modules.inventory_lots.models import Product
from modules.preorder import queries, services
from modules.preorder.admin.availability import overview
from modules.preorder.domain import PreorderTerms

EDIT_PERMISSION = "preorder.edit"


class TermsForm(Form):
    """The preorder terms of a product."""

    preorder_eligible = BooleanField("Pre-order Eligible")
    launch_date = DayField("Launch Date")
    preorder_limit = QuantityField("Preorder Limit", [Optional()], description="Most that may be preordered.")

    def validate_launch_date(self, field: Any) -> None:
        """Refuse an eligible product without a launch date."""
        if self.preorder_eligible.data and field.data is None:
            raise ValidationError("An eligible product needs its launch date.")

    @property
    def terms(self) -> PreorderTerms:
        """The terms that were entered."""
        return PreorderTerms(self.preorder_eligible.data, self.launch_date.data, self.preorder_limit.data)


class TermsWidget:
    """Shows the three fields; the launch date is asked for once the product is eligible."""

    def __call__(self, field: Any, **kwargs: Any) -> Markup:
        """Return the fields and their script."""
        return Markup(
            render_template(
                "preorder/product_terms.html",
                form=field.form,
                nonce=security.nonce(),
                is_locked=not access.may(EDIT_PERMISSION),
            )
        )


class TermsField(FormField):
    """The preorder fields in a product's form, named as in its CSV file; users without the right only see them."""

    widget = TermsWidget()

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        """Fill the fields from the product's terms, or from what a user with the right entered."""
        terms = data if isinstance(data, PreorderTerms) else PreorderTerms()
        self.object_data = terms
        self.form = self.form_class(
            formdata if access.may(EDIT_PERMISSION) else None,
            preorder_eligible=terms.is_eligible,
            launch_date=terms.launch_date,
            preorder_limit=terms.preorder_limit,
        )

    @property
    def data(self) -> PreorderTerms:
        """The terms in the form."""
        return self.form.terms  # type: ignore[no-any-return]

    @property
    def errors(self) -> tuple[str, ...]:
        """None: each field shows its own errors."""
        return ()


@dataclass(frozen=True)
class ShownTerms(PreorderTerms):
    """Terms as a product's page shows them."""

    def __str__(self) -> str:
        parts: list[str] = [say("Eligible") if self.is_eligible else say("Not eligible")]
        parts += [say("launch {day}", day=day(self.launch_date))] if self.launch_date else []
        parts += [say("limit {limit}", limit=format_quantity(self.preorder_limit))] if self.preorder_limit else []
        return joined(parts, ", ")


def _read(session: Session, product: Product | None) -> ShownTerms:
    row = queries.preorder_product(session, product.id) if product else None
    return ShownTerms(**asdict(row.terms)) if row else ShownTerms()


def terms_field() -> Any:
    """Return the field that brings the preorder terms into the form of a product."""
    return TermsField(TermsForm, label="Preorder")


FIELDS = (ExtraField("preorder", terms_field, _read, services.save_product),)
PANELS = (Panel("Available to promise", "preorder/product.html", overview, "preorder.view"),)
