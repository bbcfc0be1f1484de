"""The form of purchase orders, through a browser that runs no scripts."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from erp.models import HistoryEntry
from modules.procurement.models import PurchaseOrder
from modules.procurement.services import set_expected_dates, set_status
from modules.procurement.states import PurchaseState
from tests.support.inventory_lots import make_product
from tests.support.marked_fields import marked_fields
from tests.support.procurement import (
    ORDERS,
    line_form,
    make_status,
    make_supplier,
    page,
    post,
)

JUNE = date(2026, 6, 1)


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


def test_a_bad_quantity_is_refused_with_the_reason_and_nothing_is_saved(client: FlaskClient, session: Session) -> None:
    supplier, product = make_supplier(session), make_product(session)
    session.commit()
    form = {"supplier": supplier.id, "ordered_on": "2026-05-06", "lines__0__product": product.id}
    shown = post(client, f"{ORDERS}new/", 422, **form, lines__0__quantity="0.5", lines__0__status="__None")
    assert "has more than 0 decimals" in shown
    assert marked_fields(shown) == ["lines-0-quantity"]
    form |= {"lines__0__quantity": "5", "lines__0__unit_cost": "-1"}
    assert marked_fields(post(client, f"{ORDERS}new/", 422, **form)) == ["lines-0-unit_cost"]
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


def test_the_form_records_in_the_history_what_has_changed_and_nothing_else(
    client: FlaskClient, session: Session, order: PurchaseOrder
) -> None:
    order.note = "Call first"
    product, supplier, before = make_product(session, sku="NEW"), make_supplier(session), str(order.supplier)
    session.commit()
    about = select(HistoryEntry).where(HistoryEntry.document == "procurement.purchase_order")
    known = {entry.id for entry in session.scalars(about)}

    def new_entries() -> list[tuple[Any, ...]]:
        entries = [entry for entry in session.scalars(about.order_by(HistoryEntry.id)) if entry.id not in known]
        known.update(entry.id for entry in entries)
        return [(entry.line, entry.action, entry.field, entry.old_value, entry.new_value) for entry in entries]

    version = order.row_version
    post(client, f"{ORDERS}{order.id}/edit/", **line_form(order))
    assert (new_entries(), order.row_version) == ([], version + 1)
    changes = {"lines__2__product": product.id, "lines__2__quantity": "3", "lines__2__status": "__None"}
    form = line_form(order, note="Call twice", **changes) | {"supplier": supplier.id}
    post(client, f"{ORDERS}{order.id}/edit/", **form)
    assert sorted(new_entries(), key=lambda entry: (entry[0] or 0, entry[2])) == [
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
    set_status(session, [order.lines[1].id], status.id)
    session.commit()
    post(client, f"{ORDERS}{order.id}/edit/", 409, **stale)
    assert [line.status for line in order.lines] == [None, status]


def test_lowering_an_allocated_line_is_refused_by_name_until_release_is_ticked(
    client: FlaskClient, order: PurchaseOrder, allocate: Callable[..., None]
) -> None:
    allocate(order.lines[0], 8, "SO00001", "SO00002")
    shown = post(client, f"{ORDERS}{order.id}/edit/", 422, **line_form(order, lines__0__quantity="5"))
    assert "SO00001, SO00002" in shown
    assert marked_fields(shown) == ["lines-0-quantity"]
    post(client, f"{ORDERS}{order.id}/edit/", **line_form(order, lines__0__quantity="5", release="y"))
    assert (order.lines[0].quantity, order.lines[0].allocated) == (5, 5)
