"""Purchase orders as CSV, in and out."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from erp.models import HistoryEntry
from modules.procurement.events import SupplyChanged
from modules.procurement.models import PurchaseOrder
from modules.procurement.states import PurchaseState
from tests.support.procurement import (
    ORDER_COLUMNS,
    dump,
    load,
    make_purchase_order,
    refusals,
)


@pytest.mark.usefixtures("catalogue")
def test_rows_of_one_number_are_one_order(session: Session, heard: list[Any]) -> None:
    summary = load(
        session,
        "purchase_orders",
        ORDER_COLUMNS,
        "PO-1,S01,2026-05-06,TEA,40,19.00,2026-05-20,At sea",
        "PO-2,S02,2026-05-07,TEA,7,,,",
        "PO-1,S01,2026-05-06,OIL,2.5,,2026-06-01,",
        "PO-1,S01,2026-05-06,TEA,1,,,",
    )
    assert summary == "2 purchase orders with 4 lines."
    first, second = session.scalars(select(PurchaseOrder).order_by(PurchaseOrder.id))
    assert (first.number, first.state, first.ordered_on) == ("PO-1", PurchaseState.ordered, date(2026, 5, 6))
    assert [(line.position, line.product.sku, line.quantity) for line in first.lines] == [
        (1, "TEA", 40),
        (2, "OIL", Decimal("2.5")),
        (3, "TEA", 1),
    ]
    line = first.lines[0]
    assert (line.unit_cost, line.expected_on, str(line.status)) == (19, date(2026, 5, 20), "At sea")
    assert second.number == "PO-2"
    assert [type(fact) for fact in heard] == [SupplyChanged]


@pytest.mark.usefixtures("catalogue")
def test_what_a_purchase_order_file_leaves_out_has_its_default(session: Session) -> None:
    load(session, "purchase_orders", "number,supplier,sku,quantity", "PO-1,S01,TEA,4")
    order = session.scalars(select(PurchaseOrder)).one()
    line = order.lines[0]
    assert order.ordered_on == clock.today()
    assert (line.unit_cost, line.expected_on, line.status, line.received, line.allocated) == (None, None, None, 0, 0)


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("PO-1,S02,2026-05-06,TEA,1,,,", "supplier"),
        ("PO-1,S01,2026-05-07,TEA,1,,,", "ordered_on"),
        ("PO-2,S09,,TEA,1,,,", "supplier"),
        ("PO-2,S01,,COFFEE,1,,,", "sku"),
        ("PO-2,S01,,TEA,0,,,", "quantity"),
        ("PO-2,S01,,TEA,-1,,,", "quantity"),
        ("PO-2,S01,,TEA,0.5,,,", "quantity"),
        ("PO-2,S01,,OIL,0.125,,,", "quantity"),
        ("PO-2,S01,,TEA,many,,,", "quantity"),
        ("PO-2,S01,,TEA,1,,soon,", "expected_on"),
        ("PO-2,S01,,TEA,1,-1,,", "unit_cost"),
        ("PO-2,S01,,TEA,1,,,Lost", "status"),
        (",S01,,TEA,1,,,", "number"),
    ],
)
def test_a_row_that_does_not_fit_is_named_and_nothing_is_imported(session: Session, row: str, column: str) -> None:
    good = "PO-1,S01,2026-05-06,TEA,1,,,"
    assert refusals(session, "purchase_orders", ORDER_COLUMNS, good, row) == [(3, column)]
    assert session.scalars(select(PurchaseOrder)).all() == []


@pytest.mark.usefixtures("catalogue")
def test_that_an_order_was_imported_is_recorded_in_its_history(session: Session) -> None:
    load(session, "purchase_orders", "number,supplier,sku,quantity", "PO-1,S01,TEA,4")
    order = session.scalars(select(PurchaseOrder)).one()
    about = HistoryEntry.document == "procurement.purchase_order", HistoryEntry.document_id == order.id
    entry = session.scalars(select(HistoryEntry).where(*about)).one()
    assert (entry.document_name, entry.action, entry.new_value) == ("PO-1", "created", "ordered")


@pytest.mark.usefixtures("catalogue")
def test_a_number_that_exists_is_refused(session: Session) -> None:
    load(session, "purchase_orders", "number,supplier,sku,quantity", "PO-1,S01,TEA,4")
    rows = ("number,supplier,sku,quantity", "PO-2,S01,TEA,4", "PO-1,S01,TEA,4")
    assert refusals(session, "purchase_orders", *rows) == [(3, "number")]


@pytest.mark.usefixtures("catalogue")
def test_purchase_orders_come_back_as_they_left(session: Session) -> None:
    rows = [
        ORDER_COLUMNS,
        "PO-2,S02,2026-05-07,TEA,7,,,",
        "PO-1,S01,2026-05-06,TEA,40,19,2026-05-20,At sea",
        "PO-1,S01,2026-05-06,OIL,2.5,0.125,,",
    ]
    load(session, "purchase_orders", *rows)
    assert dump(session, "purchase_orders") == rows


def test_a_book_has_the_ordered_quantities_of_all_but_drafts_and_cancelled_orders(session: Session) -> None:
    for state in PurchaseState:
        make_purchase_order(session, [{"quantity": 10, "cancelled": Decimal(4)}], state=state)
    rows = dump(session, "purchase_orders")[1:]
    assert [row.split(",")[4] for row in rows] == ["10"] * 3
    assert len(dump(session, "expected_dates")) == 4
