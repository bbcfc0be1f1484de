"""Promise dates: set by a clerk, and from files."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import String, cast, select

from erp.models import HistoryEntry
from modules.sales import services
from modules.sales.models import Order, OrderLine
from modules.sales.states import OrderState
from tests.support.inventory_lots import make_product
from tests.support.sales import errors_of, load, make_customer, make_draft, make_order


@pytest.fixture
def shop(session):
    """One customer and two products."""
    customer = make_customer(session, code="ACME")
    screws = make_product(session, sku="SCREW")
    wire = make_product(session, sku="WIRE", unit="m", unit_decimals=2)
    session.commit()
    return customer, screws, wire


def test_a_promise_date_that_is_edited_is_pinned_and_in_the_history(session):
    line = make_order(session, [(make_product(session), 10)]).lines[0]
    changed = services.set_promise_dates(
        session, {line.id: date(2026, 12, 24)}, cause="edit", pin=True, why="customer asked"
    )
    assert (changed, line.promise_date, line.is_promise_pinned) == (1, date(2026, 12, 24), True)
    entry = session.scalars(select(HistoryEntry).where(HistoryEntry.field == "promise_date")).one()
    assert (entry.old_value, entry.new_value, entry.why, entry.line) == ("", "2026-12-24", "customer asked", 1)
    assert services.set_promise_dates(session, {line.id: date(2026, 12, 24)}, cause="edit", pin=True) == 0


def test_promise_dates_of_a_file_are_pinned_and_in_the_history(session, shop):
    order = make_order(session, [(shop[1], 5), (shop[2], 1)])
    summary = load(session, "promise_dates", "order,line,promise_date", f"{order.number},2,2027-01-31")
    assert summary == "1 promise date: 1 changed."
    assert [line.promise_date for line in order.lines] == [order.lines[0].promise_date, date(2027, 1, 31)]
    assert [line.is_promise_pinned for line in order.lines] == [False, True]
    entry = session.scalars(select(HistoryEntry).where(HistoryEntry.field == "promise_date")).all()[-1]
    assert (entry.document_name, entry.line, entry.new_value) == (order.number, 2, "2027-01-31")


def test_promise_dates_are_imported_all_or_nothing_with_errors_by_row(session, shop):
    order = make_order(session, [(shop[1], 5)])
    before = order.lines[0].promise_date
    found = errors_of(
        session,
        "promise_dates",
        "order,line,promise_date",
        f"{order.number},1,2027-01-31",
        f"{order.number},9,2027-01-31",
        "NOPE,1,2027-01-31",
    )
    assert found == [
        (3, "line", f"is not a line of order {order.number}"),
        (4, "order", "is not the number of a sales order"),
    ]
    assert order.lines[0].promise_date == before


def test_ten_thousand_promise_dates_take_as_many_statements_as_ten(session, shop, count_statements):
    product = shop[1]
    orders = []
    for number in range(2):
        order = make_draft(session, [(product, 1)])
        order.number, order.state = f"BIG{number}", OrderState.confirmed
        order.lines += [
            OrderLine(position=position, product_id=product.id, quantity=Decimal(1)) for position in range(2, 5001)
        ]
        session.commit()
        orders.append(order.number)

    def import_(rows, day):
        with count_statements() as sent:
            load(session, "promise_dates", "order,line,promise_date", *(f"{row},{day}" for row in rows))
        return len(sent)

    few = import_([f"{orders[0]},{line}" for line in range(1, 11)], "2027-01-01")
    many = import_([f"{order},{line}" for order in orders for line in range(1, 5001)], "2027-02-02")
    # Many ids are asked for in chunks, so that a statement has a bounded number of parameters.
    assert many <= few + 10
    dates = session.scalars(select(OrderLine.promise_date).join(Order).where(Order.number.in_(orders)).distinct())
    assert dates.all() == [date(2027, 2, 2)]
    changes = session.scalars(
        select(HistoryEntry.document_name + "/" + cast(HistoryEntry.line, String)).where(
            HistoryEntry.field == "promise_date", HistoryEntry.new_value == "2027-02-02"
        )
    )
    assert set(changes) == {f"{order}/{line}" for order in orders for line in range(1, 5001)}

    # One wrong row among ten thousand: it is named, and none of the dates changes.
    wrong = [f"{order},{line if line != 4711 else 0},2027-03-03" for order in orders for line in range(1, 5001)]
    found = errors_of(session, "promise_dates", "order,line,promise_date", *wrong)
    assert found == [
        (4712, "line", "is not a line of order BIG0"),
        (9712, "line", "is not a line of order BIG1"),
    ]
    assert set(session.scalars(select(OrderLine.promise_date).join(Order).where(Order.number.in_(orders)))) == {
        date(2027, 2, 2)
    }
