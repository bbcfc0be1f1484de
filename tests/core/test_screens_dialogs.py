"""New rows that are made in a dialog on the form that needs them, and what a choice fills."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import func, select

from erp.admin import Action
from modules.inventory_lots.models import Product
from modules.sales.models import Customer
from tests.support.inventory_lots import make_product
from tests.support.sales import dump, errors_of, load

DIALOG = {"X-ERP-Dialog": "new"}


def test_a_new_customer_is_made_in_a_dialog_and_given_back_to_the_form(client, session):
    page = client.get("/sales/customers/new/", headers=DIALOG).text
    assert "<html" not in page
    token = re.search(r'name="form_token" value="([^"]+)"', page)[1]
    form = {"code": "NEW", "name": "New & Co", "email": "", "form_token": token}
    made = client.post("/sales/customers/new/", data=form, headers=DIALOG)
    customer = session.scalars(select(Customer)).one()
    assert made.get_json() == {"id": customer.id, "text": "New & Co (NEW)"}
    again = client.post("/sales/customers/new/", data=form, headers=DIALOG)
    assert again.get_json() == made.get_json()
    assert session.scalar(select(func.count()).select_from(Customer)) == 1
    refused = client.post("/sales/customers/new/", data={**form, "form_token": "x"}, headers=DIALOG)
    assert refused.status_code == 422
    assert "NEW" in refused.text
    assert "<html" not in refused.text


def test_a_form_offers_new_rows_only_to_those_who_may_add_them(sign_in):
    form = sign_in("Administrator").get("/sales/orders/new/").text
    assert re.findall(r'data-create="([^"]+)"', form) == ["/sales/customers/new/", *["/inventory/products/new/"] * 2]
    form = sign_in("Sales clerk").get("/sales/orders/new/").text
    assert re.findall(r'data-create="([^"]+)"', form) == ["/sales/customers/new/"]


def test_the_list_price_of_a_product_is_offered_with_the_choice(client, session):
    priced, plain = make_product(session, sku="A", list_price=4), make_product(session, sku="B")
    address = "/sales/orders/ajax/lookup/?name=lines-product&query="
    assert client.get(address).get_json() == [
        [priced.id, str(priced), {"unit_price": "4.00"}],
        [plain.id, str(plain), {"unit_price": ""}],
    ]


def test_list_prices_come_from_files_and_an_empty_cell_leaves_them(session):
    load(session, "products", "sku,name,list_price", "A,Anvil,12.5", "B,Bolt,")
    load(session, "products", "sku,name,list_price", "A,Anvil,", "B,Bolt,0.07")
    assert [line.split(",")[:6] for line in dump(session, "products")] == [
        ["sku", "name", "unit", "unit_decimals", "tracking", "list_price"],
        ["A", "Anvil", "pcs", "0", "lot", "12.5"],
        ["B", "Bolt", "pcs", "0", "lot", "0.07"],
    ]
    errors = errors_of(session, "products", "sku,name,list_price", "A,Anvil,-1")
    assert [error[:2] for error in errors] == [(2, "list_price")]
    assert session.scalar(select(Product.list_price).where(Product.sku == "B")) is not None


def test_the_form_refuses_a_list_price_below_zero(client, session):
    product = make_product(session)
    form = {"sku": product.sku, "name": product.name, "unit": "pcs", "unit_decimals": "0", "tracking": "lot"}
    answer = client.post(f"/inventory/products/{product.id}/edit/", data={**form, "list_price": "-1"})
    assert answer.status_code == 422
    assert "At least 0 is possible." in answer.text


@pytest.mark.parametrize("key", ["j", "n", "C", "ab", "?"])
def test_an_action_has_no_key_that_pages_use_themselves(key):
    declared = {"name": "wrap", "label": "Wrap", "permission": "", "run": lambda session, row: None}
    assert Action(**declared, key="w").key == "w"
    with pytest.raises(TypeError, match="key"):
        Action(**declared, key=key)


def test_a_form_learns_whether_its_session_still_runs(app, client):
    found = client.get("/session/").get_json()
    assert set(found) == {"user", "csrf_token"}
    assert app.test_client().get("/session/").status_code == 302
