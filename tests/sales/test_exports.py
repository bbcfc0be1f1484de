"""CSV files of sales: what goes out."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from erp.exchange import import_csv
from modules.inventory_lots.services import lock_products
from modules.sales import services
from tests.support.inventory_lots import make_product, make_stock
from tests.support.preorder import allocate_purchase
from tests.support.procurement import make_purchase_order
from tests.support.sales import allocate, dump, make_customer, make_draft, make_order


@pytest.fixture
def two_orders(session, set_option):
    """Two orders of one product: 8 and 6 wanted, 5 + 5 in two lots, 4 on a purchase order."""
    set_option("sales.allocate_on_confirm", "no")
    product = make_product(session, sku="BOLT")
    customer = make_customer(session, code="ACME")
    make_stock(session, product, 5, lot="L1", received_on=date(2026, 10, 1))
    make_stock(session, product, 5, lot="L2", location="WH/BACK", received_on=date(2026, 10, 2))
    first = make_order(session, [(product, 8)], number="A", customer=customer)
    second = make_order(session, [(product, 6)], number="B", customer=customer)
    allocate(session, product)
    purchase = make_purchase_order(session, [(product, 10, date(2026, 12, 24))], number="P1")
    session.commit()
    allocate_purchase(session, second.lines[0], purchase.lines[0], 4)
    return product, first, second


def test_orders_go_out_as_they_were_ordered_without_drafts_and_cancelled_ones(session):
    wire = make_product(session, sku="WIRE", unit_decimals=2)
    customer = make_customer(session, code="=ACME")
    order = make_order(session, [(wire, "2.50")], number="A", customer=customer, priority=2)
    make_draft(session, [(wire, 1)], customer=customer)
    services.cancel_order(session, make_order(session, [(wire, 1)], number="C").id)
    session.commit()
    rows = dump(session, "sales_orders")
    at = order.ordered_at.isoformat().replace("+00:00", "Z")
    assert rows == [
        "number,customer,ordered_at,sku,quantity,unit_price,requested_on,priority,shipping_policy",
        f"A,'=ACME,{at},WIRE,2.5,,,2,partial",
    ]


def test_a_done_order_goes_out_with_all_it_ordered(session):
    product = make_product(session, sku="BOLT")
    make_stock(session, product, 3)
    order = make_order(session, [(product, 3)], number="A")
    services.pack_order(session, order.id, {})
    session.commit()
    assert dump(session, "sales_orders")[1].split(",")[3:5] == ["BOLT", "3"]


def test_a_book_that_went_out_comes_in_again_elsewhere(session, two_orders):
    book, promises = ("\n".join(dump(session, kind)) for kind in ("sales_orders", "promise_dates"))
    moved = book.replace("A,ACME", "A2,ACME").replace("B,ACME", "B2,ACME")
    import_csv(session, "sales_orders", moved.encode())
    session.commit()
    again = dump(session, "sales_orders")
    assert [row.split(",", 1)[1] for row in again[1:3]] == [row.split(",", 1)[1] for row in again[3:5]]
    assert promises.splitlines()[0] == "order,line,promise_date"


def test_promise_dates_go_out_for_lines_that_have_one(session, two_orders):
    _, first, second = two_orders
    lock_products(session, [first.lines[0].product_id])
    services.set_promise_dates(session, {first.lines[0].id: date(2027, 1, 5), second.lines[0].id: None}, cause="edit")
    session.commit()
    assert dump(session, "promise_dates") == ["order,line,promise_date", "A,1,2027-01-05"]


@pytest.mark.needs("preorder")
def test_allocations_go_out_by_order_and_line_with_lots_before_purchases(session, two_orders):
    _, first, second = two_orders
    services.pack_order(session, first.id, {})
    session.commit()
    promise = second.lines[0].promise_date
    assert dump(session, "allocations") == [
        "order,line,sku,source,lot,location,purchase_order,purchase_line,quantity,packed,promise_date",
        f"A,1,BOLT,lot,L1,WH/STOCK,,,5,5,{first.lines[0].promise_date or ''}",
        f"A,1,BOLT,lot,L2,WH/BACK,,,3,3,{first.lines[0].promise_date or ''}",
        f"B,1,BOLT,lot,L2,WH/BACK,,,2,0,{promise or ''}",
        f"B,1,BOLT,purchase,,,P1,1,4,0,{promise or ''}",
    ]


@pytest.mark.needs("preorder")
def test_removed_allocations_are_gone_from_the_file(session, two_orders):
    _, first, _ = two_orders
    services.remove_allocations(session, first.id)
    session.commit()
    assert [row.split(",")[0] for row in dump(session, "allocations")[1:]] == ["B", "B"]


@pytest.mark.needs("preorder")
def test_backorders_go_out_with_what_is_on_purchase_orders_closed_ones_too(session, two_orders):
    product, _, second = two_orders
    created = second.lines[0].backorders[0].created_at.isoformat().replace("+00:00", "Z")
    assert dump(session, "backorders") == [
        "order,line,sku,kind,quantity,open_quantity,state,purchase_allocated,created_at",
        f"B,1,BOLT,backorder,4,4,open,4,{created}",
    ]
    make_stock(session, product, 4)
    allocate(session, product)
    assert dump(session, "backorders")[1] == f"B,1,BOLT,backorder,4,0,allocated,0,{created}"


def test_an_export_of_a_hundred_lines_takes_as_many_statements_as_one(session, count_statements):
    def exports():
        with count_statements() as sent:
            for kind in ("customers", "sales_orders", "promise_dates", "allocations", "backorders"):
                dump(session, kind)
        return len(sent)

    product = make_product(session)
    make_stock(session, product, 10)
    make_order(session, [(product, 20)])
    one = exports()
    make_order(session, [(product, Decimal(1))] * 100)
    assert exports() == one
