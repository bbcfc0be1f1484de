"""One search over everything: what it finds, what it forgives, who finds what, and that it stays in step."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select, text

from erp.db import db
from erp.search import SearchWord, rebuild, spellings, stored_words, typed_words, wrong_words
from modules.inventory_lots.models import Product
from modules.sales.models import Customer
from modules.sales.services import pack_order
from tests.support.concurrency import together
from tests.support.inventory_lots import make_product, make_stock
from tests.support.procurement import make_purchase_order, make_supplier
from tests.support.sales import allocate, load, make_customer, make_draft, make_order


def find(browser, typed):
    """Return the kind and the text of each result."""
    found = browser.get("/search/", query_string={"q": typed}).get_json()["results"]
    return [(each["kind"], each["text"]) for each in found]


@pytest.fixture
def company(session):
    """A customer with an order that is packed, and a purchase order at a supplier."""
    product = make_product(session, sku="LAMP-RED", name="Desk lamp, red")
    make_stock(session, product, 9, lot="L-2031")
    henderson = make_customer(session, code="HEND", name="Henderson & Söhne", email="anna.b@henderson.example")
    order = make_order(session, [(product, 2)], customer=henderson)
    allocate(session, product)
    pack_order(session, order.id)
    supplier = make_supplier(session, code="SHADE", name="Shade Works", email="sales@shade.example")
    purchase = make_purchase_order(session, [(product, 5)], supplier=supplier)
    session.commit()
    return {"order": order.number, "purchase": purchase.number}


# What is typed


def test_a_text_is_found_by_its_words_without_case_and_accents():
    assert stored_words(["Henderson & Söhne", "LAMP-RED_2"]) == {"henderson", "sohne", "lamp", "red", "2"}


def test_an_email_address_is_found_by_its_parts_and_as_a_whole():
    assert stored_words(["Anna.B@x.example"]) == {"anna", "b", "x", "example", "anna.b@x.example"}
    assert typed_words("anna.b@x.example lamp") == ["anna.b@x.example", "lamp"]


def test_one_typing_error_in_a_word_is_forgiven_and_short_words_stay_as_they_are():
    for typed in ("hendreson", "hendeson", "hendersonn", "hemderson", "ehnderson"):
        assert "henderson" in spellings(typed), typed
    assert "henderson" not in spellings("hnedeson")
    assert spellings("red") == ["red"]
    assert spellings("henderson")[0] == "henderson"


# What is found


def test_an_order_is_found_by_its_number_however_it_is_typed(client, company):
    order = company["order"]
    digits = str(int(order.removeprefix("SO")))
    for typed in (order, order.lower(), f" {order} ", digits, f"so{digits}", f"SO-{digits}", f"#{digits}"):
        assert ("Sales order", order) in find(client, typed)[:2], typed


def test_an_order_is_the_first_document_after_its_customer_by_the_customers_name(client, company):
    assert find(client, "henderson") == [("Customer", "Henderson & Söhne"), ("Sales order", company["order"])]


NAMES = {
    "HEND": ("Customer", "Henderson & Söhne"),
    "sohne": ("Customer", "Henderson & Söhne"),
    "söh hend": ("Customer", "Henderson & Söhne"),
    "anna.b@hend": ("Customer", "Henderson & Söhne"),
    "lamp-r": ("Product", "LAMP-RED"),
    "red lamp": ("Product", "LAMP-RED"),
    "shade": ("Supplier", "Shade Works"),
    "sales@shade.example": ("Supplier", "Shade Works"),
    "l-20": ("Lot", "L-2031"),
    "pk1": ("Pack", "PK00001"),
    "backord": ("Page", "Backorders"),
    "new sales": ("Action", "New sales order"),
}
ERRORS = {
    "hendreson": "Henderson & Söhne",
    "henders0n": "Henderson & Söhne",
    "hendreso": "Henderson & Söhne",
    "dekk lamp": "LAMP-RED",
    "lmap-red": "LAMP-RED",
    "L-2013": "L-2031",
    "pruchase": "Purchase orders",
}


def test_everything_is_found_by_what_it_is_called_and_typing_errors_are_forgiven(client, company):
    assert {typed: result for typed, result in NAMES.items() if result not in find(client, typed)} == {}
    names = {typed: [text for _, text in find(client, typed)] for typed in ERRORS}
    assert {typed: names[typed] for typed, text in ERRORS.items() if text not in names[typed]} == {}
    assert find(client, "hendreson")[0] == ("Customer", "Henderson & Söhne")
    assert find(client, "dekslamp") == find(client, "hnedreson") == []


def test_a_mistyped_number_finds_the_numbers_that_are_one_error_away(client, company):
    order = company["order"]
    assert find(client, f"{order[:-2]}{order[-1]}{order[-2]}") == [("Sales order", order)]


def test_at_most_ten_results_come_and_no_kind_hides_another(client, session):
    for _ in range(8):
        make_product(session, name="Garden chair")
        make_supplier(session, name="Garden Ltd")
        make_draft(session, customer=make_customer(session, name="Garden club"))
    found = find(client, "garden")
    assert len(found) == 10
    assert {kind for kind, _ in found} == {"Product", "Customer", "Sales order", "Supplier"}


HOSTILE = ("\x00", "%", "_", "'", "\\", "☃", "x" * 5000, "a b c d e f g h i j k", "-", "#0", "(", "ß" * 30)


def test_whatever_is_typed_is_answered(client, company):
    answers = [client.get("/search/", query_string={"q": typed}).status_code for typed in HOSTILE]
    assert set(answers) == {200}


def test_a_search_sends_as_many_statements_for_many_rows_as_for_few(client, company, session, count_statements):
    with count_statements() as few:
        find(client, "hendreson lamp")
    for _ in range(40):
        make_product(session, name="Henderson lamp")
        make_draft(session, customer=make_customer(session, name="Henderson lamp"))
    with count_statements() as many:
        find(client, "hendreson lamp")
    # Results have further statements for the rows, whatever their number.
    assert len(many) <= len(few) + 4


# Who finds what


def test_nobody_finds_what_they_may_not_see(app, sign_in, company):
    assert app.test_client().get("/search/?q=henderson").status_code == 302
    user = sign_in("Auditor")
    assert ("Customer", "Henderson & Söhne") in find(user, "henderson")
    assert ("Action", "New sales order") not in find(user, "new sales order")
    assert ("Page", "Users") not in find(user, "users")
    db.session.execute(text("DELETE FROM erp_role_right WHERE permission = 'sales.view'"))
    db.session.commit()
    assert find(user, "henderson") == []
    assert find(user, company["order"]) == []
    assert ("Supplier", "Shade Works") in find(user, "shade")


@pytest.mark.needs("procurement")
def test_a_module_that_is_off_finds_nothing(app, client, company, session):
    from erp.registry import current_registry

    for name in ("backorder_email", "preorder", "procurement"):
        current_registry().disable(session, name, release=True)
        session.commit()
    assert find(client, "shade") == []
    assert company["purchase"] not in [number for _, number in find(client, company["purchase"])]


# In step


def words(session, model):
    rows = select(SearchWord.word).where(SearchWord.document == model.__tablename__)
    return set(session.scalars(rows))


def test_a_row_that_is_changed_or_deleted_is_found_by_its_new_words_alone(client, session):
    customer = make_customer(session, name="Oldname")
    session.commit()
    customer.name = "Newname"
    session.commit()
    assert find(client, "oldname") == []
    assert find(client, "newname") == [("Customer", "Newname")]
    session.delete(session.get(Customer, customer.id))
    session.commit()
    assert find(client, "newname") == []
    assert words(session, Customer) == set()


def test_what_a_file_brings_or_changes_is_found(client, session):
    load(session, "products", "sku,name", "HOSE,Garden hose")
    load(session, "customers", "code,name,email", "A,Alder,a@alder.example")
    assert find(client, "hose") == [("Product", "HOSE")]
    load(session, "products", "sku,name", "HOSE,Water pipe")
    load(session, "customers", "code,name,email", "A,Beech,b@beech.example")
    assert find(client, "garden") == find(client, "alder") == []
    assert find(client, "water pipe") == [("Product", "HOSE")]
    assert find(client, "b@beech.example") == [("Customer", "Beech")]


def test_two_who_rename_a_customer_at_once_leave_one_name(app, client, session):
    customer_id = make_customer(session, name="Before").id
    session.commit()

    def rename(name):
        def work(session):
            row = session.get(Customer, customer_id, with_for_update=True)
            row.name = name
            session.flush()

        return work

    together(app, rename("Hickory"), rename("Juniper"))
    session.expire_all()
    kept = session.get(Customer, customer_id).name.lower()
    assert {"hickory", "juniper", "before"} & words(session, Customer) == {kept}
    assert list(wrong_words(session, Customer)) == []


def test_the_invariants_say_what_is_out_of_step_and_it_can_be_mended(session):
    product = make_product(session, sku="HOSE", name="Garden hose")
    lost = make_product(session, sku="LOST")
    session.commit()
    session.execute(delete(SearchWord).where(SearchWord.document_id == product.id))
    session.execute(text("DELETE FROM inventory_lots_product WHERE sku = 'LOST'"))
    assert list(wrong_words(session, Product)) == [
        "inventory_lots_product [HOSE] Garden hose: the search does not have its words.",
        "inventory_lots_product: the search has words of rows that are gone.",
    ]
    session.expunge(lost)
    rebuild(session, Product)
    assert list(wrong_words(session, Product)) == []
