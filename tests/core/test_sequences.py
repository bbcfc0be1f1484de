"""Numbers of documents: in order, never twice, and nobody waits for one where the database has many writers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import inspect, text

from erp.db import commit, db, is_postgresql
from erp.models import Sequence
from erp.sequence import forget_sequences, next_number, next_numbers, trying
from modules.inventory_lots.models import Product
from tests.support.inventory_lots import make_product


def draw(session, count=1):
    return next_numbers(session, "test.thing", "T", Product.sku, count=count)


def test_numbers_follow_one_another(session):
    assert draw(session) + draw(session, 3) + draw(session) == ["T00001", "T00002", "T00003", "T00004", "T00005"]


def test_numbers_in_use_are_skipped_and_none_is_left_out(session):
    for number in (1, 2, 4, 7):
        make_product(session, sku=f"T{number:05d}")
    assert draw(session) + draw(session, 3) + draw(session) == ["T00003", "T00005", "T00006", "T00008", "T00009"]


def test_a_thousand_numbers_in_use_take_no_more_statements_than_one(session, count_statements):
    def count(used):
        session.add_all(Product(sku=f"{used}-{number:05d}", name="x") for number in range(1, used + 1))
        session.flush()
        with count_statements() as sent:
            assert next_number(session, f"test.of{used}", f"{used}-", Product.sku) == f"{used}-{used + 1:05d}"
        return len(sent)

    few = count(1)
    assert count(1000) <= few


def test_numbers_have_more_than_five_digits_where_they_need_them(session):
    session.add(Sequence(name="test.thing", next_number=99_999))
    session.flush()
    assert draw(session, 2) == ["T99999", "T100000"]


def test_numbers_go_on_where_an_earlier_release_stood(session):
    session.add(Sequence(name="test.thing", next_number=42))
    session.flush()
    assert draw(session) == ["T00042"]


@pytest.mark.parametrize("before", [0, 3])
def test_what_is_only_tried_gets_the_numbers_that_come_next_and_uses_none_up(session, before):
    for _ in range(before):
        draw(session)
    make_product(session, sku=f"T{before + 2:05d}")
    session.commit()
    for _ in range(2):
        with trying(session):
            tried = draw(session, 2) + draw(session)
        session.rollback()
    assert draw(session, 2) + draw(session) == tried
    assert tried == [f"T{before + number:05d}" for number in (1, 3, 4)]


def test_a_module_that_is_uninstalled_leaves_no_sequence(session):
    draw(session)
    next_number(session, "testing.thing", "T", Product.sku)
    forget_sequences(session, "test")
    assert draw(session) == ["T00001"]
    assert next_number(session, "testing.thing", "T", Product.sku) == "T00002"
    forget_sequences(session, "test")
    forget_sequences(session, "testing")
    if is_postgresql(session):
        assert [name for name in inspect(session.connection()).get_sequence_names() if "number" in name] == []


def test_clerks_who_need_the_first_number_at_once_get_one_each(app):
    def work(_clerk):
        with app.app_context():
            return commit(draw)[0]

    with ThreadPoolExecutor(4) as clerks:
        assert sorted(clerks.map(work, range(8))) == [f"T{number:05d}" for number in range(1, 9)]


@pytest.fixture
def with_many_writers(session):
    """A sequence that has been used, on a database where many write at once."""
    if not is_postgresql(session):
        pytest.skip("SQLite has one writer, who has the next number")
    draw(session)
    session.commit()
    return session


def test_nobody_waits_for_the_number_of_another_and_that_of_an_undone_transaction_is_left_out(app, with_many_writers):
    assert draw(with_many_writers) == ["T00002"]  # not committed: a row would be locked now

    def other():
        with app.app_context():
            db.session.execute(text("SET LOCAL lock_timeout = '2s'"))
            return draw(db.session())

    with ThreadPoolExecutor(1) as clerk:
        assert clerk.submit(other).result() == ["T00003"]
    with_many_writers.rollback()
    assert draw(with_many_writers) == ["T00004"]
