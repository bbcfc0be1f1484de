"""The preorder fields in the form of a product."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from modules.inventory_lots.models import Product
from modules.preorder import queries
from modules.preorder.domain import PreorderTerms
from tests.preorder.conftest import Clerk
from tests.support.inventory_lots import make_product
from tests.support.preorder import LAUNCH, make_preorder_product

TODAY = date(2026, 11, 23)
DECEMBER = date(2026, 12, 1)


def terms(session: Session, product: Product) -> PreorderTerms | None:
    row = queries.preorder_product(session, product.id)
    return row.terms if row else None


def product_form(product: Product, **fields: Any) -> dict[str, Any]:
    usual = {"sku": product.sku, "name": product.name, "unit": "pcs", "unit_decimals": "0", "tracking": "lot"}
    return usual | {"is_active": "y", "row_version": str(product.row_version)} | fields


def test_the_product_form_asks_for_eligibility_launch_date_and_limit(session: Session, clerk: Clerk) -> None:
    product = make_preorder_product(session, limit=40)
    shown = clerk.open(f"/inventory/products/{product.id}/edit/")
    for label in ("Pre-order Eligible", "Launch Date", "Preorder Limit"):
        assert label in shown.text
    assert 'value="2027-01-15"' in shown.html
    assert "Eligible, launch 15 Jan 2027, limit 40" in clerk.open(f"/inventory/products/{product.id}/").text


def test_they_are_saved_with_the_product_and_stand_in_its_history(session: Session, clerk: Clerk) -> None:
    product = make_product(session)
    page = f"/inventory/products/{product.id}/edit/"
    form = product_form(product, preorder_eligible="y", launch_date="2027-01-15", preorder_limit="40")
    shown = clerk.press(page, **form)
    assert terms(session, product) == PreorderTerms(True, LAUNCH, Decimal(40))
    assert "Launch date 15 Jan 2027" in shown.text
    shown = clerk.press(page, **product_form(product, launch_date="", preorder_limit=""))
    assert terms(session, product) == PreorderTerms()


def test_a_new_product_can_be_eligible_at_once(session: Session, clerk: Clerk) -> None:
    form = {"sku": "P-9", "name": "Pump", "unit": "pcs", "unit_decimals": "0", "tracking": "lot", "is_active": "y"}
    clerk.press("/inventory/products/new/", **form, preorder_eligible="y", launch_date="2027-01-15")
    product = session.scalars(select(Product).where(Product.sku == "P-9")).one()
    assert terms(session, product) == PreorderTerms(True, LAUNCH)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"preorder_eligible": "y"}, "An eligible product needs its launch date."),
        ({"preorder_eligible": "y", "launch_date": "2027-02-30"}, "Not a valid date"),
        ({"preorder_limit": "0"}, "is not above 0"),
        ({"preorder_limit": "2.5"}, "has more than 0 decimals"),
        ({"preorder_limit": "many"}, "Enter a number"),
    ],
)
def test_what_cannot_be_is_not_saved_and_says_why(
    session: Session, clerk: Clerk, fields: dict[str, str], message: str
) -> None:
    product = make_product(session, name="Pump")
    shown = clerk.press(f"/inventory/products/{product.id}/edit/", **product_form(product, name="Hose", **fields))
    assert (shown.status, message in shown.text) == (422, True)
    assert (terms(session, product), product.name) == (None, "Pump")


def test_a_user_without_the_right_sees_them_and_saves_the_other_fields(
    session: Session, clerk_as: Callable[[str], Clerk]
) -> None:
    product = make_preorder_product(session, limit=40)
    clerk = clerk_as("Warehouse clerk")
    page = f"/inventory/products/{product.id}/edit/"
    assert "Eligible, launch 15 Jan 2027, limit 40. You may not change this." in clerk.open(page).text
    clerk.press(page, **product_form(product, name="Hose", preorder_limit="99"))
    assert (product.name, terms(session, product)) == ("Hose", PreorderTerms(True, LAUNCH, Decimal(40)))


def test_a_user_without_the_right_does_not_change_them_by_a_file_either(
    session: Session, clerk_as: Callable[[str], Clerk]
) -> None:
    product = make_preorder_product(session, name="Pump")
    clerk = clerk_as("Warehouse clerk")
    file = f"sku,name,launch_date\n{product.sku},Hose,2026-12-01\n".encode()
    shown = clerk.press("/settings/import/", kind="products", file=(BytesIO(file), "products.csv"))
    assert shown.status == 200 and "Column launch_date needs the right preorder.edit." in shown.text
    assert "launch_date" not in clerk.open("/settings/import/").text
    session.expire_all()
    assert (product.name, terms(session, product)) == ("Pump", PreorderTerms(True, LAUNCH))
