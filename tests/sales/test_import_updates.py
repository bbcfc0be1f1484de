"""Files of sales orders of which some exist: new, equal and changed lines."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import func, select

from erp.exchange import ImportRefused, import_csv, kinds
from modules.sales import services
from modules.sales.models import Allocation, Backorder, Order, OrderLine
from tests.support.concurrency import together
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import load, make_customer, make_order, open_backorder

HEAD = "number,customer,sku,quantity,unit_price"


@pytest.fixture
def shop(session):
    """One customer and two products."""
    customer = make_customer(session, code="ACME")
    screws, wire = make_product(session, sku="SCREW"), make_product(session, sku="WIRE", unit_decimals=2)
    session.commit()
    return customer, screws, wire


def update(session, *rows, **more):
    summary = import_csv(session, "sales_orders", "\n".join([HEAD, *rows]).encode(), update=True, **more)
    session.commit()
    return summary


def refused(session, *rows):
    with pytest.raises(ImportRefused) as found:
        update(session, *rows)
    session.rollback()
    return [(error.row, error.column, error.message) for error in found.value.errors]


def quantities(session):
    rows = select(Order.number, OrderLine.position, OrderLine.quantity).join(Order.lines)
    return [tuple(row) for row in session.execute(rows.order_by(Order.id, OrderLine.position))]


def test_what_is_new_is_made_what_is_equal_stays_and_what_is_changed_is_changed(session, shop):
    load(session, "sales_orders", HEAD, "A,ACME,SCREW,5,", "A,ACME,WIRE,2,", "B,ACME,SCREW,1,")
    summary = update(
        session, "A,ACME,SCREW,7,", "A,ACME,WIRE,2,", "B,ACME,SCREW,1,", "b,ACME,WIRE,3,", "C,ACME,WIRE,1,"
    )
    assert summary == "3 sales orders: 1 new, 2 changed. 1 line changed, 1 added."
    assert quantities(session) == [
        ("A", 1, Decimal(7)),
        ("A", 2, Decimal(2)),
        ("B", 1, Decimal(1)),
        ("B", 2, Decimal(3)),
        ("C", 1, Decimal(1)),
    ]
    assert session.scalar(select(func.count()).select_from(Allocation)) == 0


def test_an_update_in_parts_counts_what_it_did_as_one(session, shop, monkeypatch):
    monkeypatch.setattr(kinds, "ROWS_AT_ONCE", 1)
    load(session, "sales_orders", HEAD, "A,ACME,SCREW,5,", "A,ACME,WIRE,2,", "B,ACME,SCREW,1,")
    summary = update(session, "A,ACME,SCREW,7,", "B,ACME,SCREW,1,", "C,ACME,WIRE,1,", "b,ACME,WIRE,3,")
    assert summary == (
        "3 sales orders: 1 new, 2 changed. 1 line changed, 1 added. 1 line that the file does not name left as before."
    )


def test_lines_that_the_file_does_not_name_stay(session, shop):
    load(session, "sales_orders", HEAD, "A,ACME,SCREW,5,", "A,ACME,WIRE,2,")
    assert update(session, "A,ACME,SCREW,5,") == (
        "1 sales order: 0 new, 0 changed. 1 line that the file does not name left as before."
    )
    assert len(quantities(session)) == 2


def test_lines_of_one_product_are_matched_by_their_quantity_first(session, shop):
    load(session, "sales_orders", HEAD, "A,ACME,SCREW,5,", "A,ACME,SCREW,6,")
    assert "1 line changed, 0 added." in update(session, "A,ACME,SCREW,6,", "A,ACME,SCREW,9,")
    assert [quantity for *_, quantity in quantities(session)] == [Decimal(9), Decimal(6)]


def test_a_lowered_line_gives_back_its_backorder_then_its_allocations(session, shop):
    make_stock(session, shop[1], 4)
    order = make_order(session, [(shop[1], 10)], number="A", customer=shop[0])
    update(session, "A,ACME,SCREW,6,")
    session.expire_all()
    line = order.lines[0]
    assert (line.quantity, line.allocated, open_backorder(session, line.id).quantity) == (6, 4, 2)
    update(session, "A,ACME,SCREW,3,")
    session.expire_all()
    assert (line.quantity, line.allocated, open_backorder(session, line.id)) == (3, 3, None)


def test_each_change_that_is_not_allowed_is_refused_by_its_row_and_nothing_is_changed(session, shop):
    make_stock(session, shop[1], 4)
    make_customer(session, code="OTHER")
    order = make_order(session, [(shop[1], 4)], number="PACKED", customer=shop[0])
    services.pack_order(session, order.id)
    make_order(session, [(shop[1], 2), (shop[2], 2)], number="OPEN", customer=shop[0])
    before = quantities(session)
    found = refused(
        session, "PACKED,ACME,SCREW,3,", "OPEN,OTHER,SCREW,2,", "OPEN,OTHER,WIRE,2,9.50", "NEW,ACME,NOTHING,1,"
    )
    assert [error[:2] for error in found] == [(2, "quantity"), (3, "customer"), (4, "unit_price"), (5, "sku")]
    assert quantities(session) == before


def test_other_kinds_have_no_update(session, shop):
    with pytest.raises(Exception, match="There is no update of customers"):
        import_csv(session, "customers", b"code,name\nA,B\n", update=True)


def test_an_update_of_a_hundred_changed_lines_takes_as_many_statements_as_one(session, shop, count_statements):
    make_stock(session, shop[1], 1000)

    def changed(prefix, count):
        orders = [f"{prefix}{n}" for n in range(count)]
        load(session, "sales_orders", HEAD, *(f"{n},ACME,SCREW,5," for n in orders), after=["allocate"])
        with count_statements() as sent:
            update(session, *(f"{n},ACME,SCREW,{3 if at % 2 else 8}," for at, n in enumerate(orders)))
        return len(sent)

    changed("WARM", 4)
    assert changed("MANY", 100) == changed("FEW", 2)


def test_of_two_updates_of_one_order_at_once_both_are_done_one_after_the_other(app, session, shop):
    load(session, "sales_orders", HEAD, "A,ACME,SCREW,5,")

    def work(rows):
        return lambda each: import_csv(each, "sales_orders", f"{HEAD}\n{rows}\n".encode(), update=True)

    results = together(app, work("A,ACME,SCREW,6,\nN,ACME,WIRE,1,"), work("A,ACME,SCREW,7,\nN,ACME,WIRE,1,"))
    assert sorted(str(result) for result in results)[0].startswith("2 sales orders: ")
    session.expire_all()
    found = {(number, position): quantity for number, position, quantity in quantities(session)}
    assert found["A", 1] in (6, 7) and found["N", 1] == 1 and len(found) == 2
    assert session.scalar(select(func.count()).select_from(Backorder)) == 0
