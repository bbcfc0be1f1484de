"""Every service takes the same number of statements for one line and for a hundred."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from modules.procurement import services
from modules.procurement.domain import Delivery, LineValues, OrderEdit, OrderHead
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.services.lines import values_of
from modules.procurement.states import PurchaseState
from tests.support.inventory_lots import make_location, make_product
from tests.support.procurement import (
    ORDER_COLUMNS,
    RECEIPT_COLUMNS,
    load,
    make_purchase_order,
    make_status,
)

JUNE = date(2026, 6, 1)


def receive_all(session: Session, order: PurchaseOrder) -> None:
    location_id = make_location(session).id
    deliveries = [Delivery(line.id, Decimal(4), location_id, f"L{line.id}") for line in order.lines]
    services.receive_many(session, deliveries)


def close_all(session: Session, order: PurchaseOrder) -> None:
    services.close_lines(session, [line.id for line in order.lines])


def cancel(session: Session, order: PurchaseOrder) -> None:
    services.cancel_order(session, order.id)


def date_all(session: Session, order: PurchaseOrder) -> None:
    services.set_expected_dates(session, {line.id: JUNE for line in order.lines})


def give_status(session: Session, order: PurchaseOrder) -> None:
    services.set_status(session, [line.id for line in order.lines], make_status(session).id)


def lower_all(session: Session, order: PurchaseOrder) -> None:
    lines = [replace(values_of(line), quantity=Decimal(8), expected_on=JUNE) for line in order.lines]
    head = OrderHead(order.supplier_id, order.ordered_on, order.note)
    services.edit_order(session, order.id, OrderEdit(head, lines))


def add_as_many(session: Session, order: PurchaseOrder) -> None:
    services.add_lines(session, order.id, [LineValues(line.product_id, Decimal(1)) for line in order.lines])


def place_draft(session: Session, order: PurchaseOrder) -> None:
    services.place_order(session, order.id)


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
        (place_draft, PurchaseState.draft),
    ],
)
def test_a_change_of_many_lines_takes_no_more_statements_than_of_one(
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


def orders_file(first: int, count: int) -> Iterable[str]:
    return (f"PO-{number:05d},S01,2026-05-06,TEA,4,1.25,2026-05-20,At sea" for number in range(first, first + count))


def receipts_file(first: int, count: int) -> Iterable[str]:
    return (f"PO-{number:05d},1,1,WH/STOCK,L{number},," for number in range(first, first + count))


def dates_file(first: int, count: int) -> Iterable[str]:
    start = date(2026, 6, 1)
    return (f"PO-{number:05d},1,{start + timedelta(number % 90)}" for number in range(first, first + count))


@pytest.mark.usefixtures("catalogue")
def test_one_row_and_many_take_the_same_statements(session: Session, count_statements: Callable[..., Any]) -> None:
    kinds = {
        "purchase_orders": (ORDER_COLUMNS, orders_file),
        "receipts": (RECEIPT_COLUMNS, receipts_file),
        "expected_dates": ("number,line,expected_on", dates_file),
    }
    for kind, (header, rows) in kinds.items():
        with count_statements() as one:
            load(session, kind, header, *rows(1, 1))
        with count_statements() as many:
            load(session, kind, header, *rows(2, 100))
        assert len(many) <= len(one) + 1, kind
    assert len(session.scalars(select(PurchaseOrderLine).where(PurchaseOrderLine.received == 1)).all()) == 101
