"""What the database itself refuses of sales, and what the check finds where rows contradict each other."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from modules.sales import services
from modules.sales.queries import broken_invariants
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_order


@pytest.fixture
def order(session):
    """25 bolts ordered: 10 packed, 12 allocated, 3 on backorder."""
    product = make_product(session, sku="BOLT")
    make_stock(session, product, 10, lot="L1")
    order = make_order(session, [(product, 25)])
    services.pack_order(session, order.id)
    make_stock(session, product, 12, lot="L2")
    services.allocate_order(session, order.id)
    session.commit()
    return order


@pytest.mark.parametrize(
    ("table", "change", "named"),
    [
        ("order_line", "allocated = 160000", "allocated_within_open"),
        ("order_line", "allocated = -1", "allocated_within_open"),
        ("order_line", "packed = 260000", "open_not_negative|allocated_within_open"),
        ("order_line", "cancelled = -1", "open_not_negative"),
        ("order_line", "quantity = 0, packed = 0, allocated = 0", "quantity_positive"),
        ("allocation", "packed = quantity + 1", "packed_within_quantity"),
        ("allocation", "quantity = 0, packed = 0", "quantity_positive"),
        ("allocation", "source = 'magic'", "source"),
        ("backorder", "quantity = -1", "not_negative|open_while_something_is"),
        ("backorder", "allocated_quantity = quantity + 1", "open_not_negative|open_while_something_is"),
        ("backorder", "state = 'allocated'", "open_while_something_is"),
        ("order", "number = NULL", "numbered"),
        ("order", "state = 'lost'", "state"),
        ("pack_line", "quantity = 0", "quantity_positive"),
    ],
)
def test_the_database_refuses_what_cannot_be(session, order, table, change, named):
    with pytest.raises(IntegrityError, match=named):
        session.execute(text(f"UPDATE sales_{table} SET {change}"))


@pytest.mark.parametrize("table", ["order", "pack", "customer"])
def test_no_two_documents_of_a_kind_have_the_same_number(session, order, table):
    columns = {
        "order": "number, customer_id, ordered_at, priority, shipping_policy, state, note, row_version",
        "pack": "number, order_id, packed_at, user_name",
        "customer": "code, name, email, row_version",
    }[table]
    with pytest.raises(IntegrityError):
        session.execute(text(f"INSERT INTO sales_{table} ({columns}) SELECT {columns} FROM sales_{table}"))


def test_a_line_has_at_most_one_open_backorder(session, order):
    columns = "line_id, kind, quantity, allocated_quantity, cancelled_quantity, state, counts_from, created_at"
    with pytest.raises(IntegrityError):
        session.execute(text(f"INSERT INTO sales_backorder ({columns}) SELECT {columns} FROM sales_backorder"))


@pytest.mark.parametrize(
    ("table", "change", "says"),
    [
        ("sales_order_line", "allocated = 110000", "SO00001 line 1: allocated is 11, its allocations hold 12."),
        ("sales_order_line", "packed = 90000", "Sales order SO00001 line 1: packed is 9, its packs hold 10."),
        ("inventory_lots_balance", "allocated = 1", "L2 at WH/STOCK: allocated is 0.0001, its allocations hold 12."),
        ("sales_backorder", "quantity = 160000", "line 1: 4 are on backorder, only 3 are open and not allocated."),
        ("sales_order", "state = 'done'", "Sales order SO00001 is done, yet 15 are open."),
    ],
)  # fmt: skip
def test_the_check_names_what_does_not_add_up(session, order, table, change, says):
    assert list(broken_invariants(session)) == []
    only = " WHERE on_hand > 0" if table == "inventory_lots_balance" else ""
    session.execute(text(f"UPDATE {table} SET {change}{only}"))
    (found,) = [breach for breach in broken_invariants(session) if says in breach]
    assert found.endswith(says)
