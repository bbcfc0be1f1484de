"""Forms: what they save, what they refuse, and that a refusal changes nothing."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from erp.models import HistoryEntry, RunEntry
from modules.sales.models import Customer
from tests.support import inventory_lots, sales


@pytest.fixture
def customer(session):
    found = sales.make_customer(session, code="ALFKI", name="Alfreds Futterkiste")
    session.commit()
    return found


def version_in(page):
    return re.search(r'name="row_version"[^>]*value="(\d+)"', page)[1]


def edit(browser, customer, **values):
    address = f"/sales/customers/{customer.id}/edit/"
    form = {
        "code": customer.code,
        "name": customer.name,
        "email": "",
        "row_version": version_in(browser.get(address).text),
    }
    return browser.post(address, data=form | values)


def test_a_form_saves_and_says_so(client, session, customer):
    answer = edit(client, customer, name="Alfreds")
    assert answer.location == f"/sales/customers/{customer.id}/"
    assert "Customer saved." in client.get(answer.location).text
    assert session.get(Customer, customer.id).name == "Alfreds"


def test_a_new_row_gets_a_page_or_another_form(client, session):
    form = {"code": "NEW1", "name": "New"}
    assert re.fullmatch(r"/sales/customers/\d+/", client.post("/sales/customers/new/", data=form).location)
    again = client.post("/sales/customers/new/", data={"code": "NEW2", "name": "New", "_add_another": "1"})
    assert again.location == "/sales/customers/new/"


def test_an_edit_is_recorded_with_the_user(client, session, customer):
    edit(client, customer, name="Alfreds")
    entry = session.scalars(select(HistoryEntry).where(HistoryEntry.field == "name")).one()
    assert (entry.user_name, entry.old_value, entry.new_value) == ("admin", "Alfreds Futterkiste", "Alfreds")
    assert "Alfreds Futterkiste" in client.get(f"/sales/customers/{customer.id}/").text


def test_a_form_with_errors_shows_them_keeps_what_was_typed_and_changes_nothing(client, session, customer):
    answer = edit(client, customer, code="", name="Typed before")
    assert answer.status_code == 422
    assert "Typed before" in answer.text and "is-invalid" in answer.text
    assert session.get(Customer, customer.id).name == "Alfreds Futterkiste"


def test_the_later_of_two_saves_of_one_record_is_refused(client, session, customer):
    address = f"/sales/customers/{customer.id}/edit/"
    opened = version_in(client.get(address).text)
    edit(client, customer, name="First")
    late = client.post(address, data={"code": "ALFKI", "name": "Second", "row_version": opened})
    assert late.status_code == 409
    assert "Somebody else has changed this record since" in late.text
    assert session.get(Customer, customer.id).name == "First"


@pytest.mark.parametrize("version", ["abc", "-1", "99999999999999999999999", "0"])
def test_a_version_that_never_was_is_refused(client, session, customer, version):
    assert edit(client, customer, name="Second", row_version=version).status_code == 409
    assert session.get(Customer, customer.id).name == "Alfreds Futterkiste"


def test_a_record_that_was_deleted_since_is_not_found(client, session, customer):
    address = f"/sales/customers/{customer.id}/edit/"
    session.delete(session.get(Customer, customer.id))
    session.commit()
    assert client.post(address, data={"code": "X", "name": "Y", "row_version": "1"}).status_code == 404


def test_two_records_of_one_code_are_refused_in_words(client, session, customer):
    answer = client.post("/sales/customers/new/", data={"code": "ALFKI", "name": "Another"})
    assert answer.status_code == 422
    assert len(session.scalars(select(Customer).where(Customer.code == "ALFKI")).all()) == 1


def test_a_record_in_use_is_not_deleted_and_says_why(client, session, customer):
    sales.make_draft(session, [(inventory_lots.make_product(session), 1)], customer=customer)
    answer = client.post(f"/sales/customers/{customer.id}/delete/")
    assert answer.status_code == 409 and "in use" in answer.text
    assert session.get(Customer, customer.id) is not None


def test_fields_that_are_not_in_the_form_cannot_be_set(client, session, customer):
    edit(client, customer, id="77", row_version_="9", state="hacked")
    assert session.get(Customer, customer.id).code == "ALFKI"


def test_posted_lines_of_another_document_are_ignored(client, session):
    product = inventory_lots.make_product(session)
    mine, other = (sales.make_draft(session, [(product, 2)]) for _ in range(2))
    session.commit()
    line = other.lines[0]
    form = {"customer": str(mine.customer_id), "ordered_at": "2026-11-23T10:00", "priority": "0",
            "shipping_policy": "partial", "row_version": str(mine.row_version),
            "lines-0-id": str(line.id), "lines-0-product": str(product.id), "lines-0-quantity": "99"}  # fmt: skip
    client.post(f"/sales/orders/{mine.id}/edit/", data=form)
    client.post(f"/sales/orders/{mine.id}/edit/", data=form | {"lines-0-removed": "1"})
    session.expire_all()
    assert line.quantity == 2 and mine.lines[0].quantity == 2


def test_a_request_that_changes_nothing_records_no_run(client, session, customer):
    before = len(session.scalars(select(RunEntry)).all())
    client.get(f"/sales/customers/{customer.id}/")
    client.post("/sales/customers/new/", data={"code": ""})
    assert len(session.scalars(select(RunEntry)).all()) == before


def test_a_document_has_the_address_of_all_of_its_history(client, session, customer):
    for number in range(25):
        edit(client, customer, name=f"Name {number}")
    page = client.get(f"/sales/customers/{customer.id}/").text
    address, count = re.search(r'href="([^"]+)">All (\d+) entries', page).groups()
    entries = client.get(f"{address.replace('&amp;', '&')}&page_size=50").text
    assert int(count) >= 25 and entries.count("<tr data-href") == int(count)
