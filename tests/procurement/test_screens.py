"""The screens of procurement, through a browser that runs no scripts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import db, require_lock
from erp.models import HistoryEntry
from erp.registry import Owned
from modules.inventory_lots.models import Balance, Lot, Product
from modules.inventory_lots.states import Tracking
from modules.procurement.hooks import Impact, arrival_impact
from modules.procurement.models import PurchaseLineStatus, PurchaseOrder, PurchaseOrderLine, Supplier
from modules.procurement.services import set_expected_dates, set_status
from modules.procurement.states import PurchaseState
from tests.support.inventory_lots import make_location, make_product
from tests.support.procurement import make_purchase_order, make_status, make_supplier

ORDERS = "/procurement/purchase-orders/"
JUNE = date(2026, 6, 1)


@pytest.fixture
def order(session: Session) -> PurchaseOrder:
    """Ten of one product and five of another, expected in June."""
    lines = [{"quantity": 10, "expected_on": JUNE}, {"quantity": 5, "expected_on": JUNE}]
    order = make_purchase_order(session, lines, number="PO-1")
    make_location(session)
    session.commit()
    return order


def page(client: FlaskClient, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, answer.text[:2000]
    return answer.text


def post(client: FlaskClient, address: str, code: int = 200, /, **data: Any) -> str:
    fields = {name.replace("__", "-"): text for name, text in data.items()}
    answer = client.post(address, data=fields)
    if answer.status_code == 302:
        answer = client.get(answer.location)
    assert answer.status_code == code, re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", answer.text))[:3000]
    db.session.expire_all()
    return answer.text


def line_form(order: PurchaseOrder, **changes: Any) -> dict[str, Any]:
    """Return what the edit form of an order posts, with changes such as line_0_quantity="8"."""
    data: dict[str, Any] = {
        "supplier": order.supplier_id,
        "ordered_on": order.ordered_on.isoformat(),
        "note": order.note,
        "row_version": order.row_version,
    }
    for index, line in enumerate(order.lines):
        data |= {
            f"lines__{index}__id": line.id,
            f"lines__{index}__product": line.product_id,
            f"lines__{index}__quantity": f"{line.quantity:f}",
            f"lines__{index}__expected_on": line.expected_on.isoformat() if line.expected_on else "",
            f"lines__{index}__status": line.status_id or "__None",
        }
    return data | changes


@pytest.mark.parametrize("path", ["purchase-orders", "incoming", "receipts", "suppliers", "line-statuses"])
def test_every_list_opens_empty_and_filled(client: FlaskClient, session: Session, path: str) -> None:
    page(client, f"/procurement/{path}/")
    order = make_purchase_order(session, [{"status": make_status(session), "expected_on": JUNE}])
    session.commit()
    post(client, f"{ORDERS}{order.id}/receive/", **receive_form(order, "WH/A", session))
    shown = page(client, f"/procurement/{path}/")
    assert "There are no" not in shown


def receive_form(order: PurchaseOrder, path: str, session: Session) -> dict[str, Any]:
    make_location(session, path)
    session.commit()
    line = order.lines[0]
    return {"lines__0__line_id": line.id, "lines__0__quantity": "4", "lines__0__location": path, "lines__0__lot": "L1"}


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


def test_an_order_is_entered_with_its_lines_in_one_form(client: FlaskClient, session: Session) -> None:
    supplier, product, status = make_supplier(session), make_product(session), make_status(session, is_default=True)
    session.commit()
    assert re.search(rf'<option selected value="{status.id}">', page(client, f"{ORDERS}new/"))
    post(
        client,
        f"{ORDERS}new/",
        supplier=supplier.id,
        ordered_on="2026-05-06",
        note="By sea",
        lines__0__product=product.id,
        lines__0__quantity="12",
        lines__0__unit_cost="1.25",
        lines__0__expected_on="2026-06-01",
        lines__0__status=status.id,
    )
    order = session.scalars(select(PurchaseOrder)).one()
    line = order.lines[0]
    assert (order.state, order.ordered_on, order.note) == (PurchaseState.draft, date(2026, 5, 6), "By sea")
    assert (line.quantity, line.unit_cost, line.expected_on, line.status) == (12, Decimal("1.25"), JUNE, status)
    shown = post(client, f"{ORDERS}{order.id}/order/")
    assert f"{order.number} is ordered." in shown
    assert order.state == PurchaseState.ordered


def test_a_bad_quantity_is_told_and_nothing_is_saved(client: FlaskClient, session: Session) -> None:
    supplier, product = make_supplier(session), make_product(session)
    session.commit()
    form = {"supplier": supplier.id, "ordered_on": "2026-05-06", "lines__0__product": product.id}
    shown = post(client, f"{ORDERS}new/", 422, **form, lines__0__quantity="0.5", lines__0__status="__None")
    assert "has more than 0 decimals" in shown
    assert session.scalars(select(PurchaseOrder)).all() == []


def test_an_order_without_a_day_is_of_today(client: FlaskClient, session: Session) -> None:
    supplier = make_supplier(session)
    session.commit()
    post(client, f"{ORDERS}new/", supplier=supplier.id, ordered_on="")
    assert session.scalars(select(PurchaseOrder.ordered_on)).all() == [clock.today()]


def test_an_ordered_order_is_changed_in_the_form(client: FlaskClient, session: Session, order: PurchaseOrder) -> None:
    product = make_product(session)
    session.commit()
    changes = {"lines__2__product": product.id, "lines__2__quantity": "3", "lines__2__status": "__None"}
    post(client, f"{ORDERS}{order.id}/edit/", **line_form(order, lines__0__quantity="8", **changes))
    assert [line.quantity for line in order.lines] == [8, 5, 3]


def test_the_form_writes_what_has_changed_into_the_history_and_nothing_else(
    client: FlaskClient, session: Session, order: PurchaseOrder
) -> None:
    order.note = "Call first"
    product, supplier, before = make_product(session, sku="NEW"), make_supplier(session), str(order.supplier)
    session.commit()
    about = select(HistoryEntry).where(HistoryEntry.document == "procurement.purchase_order")
    known = {entry.id for entry in session.scalars(about)}

    def message() -> list[tuple[Any, ...]]:
        entries = [entry for entry in session.scalars(about.order_by(HistoryEntry.id)) if entry.id not in known]
        known.update(entry.id for entry in entries)
        return [(entry.line, entry.action, entry.field, entry.old_value, entry.new_value) for entry in entries]

    version = order.row_version
    post(client, f"{ORDERS}{order.id}/edit/", **line_form(order))
    assert (message(), order.row_version) == ([], version + 1)
    changes = {"lines__2__product": product.id, "lines__2__quantity": "3", "lines__2__status": "__None"}
    form = line_form(order, note="Call twice", **changes) | {"supplier": supplier.id}
    post(client, f"{ORDERS}{order.id}/edit/", **form)
    assert sorted(message(), key=lambda entry: (entry[0] or 0, entry[2])) == [
        (None, "changed", "note", "Call first", "Call twice"),
        (None, "changed", "supplier", before, str(supplier)),
        (3, "added", "product", "", "NEW"),
    ]


def test_a_line_of_an_ordered_order_stays(client: FlaskClient, order: PurchaseOrder) -> None:
    shown = post(client, f"{ORDERS}{order.id}/edit/", 422, **line_form(order, lines__1__removed="1"))
    assert "Close it short instead" in shown


def test_a_stale_form_is_refused(client: FlaskClient, order: PurchaseOrder) -> None:
    stale = line_form(order, lines__0__quantity="9")
    post(client, f"{ORDERS}{order.id}/edit/", **line_form(order, lines__0__quantity="8"))
    post(client, f"{ORDERS}{order.id}/edit/", 409, **stale)
    assert order.lines[0].quantity == 8


def test_a_form_opened_before_a_date_was_set_is_refused_and_the_date_stays(
    client: FlaskClient, session: Session, order: PurchaseOrder
) -> None:
    stale, line_id = line_form(order, note="Ring first"), order.lines[0].id
    set_expected_dates(session, {line_id: date(2026, 7, 1)})
    session.commit()
    post(client, f"{ORDERS}{order.id}/edit/", 409, **stale)
    assert [line.expected_on for line in order.lines] == [date(2026, 7, 1), JUNE]


def test_a_form_opened_before_a_status_was_given_is_refused_and_the_status_stays(
    client: FlaskClient, session: Session, order: PurchaseOrder
) -> None:
    stale, status = line_form(order, note="Ring first"), make_status(session, name="At sea")
    set_status(session, [order.lines[1].id], status)
    session.commit()
    post(client, f"{ORDERS}{order.id}/edit/", 409, **stale)
    assert [line.status for line in order.lines] == [None, status]


def test_lowering_a_claimed_line_is_refused_by_name_until_release_is_ticked(
    client: FlaskClient, order: PurchaseOrder, claimed: Callable[..., None]
) -> None:
    claimed(order.lines[0], 8, "SO00001", "SO00002")
    shown = post(client, f"{ORDERS}{order.id}/edit/", 422, **line_form(order, lines__0__quantity="5"))
    assert "SO00001, SO00002" in shown
    post(client, f"{ORDERS}{order.id}/edit/", **line_form(order, lines__0__quantity="5", release="y"))
    assert (order.lines[0].quantity, order.lines[0].allocated) == (5, 5)


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
    ("typed", "message"),
    [
        ({"quantity": "11"}, "at most 10 may still come in"),
        ({"quantity": "4", "location": "NO/WHERE"}, "There is no location"),
        ({"quantity": "4", "lot": ""}, "lot number"),
        ({"quantity": "0.5"}, "decimals"),
        ({"quantity": ""}, "Nothing of PO-1 was received"),
    ],
)
def test_what_cannot_be_received_is_told(
    client: FlaskClient, session: Session, order: PurchaseOrder, typed: dict[str, str], message: str
) -> None:
    values = {"line_id": order.lines[0].id, "location": "WH/STOCK", "lot": "L1"} | typed
    form = {f"lines__0__{name}": value for name, value in values.items()}
    assert message in post(client, f"{ORDERS}{order.id}/receive/", 409, **form)
    assert session.scalars(select(Balance)).all() == []


def test_a_line_is_closed_short_and_an_order_cancelled(client: FlaskClient, order: PurchaseOrder) -> None:
    line = order.lines[0]
    shown = post(client, f"{ORDERS}{order.id}/lines/{line.id}/close-short/")
    assert "PO-1/1 is closed short: 10 will not come any more." in shown
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
    assert "on no known day" in post(client, f"{address}/expected-date/", expected_on="")
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
    purchase_allocations = re.findall(r'href="(/procurement/[^"]+)"', shown)
    overdue = next(link for link in purchase_allocations if "incoming" in link and "?" in link)
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


def test_a_line_of_another_order_is_not_touched(client: FlaskClient, session: Session, order: PurchaseOrder) -> None:
    other = make_purchase_order(session)
    session.commit()
    page(client, f"{ORDERS}{order.id}/lines/{other.lines[0].id}/expected-date/", 404)
    form = {"lines__0__line_id": other.lines[0].id, "lines__0__expected_on": "2026-05-04"}
    post(client, f"{ORDERS}{order.id}/expected-dates/", **form)
    assert session.get_one(PurchaseOrderLine, other.lines[0].id).expected_on is None
