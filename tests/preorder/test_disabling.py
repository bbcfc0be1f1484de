"""Preorder is disabled while a clerk waits for the same product: nothing is allocated then."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from erp.db import commit, db
from erp.errors import ModulesSwitched
from erp.registry import current_registry
from modules.sales import services as sales
from tests.support.inventory_lots import make_product
from tests.support.preorder import outstanding
from tests.support.procurement import make_purchase_order
from tests.support.sales import allocate, make_order


@pytest.mark.real_clock
def test_a_clerk_who_waits_while_a_module_is_disabled_is_refused_and_allocates_nothing(app, session, set_option):
    set_option("preorder.auto_allocate", "yes")
    product = make_product(session)
    order = make_order(session, [(product, 5)])
    (bought,) = make_purchase_order(session, [(product, 5, date(2026, 12, 1))]).lines
    allocate(session, product)
    assert outstanding(session, order.lines[0]) == [5]
    commit(lambda session: current_registry().disable(session, "backorder_email"))
    order_id = order.id
    session.commit()
    is_off, clerk_waits = threading.Event(), threading.Event()

    def switch_off():
        def work(session):
            current_registry().disable(session, "preorder", release=True)
            is_off.set()
            clerk_waits.wait(5)

        with app.app_context():
            commit(work)
            db.session.remove()

    def allocate_order():
        with app.app_context():
            on_postgresql = db.engine.dialect.name == "postgresql"
            if on_postgresql:
                assert current_registry().is_live("preorder")
            clerk_waits.set()
            try:
                commit(lambda session: sales.allocate_order(session, order_id))
            except ModulesSwitched:
                return True
            finally:
                db.session.remove()
            return not on_postgresql

    with ThreadPoolExecutor(2) as pool:
        switching = pool.submit(switch_off)
        assert is_off.wait(20)
        waiting = pool.submit(allocate_order)
        assert waiting.result(30)
        switching.result(30)
    current_registry().refresh()
    session.expire_all()
    assert not current_registry().is_live("preorder")
    assert outstanding(session, order.lines[0]) == [0]
    assert bought.allocated == 0
