"""Changes of one purchase order at the same time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from erp.db import commit, db
from erp.errors import ErpError
from modules.inventory_lots.models import Balance, Location
from modules.procurement.domain import Delivery
from modules.procurement.errors import OverReceipt
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.queries import broken_invariants
from modules.procurement.services import cancel_order, close_lines, place_order, receive
from modules.procurement.states import PurchaseState
from tests.support.inventory_lots import make_location
from tests.support.procurement import make_purchase_order

ActionCall = Callable[[Session], Any]


def at_once(app: Flask, *actions: ActionCall) -> list[Any]:
    """Run each action in a transaction of its own, all at the same time; return results and refusals."""
    start = Barrier(len(actions))

    def do(action: ActionCall) -> Any:
        with app.app_context():
            start.wait()
            try:
                return commit(action)
            except ErpError as refusal:
                return refusal
            finally:
                db.session.remove()

    with ThreadPoolExecutor(len(actions)) as pool:
        tasks = [pool.submit(Context().run, do, action) for action in actions]
        results = [task.result() for task in tasks]
    db.session.expire_all()
    return results


def receiving(line_id: int, quantity: int, lot: str = "L1") -> ActionCall:
    def action(session: Session) -> int:
        location = session.scalars(select(Location)).one()
        return receive(session, Delivery(line_id, Decimal(quantity), location.id, lot))

    return action


@pytest.fixture
def document(session: Session) -> PurchaseOrder:
    document = make_purchase_order(session, [{"quantity": 10}, {"quantity": 5}])
    make_location(session)
    session.commit()
    return document


def test_one_of_two_receipts_at_once_that_exceed_the_line_is_refused(
    app: Flask, session: Session, document: PurchaseOrder
) -> None:
    line_id = document.lines[0].id
    session.rollback()
    results = at_once(app, receiving(line_id, 6), receiving(line_id, 6, lot="L2"))
    refused = [result for result in results if isinstance(result, ErpError)]
    assert [type(refusal) for refusal in refused] == [OverReceipt]
    assert session.get_one(PurchaseOrderLine, line_id).received == 6
    assert session.scalar(select(func.count()).select_from(Balance)) == 1


def test_the_last_receipts_of_two_lines_at_once_finish_the_order(
    app: Flask, session: Session, document: PurchaseOrder
) -> None:
    first, second = (line.id for line in document.lines)
    session.rollback()
    results = at_once(app, receiving(first, 10), receiving(second, 5))
    assert all(isinstance(result, int) for result in results), results
    assert document.state == PurchaseState.received


def test_a_receipt_and_a_short_close_at_once_leave_quantities_that_add_up(
    app: Flask, session: Session, document: PurchaseOrder
) -> None:
    line_id = document.lines[0].id
    session.rollback()
    at_once(
        app,
        receiving(line_id, 6),
        lambda session: close_lines(session, [line_id]),
    )
    line = session.get_one(PurchaseOrderLine, line_id)
    assert (line.received, line.cancelled) in {(6, 4), (0, 10)}
    assert list(broken_invariants(session)) == []


def test_a_receipt_and_a_cancellation_at_once_do_not_both_happen(
    app: Flask, session: Session, document: PurchaseOrder
) -> None:
    order_id, line_id = document.id, document.lines[0].id
    session.rollback()
    results = at_once(
        app,
        receiving(line_id, 6),
        lambda session: cancel_order(session, order_id),
    )
    assert sum(isinstance(result, ErpError) for result in results) == 1
    assert list(broken_invariants(session)) == []


def test_a_draft_that_two_users_order_at_once_gets_one_number(app: Flask, session: Session) -> None:
    draft = make_purchase_order(session, state=PurchaseState.draft)
    session.commit()
    order_id = draft.id
    session.rollback()
    results = at_once(app, *[lambda session: place_order(session, order_id)] * 2)
    assert sum(isinstance(result, ErpError) for result in results) == 1
    assert draft.state == PurchaseState.ordered


def test_two_drafts_ordered_at_once_get_numbers_of_their_own(app: Flask, session: Session) -> None:
    ids = [make_purchase_order(session, state=PurchaseState.draft).id for _ in range(4)]
    session.commit()

    def ordering(order_id: int) -> ActionCall:
        return lambda session: place_order(session, order_id)

    assert at_once(app, *map(ordering, ids)) == [None] * 4
    numbers = session.scalars(select(PurchaseOrder.number)).all()
    assert len(set(numbers)) == 4
