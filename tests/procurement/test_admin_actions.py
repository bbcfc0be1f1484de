"""The actions of purchase orders and their lines, through a browser that runs no scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.db import require_lock
from erp.registry import Owned
from modules.inventory_lots.models import Balance, Lot, Product
from modules.inventory_lots.states import Tracking
from modules.procurement.hooks import Impact, arrival_impact
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.states import PurchaseState
from tests.support.inventory_lots import make_location, make_product
from tests.support.marked_fields import marked_fields
from tests.support.procurement import (
    ORDERS,
    line_form,
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


def test_goods_are_received_line_by_line(client: FlaskClient, session: Session, order: PurchaseOrder) -> None:
    shown = page(client, f"{ORDERS}{order.id}/receive/")
    assert 'value="10"' in shown
    assert 'value="WH/STOCK"' in shown
    first, second = order.lines
    shown = post(
        client,
        f"{ORDERS}{order.id}/receive/",
        received_on="2026-05-30",
        lines__0__line_id=first.id,
        lines__0__quantity="4",
        lines__0__location="WH/STOCK",
        lines__0__lot="L1",
        lines__0__expires_on="2027-05-30",
        lines__1__line_id=second.id,
        lines__1__quantity="",
        lines__1__location="WH/STOCK",
    )
    assert "Goods of PO-1 are received." in shown
    lot = session.scalars(select(Lot)).one()
    assert (lot.number, lot.received_on, lot.expires_on) == ("L1", date(2026, 5, 30), date(2027, 5, 30))
    assert (first.received, second.received, order.state) == (4, 0, PurchaseState.partly_received)


def test_serial_numbers_are_received_one_a_line(client: FlaskClient, session: Session) -> None:
    order = make_purchase_order(session, [(make_product(session, tracking=Tracking.serial), 3)])
    make_location(session)
    session.commit()
    line = order.lines[0]
    form = {"lines__0__line_id": line.id, "lines__0__location": "WH/STOCK", "lines__0__serials": "SN-1\nSN-2"}
    post(client, f"{ORDERS}{order.id}/lines/{line.id}/receive/", **form)
    assert line.received == 2


@pytest.mark.parametrize(
    ("typed", "message", "field"),
    [
        ({"quantity": "11"}, "at most 10 may still come in", "quantity"),
        ({"quantity": "4", "location": "NO/WHERE"}, "There is no location", "location"),
        ({"quantity": "4", "lot": ""}, "lot number", "lot"),
        ({"quantity": "0.5"}, "decimals", "quantity"),
        ({"quantity": ""}, "Nothing of PO-1 was received", None),
    ],
)
def test_what_cannot_be_received_is_refused_with_the_reason(
    client: FlaskClient, session: Session, order: PurchaseOrder, typed: dict[str, str], message: str, field: str | None
) -> None:
    values = {"line_id": order.lines[0].id, "location": "WH/STOCK", "lot": "L1"} | typed
    form = {f"lines__0__{name}": value for name, value in values.items()}
    page = post(client, f"{ORDERS}{order.id}/receive/", 409, **form)
    assert message in page
    assert marked_fields(page) == ([f"lines-0-{field}"] if field else [])
    assert session.scalars(select(Balance)).all() == []


def test_a_line_is_closed_short_and_an_order_cancelled(client: FlaskClient, order: PurchaseOrder) -> None:
    line = order.lines[0]
    shown = post(client, f"{ORDERS}{order.id}/lines/{line.id}/close-short/")
    assert "PO-1/1 is closed short: 10 will not come." in shown
    assert "PO-1 is cancelled." in post(client, f"{ORDERS}{order.id}/cancel/")
    assert order.state == PurchaseState.cancelled
    assert 'name="order"' not in page(client, f"{ORDERS}{order.id}/")


def test_a_partly_received_order_cannot_be_cancelled(
    client: FlaskClient, session: Session, order: PurchaseOrder
) -> None:
    post(client, f"{ORDERS}{order.id}/receive/", **receive_form(order, "WH/STOCK", session))
    post(client, f"{ORDERS}{order.id}/cancel/", 409)
    assert order.state == PurchaseState.partly_received


def test_a_line_gets_its_date_and_its_status(client: FlaskClient, session: Session, order: PurchaseOrder) -> None:
    status = make_status(session, name="At sea")
    session.commit()
    line = order.lines[0]
    address = f"{ORDERS}{order.id}/lines/{line.id}"
    assert "expected on 04 May 2026" in post(client, f"{address}/expected-date/", expected_on="2026-05-04")
    assert "has no expected date" in post(client, f"{address}/expected-date/", expected_on="")
    assert "has the status At sea" in post(client, f"{address}/status/", status=status.id)
    assert (line.expected_on, line.status) == (None, status)


def test_all_lines_get_a_status_and_their_dates_at_once(
    client: FlaskClient, session: Session, order: PurchaseOrder
) -> None:
    status = make_status(session, name="At sea")
    session.commit()
    first, second = order.lines
    assert page(client, f"{ORDERS}{order.id}/expected-dates/").count('value="2026-06-01"') == 2
    assert "2 lines have a new status" in post(client, f"{ORDERS}{order.id}/status/", status=status.id)
    shown = post(
        client,
        f"{ORDERS}{order.id}/expected-dates/",
        lines__0__line_id=first.id,
        lines__0__expected_on="2026-05-04",
        lines__1__line_id=second.id,
        lines__1__expected_on=JUNE.isoformat(),
    )
    assert "1 expected date changed" in shown
    assert [line.expected_on for line in order.lines] == [date(2026, 5, 4), JUNE]


@pytest.fixture
def broken(app: Flask) -> Iterator[None]:
    """Every later date breaks one promise."""

    def answer(session: Session, dates: dict[int, date | None]) -> list[Impact]:
        # What is shown cannot become more before it is saved.
        require_lock(session, Product, [session.get_one(PurchaseOrderLine, line_id).product_id for line_id in dates])
        late = [line_id for line_id, day in dates.items() if day is None or day > JUNE]
        return [
            Impact(line_id, "sales.order", 7, "SO00007", "Ernst Handel: 16 days late.", ("PO-2/1",)) for line_id in late
        ]

    answers = app.extensions["erp"].hook_answers[arrival_impact]
    answers.append(mine := Owned("procurement", answer))
    yield
    answers.remove(mine)


def seen(shown: str) -> str:
    found = re.search(r'name="impact_seen" value="(\w+)"', shown)
    assert found, shown
    return found[1]


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize(
    ("address", "form"),
    [
        ("lines/{line}/expected-date/", {"expected_on": "{day}"}),
        ("expected-dates/", {"lines__0__line_id": "{line}", "lines__0__expected_on": "{day}"}),
        ("edit/", {"lines__0__expected_on": "{day}"}),
    ],
)
def test_a_date_that_breaks_promises_shows_them_before_it_is_saved(
    client: FlaskClient, order: PurchaseOrder, address: str, form: dict[str, str]
) -> None:
    line = order.lines[0]
    target = f"{ORDERS}{order.id}/{address.format(line=line.id)}"
    refused = 422 if address == "edit/" else 409

    def typed(day: str) -> dict[str, Any]:
        values = {name: text.format(line=line.id, day=day) for name, text in form.items()}
        return line_form(order, **values) if address == "edit/" else values

    shown = post(client, target, refused, **typed("2026-06-17"))
    assert "Ernst Handel: 16 days late." in shown
    assert "PO-2/1" in shown
    assert line.expected_on == JUNE
    again = post(client, target, refused, **typed("2026-07-17"), impact_seen=seen(shown))
    assert line.expected_on == JUNE
    post(client, target, **typed("2026-07-17"), impact_seen=seen(again))
    assert line.expected_on == date(2026, 7, 17)


@pytest.mark.usefixtures("broken")
def test_an_earlier_date_is_saved_at_once(client: FlaskClient, order: PurchaseOrder) -> None:
    line = order.lines[0]
    post(client, f"{ORDERS}{order.id}/lines/{line.id}/expected-date/", expected_on="2026-05-04")
    assert line.expected_on == date(2026, 5, 4)


def test_a_line_of_another_order_is_not_touched(client: FlaskClient, session: Session, order: PurchaseOrder) -> None:
    other = make_purchase_order(session)
    session.commit()
    page(client, f"{ORDERS}{order.id}/lines/{other.lines[0].id}/expected-date/", 404)
    form = {"lines__0__line_id": other.lines[0].id, "lines__0__expected_on": "2026-05-04"}
    post(client, f"{ORDERS}{order.id}/expected-dates/", **form)
    assert session.get_one(PurchaseOrderLine, other.lines[0].id).expected_on is None
