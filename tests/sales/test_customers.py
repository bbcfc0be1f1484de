"""Customers from files."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from erp import contacts
from erp.addresses import BadAddress
from erp.contacts import ContactData
from erp.errors import RecordTaken
from erp.identity import BadIdentifier
from erp.models import HistoryEntry
from modules.sales.models import Customer
from tests.support.sales import dump, errors_of, load, make_customer

HEADER = "code,name,email,street,postcode,city,region,country"


def test_customers_that_another_import_made_since_are_changed(session, monkeypatch):
    find_first = contacts.contacts_by_code

    def and_be_second(session, model, codes):
        monkeypatch.setattr(contacts, "contacts_by_code", find_first)
        found = find_first(session, model, codes)
        make_customer(session, code="A")
        return found

    monkeypatch.setattr(contacts, "contacts_by_code", and_be_second)
    load(session, "customers", "code,name,email", "A,Alfred,a@x.example", "B,Berta,")
    assert sorted(dump(session, "customers")[1:]) == ["A,Alfred,a@x.example,,,,,", "B,Berta,,,,,,"]


def test_customers_are_made_and_changed_by_code(session):
    load(session, "customers", "code,name,email", "A,Alfred,a@x.example", "B,Berta,")
    summary = load(session, "customers", "code,name,email", "A,Alfreds,", "B,Berta,", "C,Carla,c@x.example")
    assert summary == "3 customers: 1 new, 1 changed."
    assert dump(session, "customers") == [HEADER, "A,Alfreds,,,,,,", "B,Berta,,,,,,", "C,Carla,c@x.example,,,,,"]


def test_a_customer_file_without_emails_leaves_them(session):
    load(session, "customers", "code,name,email", "A,Alfred,a@x.example")
    load(session, "customers", "code,name", "A,Alfreds")
    assert dump(session, "customers") == [HEADER, "A,Alfreds,a@x.example,,,,,"]


def test_a_customer_file_changes_the_parts_of_an_address_that_it_has_and_leaves_the_others(session):
    load(session, "customers", HEADER, "A,Alfred,a@x.example,Harbour Road 4,2100,Copenhagen,,Denmark")
    assert load(session, "customers", "code,name,city", "A,Alfred,Aarhus").endswith("0 new, 1 changed.")
    assert dump(session, "customers") == [HEADER, "A,Alfred,a@x.example,Harbour Road 4,2100,Aarhus,,Denmark"]
    assert session.scalar(select(Customer)).address_lines == ["Harbour Road 4", "2100 Aarhus", "Denmark"]


def test_a_part_of_an_address_that_is_too_long_is_refused_by_row(session):
    errors = errors_of(session, "customers", "code,name,postcode", "A,Alfred,2100", f"B,Berta,{'1' * 21}")
    assert [error[:2] for error in errors] == [(3, "postcode")]
    assert dump(session, "customers") == [HEADER]


def test_new_and_changed_customers_are_in_the_history(session):
    load(session, "customers", "code,name", "A,Alfred")
    load(session, "customers", "code,name", "A,Alfreds")
    about = select(HistoryEntry).where(HistoryEntry.document == "sales.customer").order_by(HistoryEntry.id)
    shown = [(entry.document_name, entry.action, entry.field, entry.new_value) for entry in session.scalars(about)]
    assert shown == [("A", "created", "", ""), ("A", "changed", "name", "Alfreds")]


def test_a_customer_that_stands_twice_in_a_file_is_refused(session):
    assert [error[:2] for error in errors_of(session, "customers", "code,name", "A,One", "A,Two")] == [(3, "code")]
    assert session.scalar(select(func.count()).select_from(Customer)) == 0


def test_a_customer_without_a_name_or_with_too_long_a_code_is_refused(session):
    found = errors_of(session, "customers", "code,name", "A,", f"{'x' * 61},Name")
    assert [error[:2] for error in found] == [(2, "name"), (3, "code")]


def test_a_file_is_refused_by_row_where_the_form_would_refuse_an_address(session):
    rows = ("C1,One,n/a", "C2,Two,a@x.example; b@x.example", "C3,Three,Ann <a@x.example>", "C4,Four,a@☃.example")
    errors = errors_of(session, "customers", "code,name,email", *rows)
    assert [(row, column) for row, column, *_ in errors] == [(number, "email") for number in (2, 3, 4, 5)]
    assert dump(session, "customers") == [HEADER]


@pytest.mark.parametrize("email", ["n/a", "a@x.example; b@x.example", "Ann <a@x.example>", "a@☃.example"])
def test_a_program_cannot_save_an_address_that_the_form_would_refuse(session, email):
    with pytest.raises(BadAddress, match="cannot be used"):
        contacts.save_contacts(session, Customer, [contacts.ContactData("C", "One", email)])


def test_a_code_that_cannot_be_kept_or_is_taken_is_refused_alone(session):
    make_customer(session, code="A")
    new = [ContactData(code, "New") for code in ("a", "\u200b", "B", " b ", "C")]
    found = contacts.create_contacts(session, Customer, new, noun="customer")
    assert [type(each) for each in found] == [RecordTaken, BadIdentifier, int, RecordTaken, int]
    assert found[0].facts == {"noun": "customer", "name": "A"}
    created = select(HistoryEntry.document_id).where(HistoryEntry.action == "created")
    assert session.scalars(created.order_by(HistoryEntry.id)).all() == [found[2], found[4]]
