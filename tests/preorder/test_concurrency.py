"""Two clerks who allocate at the same time: the second one finds what is left."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from datetime import date
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from erp.db import commit, db
from erp.errors import ErpError
from modules.preorder import services
from modules.preorder.errors import NotEnoughIncoming, NotWaiting, PurchaseAllocationsGone
from modules.procurement.services import close_lines
from modules.sales.errors import LinesRefused
from modules.sales.services import confirm
from tests.support.inventory_lots import make_product
from tests.support.preorder import (
    allocate_purchase,
    broken,
    make_preorder_product,
    outstanding,
    purchase_allocations_of,
)
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_draft, make_order

DECEMBER = date(2026, 12, 1)

ActionCall = Callable[[Session], Any]

pytestmark = pytest.mark.real_clock


def at_once(app: Flask, *actions: ActionCall) -> list[type]:
    """Run each action in a transaction of its own, all beginning together; return the types of their results."""
    start = Barrier(len(actions))

    def do(action: ActionCall) -> type:
        with app.app_context():
            start.wait()
            try:
                return type(commit(action))
            except ErpError as refusal:
                return type(refusal)
            finally:
                db.session.remove()

    db.session.commit()
    with ThreadPoolExecutor(len(actions)) as pool:
        tasks = [pool.submit(Context().run, do, action) for action in actions]
        results = [task.result() for task in tasks]
    db.session.expire_all()
    return results


def allocating(line_id: int, purchase_id: int, quantity: int) -> ActionCall:
    return lambda session: services.allocate_by_hand(session, {(line_id, purchase_id): Decimal(quantity)})


def test_the_last_incoming_units_go_to_one_of_two_clerks(app: Flask, session: Session) -> None:
    product = make_product(session)
    orders = [make_order(session, [(product, 5)]) for _ in range(2)]
    (purchase,) = make_purchase_order(session, [(product, 5, DECEMBER)]).lines
    results = at_once(app, *(allocating(order.lines[0].id, purchase.id, 5) for order in orders))
    assert sorted(results, key=str) == sorted([type(None), NotEnoughIncoming], key=str)
    assert sorted(outstanding(session, *(order.lines[0] for order in orders))) == [0, 5]
    assert (purchase.allocated, broken(session)) == (5, [])


def test_two_clerks_do_not_cover_one_line_twice(app: Flask, session: Session) -> None:
    product = make_product(session)
    order = make_order(session, [(product, 5)])
    lines = make_purchase_order(session, [(product, 5, DECEMBER), (product, 5, DECEMBER)]).lines
    results = at_once(app, *(allocating(order.lines[0].id, line.id, 5) for line in lines))
    assert sorted(results, key=str) == sorted([type(None), NotWaiting], key=str)
    assert (outstanding(session, order.lines[0]), broken(session)) == ([5], [])


def test_two_clerks_remove_one_allocation_and_the_second_is_refused(app: Flask, session: Session) -> None:
    product = make_product(session)
    order = make_order(session, [(product, 5)])
    (purchase,) = make_purchase_order(session, [(product, 5, DECEMBER)]).lines
    allocate_purchase(session, order.lines[0], purchase, 5)
    purchase_allocation_id = purchase_allocations_of(session, order.lines[0])[0].id
    removing: ActionCall = lambda session: services.remove_purchase_allocations(session, [purchase_allocation_id])  # noqa: E731
    assert sorted(at_once(app, removing, removing), key=str) == sorted([int, PurchaseAllocationsGone], key=str)
    assert (purchase.allocated, broken(session)) == (0, [])


def test_a_line_that_is_closed_while_a_clerk_allocates_it_keeps_no_allocation(app: Flask, session: Session) -> None:
    product = make_product(session)
    order = make_order(session, [(product, 5)])
    (purchase,) = make_purchase_order(session, [(product, 5, DECEMBER)]).lines
    purchase_id = purchase.id
    closing: ActionCall = lambda session: close_lines(session, [purchase_id])  # noqa: E731
    allocated, closed = at_once(app, allocating(order.lines[0].id, purchase_id, 5), closing)
    assert (allocated in (type(None), NotEnoughIncoming), closed) == (True, type(None))
    assert (outstanding(session, order.lines[0]), purchase.allocated, broken(session)) == ([0], 0, [])


def test_two_clerks_never_sell_more_than_the_preorder_limit(app: Flask, session: Session) -> None:
    product = make_preorder_product(session, limit=8)
    orders = [make_draft(session, [(product, 5)]) for _ in range(2)]
    ids = [order.id for order in orders]
    results = at_once(app, *((lambda session, id_=id_: confirm(session, id_).id) for id_ in ids))
    assert sorted(results, key=str) == sorted([int, LinesRefused], key=str)


def test_two_runs_at_once_exchange_a_line_once(app: Flask, session: Session, set_option: Callable[..., None]) -> None:
    set_option("preorder.auto_allocate", "yes")
    product = make_product(session)
    make_purchase_order(session, [(product, 5, date(2027, 3, 1))])
    order = make_order(session, [(product, 5)])
    (early,) = make_purchase_order(session, [(product, 3, DECEMBER)]).lines
    product_id, early_id = product.id, early.id
    running: ActionCall = lambda session: len(services.rebalance_products(session, [product_id]))  # noqa: E731
    assert at_once(app, running, running, running) == [int] * 3
    rows = purchase_allocations_of(session, order.lines[0])
    assert sorted((row.purchase_line_id == early_id, row.outstanding) for row in rows) == [(False, 2), (True, 3)]
    assert (early.allocated, broken(session)) == (3, [])
