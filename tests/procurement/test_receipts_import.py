"""Receipts of purchase order lines as CSV."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from modules.inventory_lots.models import Balance, Location, Lot
from modules.inventory_lots.states import LocationKind
from modules.procurement.models import PurchaseOrder, Receipt
from modules.procurement.states import PurchaseState
from tests.support.inventory_lots import make_stock
from tests.support.procurement import (
    RECEIPT_COLUMNS,
    load,
    refusals,
)


def test_receipts_make_unknown_lots_and_places_and_say_the_number(session: Session, ordered: PurchaseOrder) -> None:
    summary = load(
        session,
        "receipts",
        RECEIPT_COLUMNS,
        "PO-1,1,4,WH/STOCK,L1,2026-03-01,2027-03-01",
        "PO-1,1,2,EAST/DOCK,L1,,",
        "PO-1,2,10,WH/STOCK,,,",
    )
    lot_tracked, untracked, _ = (line.product.sku for line in ordered.lines)
    assert summary == (
        "3 receipts: 2 lots, 2 locations, 2 warehouses created. "
        f"6 of {lot_tracked} to free stock, 10 of {untracked} to free stock."
    )
    lot = session.scalars(select(Lot).where(Lot.number == "L1")).one()
    assert (lot.received_on, lot.expires_on) == (date(2026, 3, 1), date(2027, 3, 1))
    assert {place.kind for place in session.scalars(select(Location))} == {LocationKind.stock}
    assert [line.received for line in ordered.lines] == [6, 10, 0]
    assert ordered.state == PurchaseState.partly_received


def test_goods_received_without_a_date_were_received_today(session: Session, ordered: PurchaseOrder) -> None:
    load(session, "receipts", "number,line,quantity,location,lot", "PO-1,1,4,WH/STOCK,L1")
    assert session.scalars(select(Lot.received_on)).all() == [clock.today()]


def test_rows_may_repeat_a_line(session: Session, ordered: PurchaseOrder) -> None:
    load(session, "receipts", RECEIPT_COLUMNS, "PO-1,1,4,WH/STOCK,L1,,", "PO-1,1,4,WH/STOCK,L1,,")
    assert session.scalars(select(Balance.on_hand)).all() == [8]
    assert len(session.scalars(select(Receipt)).all()) == 2


def test_an_over_receipt_is_counted_over_the_rows_of_the_file(session: Session, ordered: PurchaseOrder) -> None:
    rows = ("PO-1,1,6,WH/STOCK,L1,,", "PO-1,2,1,WH/STOCK,,,", "PO-1,1,5,WH/STOCK,L2,,")
    assert refusals(session, "receipts", RECEIPT_COLUMNS, *rows) == [(4, "quantity")]
    assert session.scalars(select(Location)).all() == []


def test_serial_numbers_come_one_a_row(session: Session, ordered: PurchaseOrder) -> None:
    load(session, "receipts", RECEIPT_COLUMNS, "PO-1,3,1,WH/STOCK,SN-1,,", "PO-1,3,1,WH/STOCK,SN-2,,")
    assert ordered.lines[2].received == 2


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("PO-9,1,1,WH/STOCK,L1,,", "number"),
        ("PO-1,9,1,WH/STOCK,L1,,", "line"),
        ("PO-1,1,1,STOCK,L1,,", "location"),
        ("PO-1,1,1,WH/STOCK,,,", "lot"),
        ("PO-1,1,0.5,WH/STOCK,L1,,", "quantity"),
        ("PO-1,1,11,WH/STOCK,L1,,", "quantity"),
        ("PO-1,3,2,WH/STOCK,SN-1,,", "quantity"),
        ("PO-1,3,1,WH/STOCK,,,", "lot"),
        ("PO-1,3,1,WH/STOCK,SN-0,,", "lot"),
        ("PO-1,1,1,WH/STOCK,OLD,2026-01-02,", "received_on"),
        ("PO-1,1,1,WH/STOCK,OLD,,2028-01-02", "expires_on"),
        ("PO-1,1,1,WH/STOCK,L0,2026-01-02,", "received_on"),
        ("PO-1,1,1,WH/STOCK,L0,,2028-01-02", "expires_on"),
    ],
)
def test_a_receipt_that_does_not_fit_is_named_and_nothing_is_received(
    session: Session, ordered: PurchaseOrder, row: str, column: str
) -> None:
    make_stock(session, ordered.lines[2].product, 1, lot="SN-0")
    make_stock(session, ordered.lines[0].product, 1, lot="OLD", received_on=date(2026, 1, 1))
    good = "PO-1,1,1,WH/STOCK,L0,2026-01-01,2028-01-01"
    assert refusals(session, "receipts", RECEIPT_COLUMNS, good, row) == [(3, column)]
    assert session.scalars(select(Receipt)).all() == []


def test_a_finished_order_receives_nothing(session: Session, ordered: PurchaseOrder) -> None:
    ordered.state = PurchaseState.cancelled
    session.commit()
    assert refusals(session, "receipts", RECEIPT_COLUMNS, "PO-1,1,1,WH/STOCK,L1,,") == [(2, "number")]
