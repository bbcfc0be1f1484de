"""Objects of the session that are read without its own loading: they are as if it had loaded them."""

from __future__ import annotations

import pytest
from sqlalchemy import inspect, literal, select
from sqlalchemy.orm.exc import StaleDataError

from erp.db import fresh_rows, is_among, is_loaded, objects_by_id
from modules.inventory_lots.models import Lot, Product
from tests.support.inventory_lots import make_product, make_stock


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
