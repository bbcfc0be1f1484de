"""Every deed takes the same number of statements for one line and for a hundred."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from modules.procurement import services
from modules.procurement.domain import Delivery, LineValues, OrderHead
from modules.procurement.models import PurchaseOrder
from modules.procurement.services.lines import values_of
from modules.procurement.states import PurchaseState
from tests.support.inventory_lots import make_location, make_product
from tests.support.procurement import make_purchase_order, make_status

JUNE = date(2026, 6, 1)


def receive_all(session: Session, order: PurchaseOrder) -> None:
    place = make_location(session).id
    deliveries = [Delivery(line.id, Decimal(4), place, f"L{line.id}") for line in order.lines]
    services.receive_many(session, deliveries)


def close_all(session: Session, order: PurchaseOrder) -> None:
    services.close_lines(session, order.lines)


def cancel(session: Session, order: PurchaseOrder) -> None:
    services.cancel_order(session, order)


def date_all(session: Session, order: PurchaseOrder) -> None:
    services.set_expected_dates(session, {line.id: JUNE for line in order.lines})


def give_status(session: Session, order: PurchaseOrder) -> None:
    services.set_status(session, [line.id for line in order.lines], make_status(session))


def lower_all(session: Session, order: PurchaseOrder) -> None:
    lines = [replace(values_of(line), quantity=Decimal(8), expected_on=JUNE) for line in order.lines]
    services.edit_order(session, order, OrderHead(order.supplier_id, order.ordered_on, order.note), lines=lines)


def add_as_many(session: Session, order: PurchaseOrder) -> None:
    services.add_lines(session, order, [LineValues(line.product_id, Decimal(1)) for line in order.lines])


def send(session: Session, order: PurchaseOrder) -> None:
    services.order(session, order)


@pytest.mark.parametrize(
    ("action", "state"),
    [
        (receive_all, PurchaseState.ordered),
        (close_all, PurchaseState.ordered),
        (cancel, PurchaseState.ordered),
        (date_all, PurchaseState.ordered),
        (give_status, PurchaseState.ordered),
        (lower_all, PurchaseState.ordered),
        (add_as_many, PurchaseState.ordered),
        (send, PurchaseState.draft),
    ],
)
def test_a_deed_on_many_lines_takes_no_more_statements_than_on_one(
    session: Session,
    count_statements: Callable[..., Any],
    action: Callable[[Session, PurchaseOrder], None],
    state: PurchaseState,
) -> None:
    make_location(session)
    counts = []
    for size in (1, 100):
        lines = [(make_product(session), 10) for _ in range(size)]
        order = make_purchase_order(session, lines, state=state)
        session.commit()
        order_id = order.id
        session.expunge_all()
        with count_statements() as sent:
            order = session.get_one(PurchaseOrder, order_id)
            action(session, order)
            session.commit()
        counts.append(len(sent))
    assert counts[1] <= counts[0], counts
