"""Sales orders from files."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from erp import clock
from erp.db import require_lock
from erp.errors import AlreadyMade
from erp.exchange import kinds
from erp.registry import Owned
from modules.inventory_lots.models import Product
from modules.inventory_lots.states import Tracking
from modules.sales.exchange import order_rows, orders
from modules.sales.hooks import confirm_refusals, products_to_check
from modules.sales.models import Allocation, Backorder, Order, OrderLine
from modules.sales.states import OrderState, ShippingPolicy
from tests.support.inventory_lots import make_product, make_stock
from tests.support.preorder import make_preorder_product
from tests.support.sales import errors_of, load, make_customer, make_order


@pytest.fixture
def shop(session):
    """One customer and two products."""
    customer = make_customer(session, code="ACME")
    screws = make_product(session, sku="SCREW")
    wire = make_product(session, sku="WIRE", unit="m", unit_decimals=2)
    session.commit()
    return customer, screws, wire


def test_an_order_that_another_import_made_since_is_refused(session, shop, monkeypatch):
    rows = ("number,customer,sku,quantity", "W-1,ACME,SCREW,2")
    load(session, "sales_orders", *rows)
    monkeypatch.setattr(orders, "orders_in_use", lambda *_: {})
    with pytest.raises(AlreadyMade, match=r"of the same number, code or name\. Import again\."):
        load(session, "sales_orders", *rows)


def test_rows_of_one_number_are_one_confirmed_order_with_lines_in_file_order(session, shop):
    summary = load(
        session,
        "sales_orders",
        "number,customer,ordered_at,sku,quantity,unit_price,requested_on,priority,shipping_policy",
        "S1,ACME,2026-11-01T10:00:00+02:00,WIRE,2.50,1.25,2026-12-01,3,complete",
        "S2,ACME,,SCREW,7,,,,",
        "S1,ACME,2026-11-01T10:00:00+02:00,SCREW,4,,,3,complete",
    )
    assert summary == "2 sales orders with 3 lines."
    first, second = session.scalars(select(Order).order_by(Order.id)).all()
    assert (first.number, first.state, first.priority, first.shipping_policy) == (
        "S1",
        OrderState.confirmed,
        3,
        ShippingPolicy.complete,
    )
    assert first.ordered_at == datetime(2026, 11, 1, 8, tzinfo=UTC)
    lines = [(line.position, line.product.sku, line.quantity, line.unit_price) for line in first.lines]
    assert lines == [(1, "WIRE", Decimal("2.5"), Decimal("1.25")), (2, "SCREW", Decimal(4), None)]
    assert first.lines[0].requested_on == date(2026, 12, 1)
    assert (second.ordered_at, second.priority, second.shipping_policy) == (clock.now(), 0, ShippingPolicy.partial)


@pytest.mark.option("erp.timezone", "UTC", "Europe/Berlin")
def test_a_time_without_a_zone_is_in_the_companys_zone(session, shop, set_option):
    columns = "number,customer,ordered_at,sku,quantity"
    load(session, "sales_orders", columns, "S1,ACME,2026-07-01T12:00:00,SCREW,1")
    set_option("erp.timezone", "Europe/Berlin")
    load(session, "sales_orders", columns, "S2,ACME,2026-07-01T12:00:00,SCREW,1")
    hours = [at.hour for at in session.scalars(select(Order.ordered_at).order_by(Order.id))]
    assert hours == [12, 10]


@pytest.fixture
def seen(app):
    """Let a module of no other answers look at lines before they are confirmed: returns those that it saw."""
    registry, found = app.extensions["erp"], []
    answer = Owned("sales", lambda _session, lines, are_raised=False: found.extend(map(str, lines)) or {})
    registry.hook_answers[confirm_refusals].append(answer)
    yield found
    registry.hook_answers[confirm_refusals].remove(answer)


FILE = ("number,customer,sku,quantity", "S1,ACME,SCREW,1", "S1,ACME,SOON,1", "S2,ACME,WIRE,1")


@pytest.fixture
def soon(session, shop):
    """A product that may be ordered before its launch."""
    return make_preorder_product(session, sku="SOON", launch_date=clock.today() + timedelta(days=9))


def test_a_module_that_names_no_products_sees_every_line_of_an_import(session, soon, seen):
    load(session, "sales_orders", *FILE)
    assert seen == ["S1/1", "S1/2", "S2/1"]


def test_of_an_import_modules_see_the_lines_of_the_products_that_one_of_them_names(app, session, soon, seen):
    registry = app.extensions["erp"]
    answer = Owned("sales", lambda _session, product_ids: {soon.id} & product_ids)
    registry.hook_answers[products_to_check].append(answer)
    try:
        load(session, "sales_orders", *FILE)
    finally:
        registry.hook_answers[products_to_check].remove(answer)
    assert seen == ["S1/2"]


def test_an_import_allocates_nothing(session, shop):
    make_stock(session, shop[1], 10)
    load(session, "sales_orders", "number,customer,sku,quantity", "S1,ACME,SCREW,4")
    assert session.scalar(select(func.count()).select_from(Allocation)) == 0
    assert session.scalar(select(func.count()).select_from(Backorder)) == 0


def test_an_import_with_allocate_runs_its_products_at_once(session, shop):
    make_stock(session, shop[1], 10)
    older = make_order(session, [(shop[1], 1)], number="OLD")
    summary = load(
        session,
        "sales_orders",
        "number,customer,ordered_at,sku,quantity",
        "S1,ACME,2026-11-02T00:00:00Z,SCREW,20",
        after=["allocate"],
    )
    assert summary.startswith("1 sales order with 1 line.")
    line = session.scalars(select(OrderLine).join(Order).where(Order.number == "S1")).one()
    assert line.allocated == 10 - older.lines[0].quantity
    assert session.scalars(select(Backorder.quantity)).all() == [Decimal(11)]


def test_numbers_that_exist_are_refused(session, shop):
    make_order(session, [(shop[1], 1)], number="S1")
    found = errors_of(session, "sales_orders", "number,customer,sku,quantity", "S1,ACME,SCREW,4", "S2,ACME,SCREW,1")
    assert found == [(2, "number", "is the number of an order that exists already")]
    assert session.scalar(select(func.count()).select_from(Order)) == 1


@pytest.mark.parametrize(
    ("column", "one", "other"),
    [
        ("customer", "ACME", "OTHER"),
        ("ordered_at", "2026-11-01", "2026-11-02"),
        ("priority", "1", "2"),
        ("shipping_policy", "partial", "complete"),
    ],
)
def test_rows_that_disagree_in_a_header_field_are_refused_by_row(session, shop, column, one, other):
    make_customer(session, code="OTHER")
    cells = {"number": "S1", "customer": "ACME", "sku": "SCREW", "quantity": "1"}
    header = list(cells | {column: ""})
    rows = [",".join((cells | {column: value})[name] for name in header) for value in (one, one, other)]
    found = errors_of(session, "sales_orders", ",".join(header), *rows)
    assert found == [(4, column, "is not what row 2 says of the same order")]


def test_a_header_cell_left_empty_means_its_default_on_every_row(session, shop):
    load(
        session,
        "sales_orders",
        "number,customer,sku,quantity,priority,shipping_policy",
        "S1,ACME,SCREW,1,,",
        "S1,ACME,SCREW,2,0,partial",
    )
    assert session.scalars(select(Order.priority)).all() == [0]


def test_everything_wrong_is_named_by_row_and_nothing_is_imported(session, shop):
    found = errors_of(
        session,
        "sales_orders",
        "number,customer,sku,quantity",
        "S1,ACME,SCREW,1",
        "S2,NOBODY,SCREW,1",
        "S3,ACME,NOTHING,1",
        "S4,ACME,SCREW,1.5",
        "S5,ACME,WIRE,1.125",
    )
    assert [error[:2] for error in found] == [(3, "customer"), (4, "sku"), (5, "quantity"), (6, "quantity")]
    assert found[1][2] == "is not the SKU of a product"
    assert session.scalar(select(func.count()).select_from(Order)) == 0


@pytest.mark.parametrize("quantity", ["0", "-1", "many", "1e3", "1,5", "0.00001", "1000000001"])
def test_a_quantity_that_cannot_be_kept_is_refused(session, shop, quantity):
    found = errors_of(session, "sales_orders", "number,customer,sku,quantity", f'S1,ACME,SCREW,"{quantity}"')
    assert [error[:2] for error in found] == [(2, "quantity")]


@pytest.mark.needs("preorder")
def test_what_another_module_refuses_is_put_by_its_row(session, shop):
    make_preorder_product(session, sku="SOON", limit=5)
    make_product(session, sku="GONE", is_active=False)
    found = errors_of(
        session,
        "sales_orders",
        "number,customer,sku,quantity",
        "S1,ACME,SCREW,1",
        "S1,ACME,SOON,4",
        "S2,ACME,SOON,3",
        "S2,ACME,GONE,1",
    )
    assert [error[:2] for error in found] == [(4, "sku"), (5, "sku")]
    assert session.scalar(select(func.count()).select_from(Order)) == 0


def test_serial_products_are_imported_and_not_allocated(session, shop):
    make_product(session, sku="PHONE", tracking=Tracking.serial)
    load(session, "sales_orders", "number,customer,sku,quantity", "S1,ACME,PHONE,2", after=["allocate"])
    assert session.scalars(select(OrderLine.allocated)).all() == [Decimal(0)]
    assert session.scalar(select(func.count()).select_from(Backorder)) == 0


def test_generated_numbers_skip_imported_ones(session, shop):
    load(session, "sales_orders", "number,customer,sku,quantity", "SO00001,ACME,SCREW,1", "SO00002,ACME,SCREW,1")
    assert make_order(session, [(shop[1], 1)]).number == "SO00003"


def test_a_header_alone_is_no_order(session):
    assert load(session, "sales_orders", "number,customer,sku,quantity") == "0 rows."


def _statements(session, count_statements, numbers):
    rows = [f"{number},ACME,{sku},1" for number in numbers for sku in ("SCREW", "WIRE")]
    with count_statements() as sent:
        load(session, "sales_orders", "number,customer,sku,quantity", *rows)
    return len(sent)


def test_an_import_of_a_hundred_orders_takes_as_many_statements_as_one(session, shop, count_statements):
    load(session, "sales_orders", "number,customer,sku,quantity", "WARM,ACME,SCREW,1")
    one = _statements(session, count_statements, ["A"])
    assert _statements(session, count_statements, [f"B{number}" for number in range(100)]) == one


def test_an_import_of_many_products_takes_as_many_statements_as_one(session, shop, count_statements):
    skus = [make_product(session).sku for _ in range(40)]
    session.commit()
    load(session, "sales_orders", "number,customer,sku,quantity", "WARM,ACME,SCREW,1")

    def sent_for(number, wanted):
        with count_statements() as sent:
            load(session, "sales_orders", "number,customer,sku,quantity", *(f"{number},ACME,{sku},1" for sku in wanted))
        return len(sent)

    assert sent_for("MANY", skus) == sent_for("ONE", skus[:1])


def test_lines_of_one_order_that_stand_far_apart_are_one_order_in_the_order_of_the_file(session, shop, monkeypatch):
    monkeypatch.setattr(kinds, "ROWS_AT_ONCE", 2)
    rows = [f"{number},ACME,{sku},1" for sku in ("SCREW", "WIRE", "SCREW") for number in ("A", "B", "C")]
    assert load(session, "sales_orders", "number,customer,sku,quantity", *rows) == "3 sales orders with 9 lines."
    lines = select(Order.number, OrderLine.position, Product.sku).join(Order.lines).join(OrderLine.product)
    found = session.execute(lines.order_by(Order.id, OrderLine.position)).all()
    assert found == [(number, at, sku) for number in "ABC" for at, sku in ((1, "SCREW"), (2, "WIRE"), (3, "SCREW"))]


def test_errors_of_every_part_of_a_large_file_are_named_and_nothing_is_imported(session, shop, monkeypatch):
    monkeypatch.setattr(kinds, "ROWS_AT_ONCE", 2)
    good = [f"A{number},ACME,SCREW,1" for number in range(4)]
    bad = [
        "S1,NOBODY,SCREW,1",
        *good,
        "S2,ACME,NOTHING,1",
        *(row.replace("A", "B", 1) for row in good),
        "S3,ACME,SCREW,0",
    ]
    found = errors_of(session, "sales_orders", "number,customer,sku,quantity", *bad)
    assert [error[:2] for error in found] == [(2, "customer"), (7, "sku"), (12, "quantity")]
    assert session.scalar(select(func.count()).select_from(Order)) == 0


def test_numbers_are_looked_up_under_the_locks_of_the_products(session, shop, monkeypatch):
    find_first = orders.orders_in_use

    def second(session, numbers):
        require_lock(session, Product, [shop[1].id])
        return find_first(session, numbers)

    monkeypatch.setattr(orders, "orders_in_use", second)
    load(session, "sales_orders", "number,customer,sku,quantity", "A,ACME,SCREW,1")
    assert session.scalar(select(func.count()).select_from(Order)) == 1


def test_products_that_were_read_for_one_part_of_a_file_are_not_read_for_the_next(
    session, shop, monkeypatch, count_statements
):
    monkeypatch.setattr(kinds, "ROWS_AT_ONCE", 2)

    def reads(first, count):
        rows = [f"R-{first + place},ACME,{sku},1" for place in range(count) for sku in ("SCREW", "WIRE")]
        with count_statements() as sent:
            load(session, "sales_orders", "number,customer,sku,quantity", *rows)
        return len([each for each in sent if "inventory_lots_product.unit_decimals" in each])

    few = reads(1, 1)
    assert reads(10, 8) == few


@pytest.mark.parametrize("most", [0, 1])
def test_a_file_of_more_products_than_stay_loaded_is_imported_whole(session, shop, monkeypatch, most):
    monkeypatch.setattr(kinds, "ROWS_AT_ONCE", 1)
    monkeypatch.setattr(order_rows, "MOST_KEPT", most)
    rows = [f"R-{place},ACME,{sku},{place + 1}" for place, sku in enumerate(("SCREW", "WIRE", "SCREW", "WIRE"))]
    load(session, "sales_orders", "number,customer,sku,quantity", *rows)
    ordered = select(Product.sku, OrderLine.quantity).join(OrderLine.product).order_by(OrderLine.quantity)
    assert session.execute(ordered).all() == [("SCREW", 1), ("WIRE", 2), ("SCREW", 3), ("WIRE", 4)]
