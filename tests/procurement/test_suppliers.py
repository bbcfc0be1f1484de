"""Suppliers: saved, deleted, imported and exported."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.contacts import ContactData
from erp.models import HistoryEntry
from modules.procurement.errors import NameTaken, SupplierInUse
from modules.procurement.models import PurchaseOrder, Supplier
from modules.procurement.services import (
    delete_supplier,
    save_supplier,
)
from tests.support.procurement import (
    dump,
    load,
    make_supplier,
    refusals,
)

HEADER = "code,name,email,street,postcode,city,region,country"


def test_two_suppliers_of_one_code_are_refused(session: Session) -> None:
    first = save_supplier(session, None, ContactData("S01", "Exotic Liquids"))
    with pytest.raises(NameTaken):
        save_supplier(session, None, ContactData("S01", "Another"))
    save_supplier(session, first.id, ContactData("S01", "Exotic Liquids Ltd", "s01@suppliers.example"))
    assert first.name == "Exotic Liquids Ltd"


def test_a_supplier_with_purchase_orders_cannot_be_deleted(session: Session, order: PurchaseOrder) -> None:
    with pytest.raises(SupplierInUse):
        delete_supplier(session, order.supplier_id)
    spare = make_supplier(session)
    delete_supplier(session, spare.id)
    assert spare not in session


def test_suppliers_are_made_and_changed_by_code(session: Session) -> None:
    load(session, "suppliers", "code,name,email", "S01,Exotic Liquids,s1@suppliers.example", "S02,Tokyo Traders,")
    summary = load(session, "suppliers", "code,name,email", "S01,Exotic Liquids Ltd,", "S02,Tokyo Traders,", "S03,New,")
    assert summary == "3 suppliers: 1 new, 1 changed."
    assert dump(session, "suppliers") == [
        HEADER,
        "S01,Exotic Liquids Ltd,,,,,,",
        "S02,Tokyo Traders,,,,,,",
        "S03,New,,,,,,",
    ]


def test_a_supplier_file_without_emails_leaves_them(session: Session) -> None:
    load(session, "suppliers", "code,name,email", "S01,Exotic Liquids,s1@suppliers.example")
    load(session, "suppliers", "code,name", "S01,Exotic")
    assert session.scalars(select(Supplier.email)).all() == ["s1@suppliers.example"]


def test_a_supplier_file_without_addresses_leaves_them(session: Session) -> None:
    load(session, "suppliers", HEADER, "S01,Exotic Liquids,,Ironstrasse 9,44135,Dortmund,NRW,Germany")
    load(session, "suppliers", "code,name", "S01,Exotic")
    assert dump(session, "suppliers") == [HEADER, "S01,Exotic,,Ironstrasse 9,44135,Dortmund,NRW,Germany"]


def test_that_a_supplier_was_imported_is_recorded_in_its_history_once(session: Session) -> None:
    load(session, "suppliers", "code,name", "S01,Exotic Liquids")
    load(session, "suppliers", "code,name", "S01,Exotic")
    about = select(HistoryEntry).where(HistoryEntry.document == "procurement.supplier").order_by(HistoryEntry.id)
    message = [(entry.document_name, entry.action, entry.field, entry.new_value) for entry in session.scalars(about)]
    assert message == [("S01", "created", "", ""), ("S01", "changed", "name", "Exotic")]


def test_a_supplier_that_is_twice_in_a_file_is_refused(session: Session) -> None:
    assert refusals(session, "suppliers", "code,name", "S01,One", "S01,Two") == [(3, "code")]
    assert dump(session, "suppliers") == [HEADER]
