"""Procurement's CSV files, in and out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from erp.exchange import ImportRefused, export_csv, import_csv
from erp.models import HistoryEntry
from modules.inventory_lots.models import Balance, Location, Lot
from modules.inventory_lots.states import LocationKind, Tracking
from modules.procurement.events import ArrivalChanged, SupplyChanged
from modules.procurement.models import PurchaseLineStatus, PurchaseOrder, PurchaseOrderLine, Receipt, Supplier
from modules.procurement.states import PurchaseState
from tests.support.inventory_lots import make_product, make_stock
from tests.support.procurement import make_purchase_order, make_status, make_supplier


def load(session: Session, kind: str, *rows: str) -> str:
    summary = import_csv(session, kind, "\n".join(rows).encode())
    session.commit()
    return summary


def refusals(session: Session, kind: str, *rows: str) -> list[tuple[int, str]]:
    """Return row and column of each error of a file that must be refused."""
    with pytest.raises(ImportRefused) as refused:
        load(session, kind, *rows)
    session.rollback()
    return [(error.row, error.column) for error in refused.value.errors]


def dump(session: Session, kind: str) -> list[str]:
    return "".join(export_csv(session, kind)).splitlines()


# Suppliers


def test_suppliers_are_made_and_changed_by_code(session: Session) -> None:
    load(session, "suppliers", "code,name,email", "S01,Exotic Liquids,s1@suppliers.example", "S02,Tokyo Traders,")
    summary = load(session, "suppliers", "code,name,email", "S01,Exotic Liquids Ltd,", "S02,Tokyo Traders,", "S03,New,")
    assert summary == "3 suppliers: 1 new, 1 changed."
    assert dump(session, "suppliers") == [
        "code,name,email",
        "S01,Exotic Liquids Ltd,",
        "S02,Tokyo Traders,",
        "S03,New,",
    ]


def test_a_supplier_file_without_emails_leaves_them(session: Session) -> None:
    load(session, "suppliers", "code,name,email", "S01,Exotic Liquids,s1@suppliers.example")
    load(session, "suppliers", "code,name", "S01,Exotic")
    assert session.scalars(select(Supplier.email)).all() == ["s1@suppliers.example"]


def test_that_a_supplier_was_imported_stands_in_its_history_once(session: Session) -> None:
    load(session, "suppliers", "code,name", "S01,Exotic Liquids")
    load(session, "suppliers", "code,name", "S01,Exotic")
    about = select(HistoryEntry).where(HistoryEntry.document == "procurement.supplier").order_by(HistoryEntry.id)
    message = [(entry.document_name, entry.action, entry.field, entry.new_value) for entry in session.scalars(about)]
    assert message == [("S01", "created", "", ""), ("S01", "changed", "name", "Exotic")]


def test_a_supplier_that_stands_twice_in_a_file_is_refused(session: Session) -> None:
    assert refusals(session, "suppliers", "code,name", "S01,One", "S01,Two") == [(3, "code")]
    assert dump(session, "suppliers") == ["code,name,email"]


# Line statuses


def test_statuses_are_made_and_changed_by_name(session: Session) -> None:
    load(session, "purchase_line_statuses", "name,position,is_default", "Ordered,1,yes", "At sea,2,no")
    summary = load(session, "purchase_line_statuses", "name,position,is_default", "At sea,5,yes", "Landed,,")
    assert summary == "2 statuses: 1 new, 1 changed."
    rows = dump(session, "purchase_line_statuses")
    assert [row.split(",")[:3] for row in rows[1:]] == [
        ["Ordered", "1", "no"],
        ["At sea", "5", "yes"],
        ["Landed", "0", "no"],
    ]


def test_only_one_status_of_a_file_is_the_default(session: Session) -> None:
    rows = ("name,is_default", "Ordered,yes", "At sea,yes")
    assert refusals(session, "purchase_line_statuses", *rows) == [(3, "is_default")]


def test_a_file_that_only_names_statuses_leaves_the_rest(session: Session) -> None:
    make_status(session, name="Ordered", position=3, is_default=True)
    session.commit()
    assert load(session, "purchase_line_statuses", "name", "Ordered") == "1 status: 0 new, 0 changed."
    status = session.scalars(select(PurchaseLineStatus)).one()
    assert (status.position, status.is_default) == (3, True)


# Purchase orders

HEADER = "number,supplier,ordered_on,sku,quantity,unit_cost,expected_on,status"


@pytest.fixture
def catalogue(session: Session) -> None:
    make_supplier(session, code="S01")
    make_supplier(session, code="S02")
    make_product(session, sku="TEA")
    make_product(session, sku="OIL", unit_decimals=2)
    make_status(session, name="At sea")
    session.commit()


@pytest.mark.usefixtures("catalogue")
def test_rows_of_one_number_are_one_order(session: Session, heard: list[Any]) -> None:
    summary = load(
        session,
        "purchase_orders",
        HEADER,
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
        ("PO-1,S01,,TEA,1,,,", "ordered_on"),
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
    assert refusals(session, "purchase_orders", HEADER, good, row) == [(3, column)]
    assert session.scalars(select(PurchaseOrder)).all() == []


@pytest.mark.usefixtures("catalogue")
def test_that_an_order_was_imported_stands_in_its_history(session: Session) -> None:
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
        HEADER,
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


# Receipts

ARRIVED = "number,line,quantity,location,lot,received_on,expires_on"


@pytest.fixture
def ordered(session: Session) -> PurchaseOrder:
    """Ten of a lot product, ten of one without tracking and two with serial numbers, as PO-1."""
    products = [make_product(session, tracking=tracking) for tracking in (Tracking.lot, Tracking.none, Tracking.serial)]
    order = make_purchase_order(
        session, list(zip(products, (10, 10, 2), strict=True)), number="PO-1", supplier=make_supplier(session)
    )
    session.commit()
    return order


def test_receipts_make_unknown_lots_and_places_and_say_how_many(session: Session, ordered: PurchaseOrder) -> None:
    summary = load(
        session,
        "receipts",
        ARRIVED,
        "PO-1,1,4,WH/STOCK,L1,2026-03-01,2027-03-01",
        "PO-1,1,2,EAST/DOCK,L1,,",
        "PO-1,2,10,WH/STOCK,,,",
    )
    assert summary == "3 receipts: 2 lots, 2 locations, 2 warehouses created."
    lot = session.scalars(select(Lot).where(Lot.number == "L1")).one()
    assert (lot.received_on, lot.expires_on) == (date(2026, 3, 1), date(2027, 3, 1))
    assert {place.kind for place in session.scalars(select(Location))} == {LocationKind.stock}
    assert [line.received for line in ordered.lines] == [6, 10, 0]
    assert ordered.state == PurchaseState.partly_received


def test_goods_received_without_a_date_were_received_today(session: Session, ordered: PurchaseOrder) -> None:
    load(session, "receipts", "number,line,quantity,location,lot", "PO-1,1,4,WH/STOCK,L1")
    assert session.scalars(select(Lot.received_on)).all() == [clock.today()]


def test_rows_may_repeat_a_line(session: Session, ordered: PurchaseOrder) -> None:
    load(session, "receipts", ARRIVED, "PO-1,1,4,WH/STOCK,L1,,", "PO-1,1,4,WH/STOCK,L1,,")
    assert session.scalars(select(Balance.on_hand)).all() == [8]
    assert len(session.scalars(select(Receipt)).all()) == 2


def test_an_over_receipt_is_counted_over_the_rows_of_the_file(session: Session, ordered: PurchaseOrder) -> None:
    rows = ("PO-1,1,6,WH/STOCK,L1,,", "PO-1,2,1,WH/STOCK,,,", "PO-1,1,5,WH/STOCK,L2,,")
    assert refusals(session, "receipts", ARRIVED, *rows) == [(4, "quantity")]
    assert session.scalars(select(Location)).all() == []


def test_serial_numbers_come_one_a_row(session: Session, ordered: PurchaseOrder) -> None:
    load(session, "receipts", ARRIVED, "PO-1,3,1,WH/STOCK,SN-1,,", "PO-1,3,1,WH/STOCK,SN-2,,")
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
        ("PO-1,1,1,WH/STOCK,L0,2026-01-02,", "received_on"),
        ("PO-1,1,1,WH/STOCK,L0,,2028-01-02", "expires_on"),
    ],
)
def test_a_receipt_that_does_not_fit_is_named_and_nothing_is_received(
    session: Session, ordered: PurchaseOrder, row: str, column: str
) -> None:
    make_stock(session, ordered.lines[2].product, 1, lot="SN-0")
    good = "PO-1,1,1,WH/STOCK,L0,2026-01-01,2028-01-01"
    assert refusals(session, "receipts", ARRIVED, good, row) == [(3, column)]
    assert session.scalars(select(Receipt)).all() == []


def test_a_finished_order_receives_nothing(session: Session, ordered: PurchaseOrder) -> None:
    ordered.state = PurchaseState.cancelled
    session.commit()
    assert refusals(session, "receipts", ARRIVED, "PO-1,1,1,WH/STOCK,L1,,") == [(2, "number")]


# Expected dates


def test_expected_dates_are_set_and_cleared(session: Session, ordered: PurchaseOrder, heard: list[Any]) -> None:
    load(session, "expected_dates", "number,line,expected_on", "PO-1,1,2026-05-04", "PO-1,2,2026-05-04")
    summary = load(session, "expected_dates", "number,line,expected_on", "PO-1,1,", "PO-1,2,2026-05-04")
    assert summary == "2 expected dates: 1 changed."
    assert dump(session, "expected_dates") == [
        "number,line,expected_on",
        "PO-1,1,",
        "PO-1,2,2026-05-04",
        "PO-1,3,",
    ]
    assert [len(fact.arrivals) for fact in heard if isinstance(fact, ArrivalChanged)] == [2, 1]
    assert len(session.scalars(select(HistoryEntry).where(HistoryEntry.field == "expected_on")).all()) == 3


@pytest.mark.parametrize(
    ("row", "column"),
    [("PO-1,1,2026-05-05", "number"), ("PO-1,9,", "line"), ("PO-9,1,", "number"), ("PO-1,2,soon", "expected_on")],
)
def test_a_date_that_does_not_fit_is_named_and_none_is_set(
    session: Session, ordered: PurchaseOrder, row: str, column: str
) -> None:
    rows = ("number,line,expected_on", "PO-1,1,2026-05-04", row)
    assert refusals(session, "expected_dates", *rows) == [(3, column)]
    assert ordered.lines[0].expected_on is None


# Speed: a fixed number of statements, whatever the number of rows


def orders_file(first: int, count: int) -> Iterable[str]:
    return (f"PO-{number:05d},S01,2026-05-06,TEA,4,1.25,2026-05-20,At sea" for number in range(first, first + count))


def receipts_file(first: int, count: int) -> Iterable[str]:
    return (f"PO-{number:05d},1,1,WH/STOCK,L{number},," for number in range(first, first + count))


def dates_file(first: int, count: int) -> Iterable[str]:
    start = date(2026, 6, 1)
    return (f"PO-{number:05d},1,{start + timedelta(number % 90)}" for number in range(first, first + count))


@pytest.mark.usefixtures("catalogue")
def test_one_row_and_many_take_the_same_statements(session: Session, count_statements: Callable[..., Any]) -> None:
    kinds = {
        "purchase_orders": (HEADER, orders_file),
        "receipts": (ARRIVED, receipts_file),
        "expected_dates": ("number,line,expected_on", dates_file),
    }
    for kind, (header, rows) in kinds.items():
        with count_statements() as one:
            load(session, kind, header, *rows(1, 1))
        with count_statements() as many:
            load(session, kind, header, *rows(2, 100))
        assert len(many) <= len(one) + 1, kind
    assert len(session.scalars(select(PurchaseOrderLine).where(PurchaseOrderLine.received == 1)).all()) == 101
