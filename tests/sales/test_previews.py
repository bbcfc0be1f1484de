"""Previews of runs: nobody waits for them, and of two who apply one at once each product is served once."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import func, select, text

from erp.db import commit, db, lock_rows, one_moment
from modules.inventory_lots.models import Product
from modules.sales import queries, services
from modules.sales.models import Allocation, OrderLine
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_draft, make_order

pytestmark = pytest.mark.usefixtures("by_hand")

LOCKS = """
    SELECT locktype, mode FROM pg_locks
    WHERE pid = pg_backend_pid() AND (locktype <> 'relation' OR mode <> 'AccessShareLock')
    AND NOT (locktype = 'virtualxid' AND mode = 'ExclusiveLock')
"""


def preview(session):
    """Return what a run would change, by line: what it would have allocated, and the fingerprints."""
    products = queries.waiting_product_ids(session)
    parts = list(queries.preview_products(session, products))
    changes = {id_: change.allocated for part in parts for id_, change in part.changes.items()}
    return changes, {id_: text for part in parts for id_, text in part.fingerprints.items()}


def elsewhere(app, work):
    """Do work in a transaction of another connection and return how long it took."""
    took = []

    def run():
        with app.app_context():
            began = time.monotonic()
            commit(work)
            took.append(time.monotonic() - began)
            db.session.remove()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    return took[0]


def test_while_a_preview_is_open_others_confirm_orders_of_the_same_products(app, session, order, screws):
    drafts = [make_draft(session, [(product, 1) for product in screws]).id for _ in range(2)]

    def confirm(order_id):
        def work(session):
            if session.get_bind().dialect.name == "postgresql":
                session.execute(text("SET LOCAL lock_timeout = '10ms'"))  # a transaction that has to wait fails
            services.allocate_order(session, services.confirm(session, order_id).id)

        return work

    with one_moment(session):
        first = preview(session)
        took = [elsewhere(app, confirm(order_id)) for order_id in drafts]
        assert preview(session) == first, "the preview is not of one moment"
        if session.get_bind().dialect.name == "postgresql":
            assert session.execute(text(LOCKS)).all() == []
            assert session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")) == 0
            assert session.scalar(text("SHOW transaction_read_only")) == "on"
    assert max(took) < 5
    assert session.scalar(select(func.count()).select_from(Allocation)) == 4
    assert preview(session) != first


def test_a_preview_can_neither_lock_nor_write(session, order, screws):
    with one_moment(session), pytest.raises(RuntimeError, match="cannot lock"):
        lock_rows(session, Product, [screws[0].id])
    session.rollback()
    with one_moment(session):
        expected = {line.id: quantity * 10_000 for line, quantity in zip(order.lines, (25, 22), strict=True)}
        assert preview(session)[0] == expected
    session.rollback()
    assert [line.allocated for line in order.lines] == [0, 0]


def test_a_preview_sends_selects_alone(session, order, count_statements):
    session.commit()
    with count_statements() as sent, one_moment(session):
        preview(session)
    assert [statement for statement in sent if not statement.startswith(("SELECT", "BEGIN"))] == []
    assert [statement for statement in sent if "FOR " in statement or "advisory" in statement] == []


@pytest.mark.parametrize("all_or_nothing", [False, True])
def test_of_two_who_apply_one_preview_at_once_each_line_is_served_once(app, session, order, all_or_nothing):
    fingerprints = preview(session)[1]
    session.rollback()
    answers, start = [], threading.Barrier(2)

    def apply():
        with app.app_context():
            start.wait()
            try:
                answers.append(services.apply_preview(db.session(), fingerprints, all_or_nothing=all_or_nothing)[1])
            except Exception as error:
                answers.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=apply) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    session.expire_all()
    assert [line.allocated for line in order.lines] == [25, 22]
    if all_or_nothing:
        assert sorted(type(answer).__name__ for answer in answers) == ["BookChanged", "list"]
    else:
        left = sorted([str(changed) for changed in answer] for answer in answers)
        assert left == [[], ["BRASS (nothing is left to do)", "TAP (nothing is left to do)"]]


def test_a_preview_and_its_application_take_as_many_statements_for_many_lines_as_for_few(session, count_statements):
    def counts(size):
        products = [make_product(session) for _ in range(3)]
        for _ in range(size):
            make_order(session, [(product, 2) for product in products])
        for product in products:
            make_stock(session, product, 3)
        session.commit()
        with count_statements() as previewed, one_moment(session):
            fingerprints = preview(session)[1]
        with count_statements() as applied:
            services.apply_preview(session, fingerprints)
        assert session.scalar(select(func.sum(OrderLine.allocated)).where(OrderLine.product_id == products[0].id)) == 3
        session.commit()
        return len(previewed), len(applied)

    counts(2)  # which writes the row of the run
    assert counts(2) == counts(20)
