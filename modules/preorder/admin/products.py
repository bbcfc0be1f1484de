"""What preorder adds to products: the terms on which they are sold before they exist, and what can be promised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import Session

from erp.admin import ExtraField, Panel
from erp.admin.formatting import day
from erp.db import format_quantity
from modules.inventory_lots.models import Product
from modules.preorder import queries, services
from modules.preorder.admin.availability import overview
from modules.preorder.domain import PreorderTerms
from modules.preorder.forms import terms_field


@dataclass(frozen=True)
class ShownTerms(PreorderTerms):
    """Terms as a product's page says them."""

    def __str__(self) -> str:
        parts = ["Eligible" if self.is_eligible else "Not eligible"]
        parts += [f"launch {day(self.launch_date)}"] if self.launch_date else []
        parts += [f"limit {format_quantity(self.preorder_limit)}"] if self.preorder_limit else []
        return ", ".join(parts)


def _read(session: Session, product: Product | None) -> ShownTerms:
    row = queries.preorder_product(session, product.id) if product else None
    return ShownTerms(**asdict(row.terms)) if row else ShownTerms()


def _write(session: Session, product: Product, terms: PreorderTerms) -> None:
    services.save_product(session, product, terms)


FIELDS = (ExtraField("preorder", terms_field, _read, _write),)


def _availability(session: Session, product: Product) -> Mapping[str, Any]:
    return overview(session, product)


PANELS = (Panel("Available to promise", "preorder/availability.html", _availability, "preorder.view"),)
