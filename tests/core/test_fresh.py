"""Objects of the session that are read without its own loading: they are as if it had loaded them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import inspect, literal, select
from sqlalchemy.orm.exc import StaleDataError

from erp.db import fresh_rows, insert_objects, is_among, is_loaded, objects_by_id
from modules.inventory_lots.models import Lot, Product
from modules.sales.models import Order, OrderLine
from modules.sales.states import OrderState
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_customer


def products(session):
    """Return the select of products by id, with a column of its own."""
    return select(literal(7)).where(is_among(session, Product.id, "ids")).order_by(Product.id)


def lots_or_none(session):
    """Return the select of products with their lots, if they have some."""
    rows = select().select_from(Product).outerjoin(Lot, Lot.product_id == Product.id)
    return rows.where(is_among(session, Product.id, "ids")).order_by(Product.id)


def change_behind(session, product, name):
    """Change a product as another process does."""
    session.connection().exec_driver_sql(
        f"UPDATE inventory_lots_product SET name = '{name}', row_version = row_version + 1 WHERE id = {product.id}"
    )


def test_an_object_that_the_session_has_gets_the_values_of_the_database(session):
    product = make_product(session)
    change_behind(session, product, "After")
    assert fresh_rows(session, products, (Product,), ids=[product.id]) == [(7, product)]
    assert product.name == "After"
    assert not session.is_modified(product)


def test_a_new_object_is_the_one_that_the_session_finds_and_saves(session):
    product_id = make_product(session).id
    session.commit()
    session.expunge_all()
    ((_, product),) = fresh_rows(session, products, (Product,), ids=[product_id])
    assert inspect(product).persistent
    assert session.get(Product, product_id) is product
    product.name = "Renamed"
    session.commit()
    assert session.scalar(select(Product.name).where(Product.id == product_id)) == "Renamed"


def test_a_new_object_that_another_process_changed_since_is_not_saved(session):
    product_id = make_product(session).id
    session.commit()
    session.expunge_all()
    ((_, product),) = fresh_rows(session, products, (Product,), ids=[product_id])
    change_behind(session, product, "Theirs")
    product.name = "Mine"
    with pytest.raises(StaleDataError):
        session.flush()


def test_a_new_object_loads_again_what_was_expired_and_what_it_refers_to(session):
    stock = make_stock(session, make_product(session), 5)
    lot_id, product_id = stock.lot_id, stock.product_id
    session.commit()
    session.expunge_all()
    ((product, lot),) = fresh_rows(session, lots_or_none, (Product, Lot), ids=[product_id])
    assert lot.id == lot_id
    assert lot.product is product
    session.expire_all()
    assert lot.number


def test_a_row_that_an_outer_join_lacks_is_none(session):
    product = make_product(session)
    assert fresh_rows(session, lots_or_none, (Product, Lot), ids=[product.id]) == [(product, None)]


def test_a_row_that_comes_twice_is_one_object(session):
    product = make_product(session)
    for number in ("A", "B"):
        make_stock(session, product, 5, lot=number)
    rows = fresh_rows(session, lots_or_none, (Product, Lot), ids=[product.id])
    assert {found for found, _ in rows} == {product}
    assert sorted(lot.number for _, lot in rows) == ["A", "B"]


@pytest.fixture
def insert_lines(session):
    """Insert lines of one new order, and return them."""

    def insert(count):
        customer, product = make_customer(session), make_product(session)
        new = {"number": f"SO {count}", "customer_id": customer.id, "state": OrderState.confirmed}
        (order,) = insert_objects(session, Order, [new])
        rows = [
            {"order_id": order.id, "position": place, "product_id": product.id, "quantity": Decimal("2.5")}
            for place in range(1, count + 1)
        ]
        return insert_objects(session, OrderLine, rows, related=[{"order": order, "product": product}] * count)

    return insert


def values_of(row):
    return {column.key: getattr(row, column.key) for column in inspect(type(row)).column_attrs}


def test_objects_that_were_inserted_have_the_values_of_the_database(session, insert_lines):
    lines = insert_lines(3)
    order = lines[0].order
    known = [values_of(row) for row in (order, *lines)]
    assert (known[0]["number_key"], known[0]["note"], known[3]["position"], known[3]["packed"]) == ("so 3", "", 3, 0)
    session.expire_all()
    assert [values_of(row) for row in (order, *lines)] == known
    assert all(line.order is order for line in lines)


def test_objects_that_were_inserted_are_not_read(insert_lines, count_statements):
    def count(lines):
        with count_statements() as sent:
            for line in insert_lines(lines):
                assert (line.order.number, line.product.unit, line.promise_date) == (f"SO {lines}", "pcs", None)
                values_of(line)
        return len(sent)

    few = count(2)
    assert count(20) <= few


@pytest.mark.parametrize("undo", ["rollback", "savepoint"])
def test_objects_whose_rows_were_undone_give_way_to_those_that_get_their_ids(session, insert_lines, undo):
    session.commit()
    savepoint = session.begin_nested() if undo == "savepoint" else session
    undone = insert_lines(2)
    savepoint.rollback()
    made = insert_lines(3)
    assert [(line.order.number, line.position) for line in made] == [("SO 3", 1), ("SO 3", 2), ("SO 3", 3)]
    assert not {*undone} & {*made}
    assert all(line in session for line in made)


def test_nothing_inserted_is_no_object(session):
    assert insert_objects(session, Order, []) == []


def test_objects_that_the_session_has_loaded_are_not_read_again(session, count_statements):
    one, other = make_product(session), make_product(session)
    session.commit()
    with count_statements() as sent:
        assert objects_by_id(session, Product, [one.id]) == {one.id: one}
        loaded = len(sent)
        assert objects_by_id(session, Product, [one.id]) == {one.id: one}
        assert (len(sent), is_loaded(other)) == (loaded, False)
        assert objects_by_id(session, Product, [one.id, other.id, -1]) == {one.id: one, other.id: other}
    assert objects_by_id(session, Product, []) == {}
