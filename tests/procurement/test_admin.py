"""The screens of procurement, through a browser that runs no scripts."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from modules.procurement.models import PurchaseLineStatus, PurchaseOrder, Supplier
from modules.procurement.states import PurchaseState
from tests.support.inventory_lots import make_location, make_product
from tests.support.procurement import (
    ORDERS,
    make_purchase_order,
    make_status,
    page,
    post,
)

JUNE = date(2026, 6, 1)


def receive_form(order: PurchaseOrder, path: str, session: Session) -> dict[str, Any]:
    make_location(session, path)
    session.commit()
    line = order.lines[0]
    return {"lines__0__line_id": line.id, "lines__0__quantity": "4", "lines__0__location": path, "lines__0__lot": "L1"}


@pytest.mark.parametrize("path", ["purchase-orders", "incoming", "receipts", "suppliers", "line-statuses"])
def test_every_list_opens_empty_and_filled(client: FlaskClient, session: Session, path: str) -> None:
    page(client, f"/procurement/{path}/")
    order = make_purchase_order(session, [{"status": make_status(session), "expected_on": JUNE}])
    session.commit()
    post(client, f"{ORDERS}{order.id}/receive/", **receive_form(order, "WH/A", session))
    shown = page(client, f"/procurement/{path}/")
    assert "There are no" not in shown


def test_a_list_takes_the_same_statements_for_one_order_and_for_many(
    client: FlaskClient, session: Session, count_statements: Callable[..., Any]
) -> None:
    counts = []
    status = make_status(session)
    for _ in range(2):
        for _ in range(10):
            make_purchase_order(session, [{"expected_on": JUNE, "status": status}] * 2)
        session.commit()
        session.expunge_all()
        for address in (ORDERS, "/procurement/incoming/", "/procurement/suppliers/"):
            with count_statements() as sent:
                page(client, address)
            counts.append(len(sent))
    assert counts[:3] == counts[3:]


@pytest.mark.parametrize("narrowed", ["", "search=PO", "flt0_product_sku_contains=PO", "page=0"])
def test_incoming_lines_without_a_date_come_last_in_both_directions_and_in_every_search(
    client: FlaskClient, session: Session, narrowed: str
) -> None:
    product = make_product(session, sku="PORT")
    days = (JUNE, None, JUNE + timedelta(days=2), JUNE + timedelta(days=1))
    make_purchase_order(session, [(product, 1, day) for day in days], number="PO1")
    session.commit()
    shown = [[int(each) for each in re.findall(r"PO1/(\d)", page(client, f"/procurement/incoming/?{order}&{narrowed}"))]
             for order in ("", "sort=5", "sort=5&desc=1")]  # fmt: skip
    assert [list(dict.fromkeys(each)) for each in shown] == [[1, 4, 3, 2], [1, 4, 3, 2], [3, 4, 1, 2]]


def test_a_document_takes_the_same_statements_for_few_lines_and_for_many(
    client: FlaskClient, session: Session, count_statements: Callable[..., Any]
) -> None:
    status = make_status(session)
    counts = {}
    for size in (2, 40):
        order = make_purchase_order(session, [{"expected_on": JUNE, "status": status}] * size)
        session.commit()
        addresses = [f"{ORDERS}{order.id}/{end}" for end in ("", "edit/", "receive/", "expected-dates/")]
        session.expunge_all()
        for address, end in zip(addresses, "abcd", strict=True):
            with count_statements() as sent:
                page(client, address)
            counts.setdefault(end, []).append(len(sent))
    assert all(few == many for few, many in counts.values()), counts


def test_statuses_and_suppliers_are_kept(client: FlaskClient, session: Session) -> None:
    post(client, "/procurement/line-statuses/new/", name="At sea", position="1", is_default="y")
    post(client, "/procurement/line-statuses/new/", name="Landed", position="2", is_default="y")
    statuses = session.scalars(select(PurchaseLineStatus).order_by(PurchaseLineStatus.position)).all()
    assert [(status.name, status.is_default) for status in statuses] == [("At sea", False), ("Landed", True)]
    post(client, "/procurement/line-statuses/new/", 422, name="At sea", position="3")
    post(client, f"/procurement/line-statuses/{statuses[0].id}/delete/")
    assert len(session.scalars(select(PurchaseLineStatus)).all()) == 1
    post(client, "/procurement/suppliers/new/", code="S01", name="Exotic Liquids", email="s1@suppliers.example")
    post(client, "/procurement/suppliers/new/", 422, code="S01", name="Another", email="")
    supplier = session.scalars(select(Supplier)).one()
    assert "Exotic Liquids" in page(client, f"/procurement/suppliers/{supplier.id}/")
    post(client, f"/procurement/suppliers/{supplier.id}/delete/")
    assert session.scalars(select(Supplier)).all() == []


def test_what_is_in_use_cannot_be_deleted(client: FlaskClient, session: Session, order: PurchaseOrder) -> None:
    status = make_status(session, name="At sea")
    order.lines[0].status = status
    session.commit()
    assert "cannot be deleted" in post(client, f"/procurement/line-statuses/{status.id}/delete/", 409)
    assert "cannot be deleted" in post(client, f"/procurement/suppliers/{order.supplier_id}/delete/", 409)


def test_the_dashboard_counts_and_leads_to_what_waits(client: FlaskClient, session: Session) -> None:
    yesterday = clock.today() - timedelta(days=1)
    make_purchase_order(session, state=PurchaseState.draft)
    late = make_purchase_order(session, [{"expected_on": yesterday}, {"expected_on": clock.today()}])
    session.commit()
    shown = page(client, "/")
    (overdue,) = re.findall(r'href="([^"]+)"><span>Overdue lines</span>', shown)
    listed = page(client, overdue.replace("&amp;", "&"))
    assert f"{late.number}/1" in listed
    assert f"{late.number}/2" not in listed
    assert "overdue" in page(client, f"{ORDERS}{late.id}/").lower()


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("Merchandiser", {"edit", "receive"}),
        ("Warehouse clerk", {"receive"}),
        ("Sales clerk", set()),
        ("Auditor", set()),
    ],
)
def test_each_role_does_what_it_may(
    sign_in: Callable[[str], FlaskClient], order: PurchaseOrder, role: str, may: set[str]
) -> None:
    browser = sign_in(role)
    page(browser, f"{ORDERS}{order.id}/")
    page(browser, f"{ORDERS}{order.id}/edit/", 200 if "edit" in may else 403)
    page(browser, f"{ORDERS}{order.id}/receive/", 200 if "receive" in may else 403)
    page(browser, f"{ORDERS}{order.id}/expected-dates/", 200 if "edit" in may else 403)
    page(browser, "/procurement/line-statuses/new/", 200 if role == "Merchandiser" else 403)
