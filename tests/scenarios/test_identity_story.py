"""One number however it is written: in files, commands, forms, searches and when two clerks are at it at once."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from erp.admin import identifiers
from erp.db import commit
from erp.exchange import ImportRefused, export_csv, import_csv
from modules.inventory_lots.models import Balance, Location, Lot, Product, Warehouse
from modules.sales.models import Customer, Order
from tests.support.concurrency import together
from tests.support.inventory_lots import make_product
from tests.support.sales import errors_of, load, make_customer

ORDER = "number,customer,sku,quantity"


@pytest.fixture
def shop(session):
    """A customer and a product whose names are not plain ASCII."""
    product = make_product(session, sku="Straße-1")
    customer = make_customer(session, code="Über", name="Northwind")
    session.commit()
    return customer, product


def test_an_import_finds_records_however_it_writes_them(session, shop):
    load(session, "sales_orders", ORDER, "so-77a,ÜBER,STRASSE-1,2", "SO-77A,über,straße-1,3")
    order = session.scalars(select(Order)).one()
    assert (order.number, order.customer, [line.quantity for line in order.lines]) == ("so-77a", shop[0], [2, 3])
    assert {line.product for line in order.lines} == {shop[1]}
    assert load(session, "promise_dates", "order,line,promise_date", "So-77A,2,2026-12-24").endswith("1 changed.")


def test_an_import_refuses_a_number_that_exists_and_names_it_as_it_was_first_written(session, shop):
    load(session, "sales_orders", ORDER, "so-77a,über,straße-1,2")
    assert errors_of(session, "sales_orders", ORDER, "SO-77A,über,straße-1,2") == [
        (2, "number", "is the number of an order that exists already, so-77a")
    ]


def test_a_file_updates_what_it_names_otherwise_and_the_first_spelling_stays(session, shop):
    assert load(session, "products", "sku,name", "STRASSE-1,Street").endswith("0 new, 1 changed.")
    assert load(session, "customers", "code,name", "ÜBER,Southwind").endswith("0 new, 1 changed.")
    assert (shop[1].sku, shop[1].name, shop[0].code, shop[0].name) == ("Straße-1", "Street", "Über", "Southwind")


def test_two_rows_of_one_identifier_are_refused(session):
    assert errors_of(session, "products", "sku,name", "Bolt,One", "BOLT,Two") == [
        (3, "sku", "is there twice: row 2 has the same sku")
    ]


def test_a_character_that_cannot_be_seen_is_refused_by_its_name(session):
    assert errors_of(session, "products", "sku,name", "AB\u200bC,Bolt") == [
        (2, "sku", "has U+200B ZERO WIDTH SPACE: remove it")
    ]


def test_lots_are_one_within_their_product_and_locations_everywhere(session):
    for sku in ("A", "B"):
        make_product(session, sku=sku)
    rows = ("a,lot-1,wh/stock,2", "A,LOT-1,WH/Store,3", "b,LOT-1,Wh/STOCK,4")
    load(session, "stock", "sku,lot,location,quantity", *rows)
    lots = session.execute(select(Product.sku, Lot.number).join(Lot.product).order_by(Lot.id)).all()
    assert [tuple(lot) for lot in lots] == [("A", "lot-1"), ("B", "LOT-1")]
    assert session.scalars(select(Location.path).order_by(Location.id)).all() == ["wh/stock", "wh/Store"]
    assert session.scalars(select(Warehouse.code)).all() == ["wh"]
    load(session, "stock", "sku,lot,location,quantity", "A,Lot-1,WH/STOCK,7")
    assert session.scalar(select(func.sum(Balance.on_hand)).join(Balance.lot).where(Lot.number == "lot-1")) == 10


def test_an_export_imports_again(session, shop):
    load(session, "products", "sku,name,tracking", "Loose,Loose,none")
    load(session, "stock", "sku,location,quantity", "LOOSE,wh/a,5")
    exported = "".join(export_csv(session, "stock")).encode()
    assert commit(lambda session: import_csv(session, "stock", exported)).startswith("1 row of stock: 0 changed")


def test_a_list_finds_an_identifier_however_it_is_typed(client, session, shop):
    for term in ("strasse", "STRAßE", "=straße-1"):
        assert "Straße-1" in client.get("/inventory/products/", query_string={"search": term}).text
    found = client.get("/inventory/products/", query_string={"search": "strase"}).text
    assert "Straße-1" not in found
    load(session, "sales_orders", ORDER, "so-77a,über,straße-1,2")
    assert "so-77a" in client.get("/sales/orders/", query_string={"search": "SO-77A über"}).text


def test_a_choice_finds_an_identifier_however_it_is_typed(client, shop):
    address = "/sales/orders/ajax/lookup/"
    assert client.get(address, query_string={"name": "customer", "query": "ÜBER"}).get_json()
    assert client.get(address, query_string={"name": "lines-product", "query": "STRASSE"}).get_json()


def test_a_form_refuses_an_identifier_that_exists_and_names_it(client, session, shop):
    answer = client.post("/sales/customers/new/", data={"code": "ÜBER ", "name": "Again"})
    assert (answer.status_code, "Already exists: Über." in answer.text) == (422, True)
    answer = client.post("/inventory/products/new/", data={"sku": "AB\u200b", "name": "X", "tracking": "lot"})
    assert (answer.status_code, "U+200B ZERO WIDTH SPACE" in answer.text) == (422, True)
    answer = client.post("/inventory/locations/new/", data={"path": "wh / a", "kind": "stock"})
    assert answer.status_code == 302
    answer = client.post("/inventory/locations/new/", data={"path": "WH/A", "kind": "stock"})
    assert (answer.status_code, "wh/a" in answer.text) == (422, True)


def test_a_record_may_be_written_otherwise_by_its_own_form(client, session, shop):
    customer = shop[0]
    data = {"code": "ÜBER", "name": "Northwind", "row_version": str(customer.row_version)}
    assert client.post(f"/sales/customers/{customer.id}/edit/", data=data).status_code == 302
    session.expire_all()
    assert (customer.code, customer.code_key) == ("ÜBER", "über")


def test_a_form_that_comes_second_names_the_record_that_came_first(client, session, shop, monkeypatch):
    monkeypatch.setattr(identifiers.Identifier, "__call__", lambda *_: None)  # the other clerk saves after the check
    answer = client.post("/sales/customers/new/", data={"code": "ÜBER", "name": "Again"})
    assert (answer.status_code, "the same number, code or name: Über." in answer.text) == (422, True)


def test_of_two_clerks_who_create_one_number_at_once_one_wins(app, session, shop):
    def work(number):
        data = f"{ORDER}\n{number},über,straße-1,2".encode()
        return lambda session: import_csv(session, "sales_orders", data)

    results = together(app, work("so-77a"), work("SO-77A"))
    (refused,) = (result for result in results if isinstance(result, Exception))
    won = session.scalars(select(Order.number)).one()
    assert isinstance(refused, ImportRefused)
    assert str(refused.errors[0]).endswith(f"is the number of an order that exists already, {won}.")


def test_two_clerks_who_bring_one_customer_at_once_make_one(app, session):
    def work(code):
        return lambda session: import_csv(session, "customers", f"code,name\n{code},Northwind".encode())

    results = together(app, work("acme"), work("ACME"))
    assert not [result for result in results if isinstance(result, Exception)]
    assert session.scalar(select(func.count()).select_from(Customer)) == 1


def test_many_identifiers_take_as_many_statements_as_one(session, count_statements):
    def statements(count, first):
        rows = [f"Ünit-{first + number},Part" for number in range(count)]
        with count_statements() as sent:
            load(session, "products", "sku,name", *rows)
        return len(sent)

    statements(1, 0)  # reads once what is read once
    assert statements(1, 1) == statements(50, 100)
    assert session.scalar(select(func.count()).select_from(Product)) == 52
