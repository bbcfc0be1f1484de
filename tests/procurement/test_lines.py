"""Adding, changing and closing lines."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.errors import InvalidTransition
from erp.models import HistoryEntry
from modules.inventory_lots.errors import BadQuantity
from modules.procurement.domain import Delivery, LineValues
from modules.procurement.errors import LineIsAllocated, NothingOutstanding, ProductIsFixed, QuantityBelowReceived
from modules.procurement.events import SupplyChanged
from modules.procurement.hooks import OutstandingFall
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.services import add_lines, change_line, close_lines, receive
from modules.procurement.states import PurchaseState
from tests.support.inventory_lots import make_location, make_product
from tests.support.procurement import make_purchase_order

Allocate = Callable[..., None]


@pytest.fixture
def order(session: Session) -> PurchaseOrder:
    order = make_purchase_order(session, lines=[{"quantity": 10}, {"quantity": 5}])
    make_location(session)
    session.commit()
    return order


@pytest.fixture
def line(order: PurchaseOrder) -> PurchaseOrderLine:
    return order.lines[0]


def receive_some(session: Session, line: PurchaseOrderLine, quantity: int) -> None:
    receive(session, Delivery(line.id, Decimal(quantity), make_location(session).id, "L1"))
    session.commit()


def test_a_line_closed_short_has_nothing_outstanding(session: Session, line: PurchaseOrderLine) -> None:
    receive_some(session, line, 4)
    close_lines(session, [line.id])
    session.commit()
    assert (line.cancelled, line.outstanding, line.order.state) == (6, 0, PurchaseState.partly_received)


def test_closing_the_last_open_line_finishes_a_partly_received_order(
    session: Session, order: PurchaseOrder, line: PurchaseOrderLine
) -> None:
    receive_some(session, line, 4)
    close_lines(session, [line.id for line in order.lines])
    session.commit()
    assert order.state == PurchaseState.received


def test_closing_every_line_of_an_order_without_receipts_cancels_it(session: Session, order: PurchaseOrder) -> None:
    close_lines(session, [line.id for line in order.lines])
    assert order.state == PurchaseState.cancelled


def test_a_line_with_nothing_outstanding_cannot_be_closed(session: Session, line: PurchaseOrderLine) -> None:
    receive_some(session, line, 10)
    with pytest.raises(NothingOutstanding):
        close_lines(session, [line.id])


def test_a_draft_has_nothing_to_close(session: Session) -> None:
    draft = make_purchase_order(session, state=PurchaseState.draft)
    session.commit()
    with pytest.raises(InvalidTransition):
        close_lines(session, [draft.lines[0].id])


def test_closing_asks_once_for_room_and_publishes_that_supply_changed(
    session: Session, order: PurchaseOrder, heard: list[Any]
) -> None:
    close_lines(session, [line.id for line in order.lines])
    products = tuple(sorted(line.product_id for line in order.lines))
    assert heard == [[OutstandingFall(line.id, Decimal(0)) for line in order.lines], SupplyChanged(products)]


def test_closing_releases_what_was_allocated(session: Session, line: PurchaseOrderLine, allocate: Allocate) -> None:
    allocate(line, 8, "SO00001")
    close_lines(session, [line.id])
    assert (line.allocated, line.cancelled) == (0, 10)


def test_a_raised_line_is_more_supply_and_asks_nobody(
    session: Session, line: PurchaseOrderLine, heard: list[Any]
) -> None:
    change_line(session, line.id, quantity=Decimal(12))
    assert line.quantity == 12
    assert heard == [SupplyChanged((line.product_id,))]


def test_lowering_asks_for_room_even_when_nothing_is_allocated(
    session: Session, line: PurchaseOrderLine, heard: list[Any]
) -> None:
    change_line(session, line.id, quantity=Decimal(7))
    assert heard == [[OutstandingFall(line.id, Decimal(7))], SupplyChanged((line.product_id,))]


def test_lowering_to_what_is_allocated_is_fine(session: Session, line: PurchaseOrderLine, allocate: Allocate) -> None:
    allocate(line, 8, "SO00001")
    change_line(session, line.id, quantity=Decimal(8))
    assert (line.quantity, line.allocated) == (8, 8)


def test_lowering_below_received_and_allocated_is_refused_with_the_orders_names(
    session: Session, line: PurchaseOrderLine, allocate: Allocate
) -> None:
    receive_some(session, line, 1)
    allocate(line, 8, "SO00001", "SO00002")
    with pytest.raises(LineIsAllocated) as refusal:
        change_line(session, line.id, quantity=Decimal(8))
    assert refusal.value.facts["documents"] == ["SO00001", "SO00002"]
    assert "SO00001, SO00002" in str(refusal.value)


def test_release_lowers_it_all_the_same(session: Session, line: PurchaseOrderLine, allocate: Allocate) -> None:
    allocate(line, 8, "SO00001")
    change_line(session, line.id, quantity=Decimal(3), release=True)
    assert (line.quantity, line.allocated) == (3, 3)


def test_a_line_is_never_lowered_below_what_is_received(session: Session, line: PurchaseOrderLine) -> None:
    receive_some(session, line, 4)
    with pytest.raises(QuantityBelowReceived):
        change_line(session, line.id, quantity=Decimal(3), release=True)
    session.rollback()
    change_line(session, line.id, quantity=Decimal(4))
    assert (line.outstanding, line.order.state) == (0, PurchaseState.partly_received)


def test_an_order_whose_last_outstanding_line_is_lowered_is_received(
    session: Session, order: PurchaseOrder, line: PurchaseOrderLine
) -> None:
    receive_some(session, line, 10)
    receive_some(session, order.lines[1], 4)
    change_line(session, order.lines[1].id, quantity=Decimal(4))
    assert order.state == PurchaseState.received


@pytest.mark.parametrize("quantity", ["0", "-1", "0.5", "1000000001"])
def test_a_quantity_must_be_one_that_the_product_can_have(
    session: Session, line: PurchaseOrderLine, quantity: str
) -> None:
    with pytest.raises(BadQuantity):
        change_line(session, line.id, quantity=Decimal(quantity))


def test_the_product_of_a_free_line_can_change(session: Session, line: PurchaseOrderLine, heard: list[Any]) -> None:
    old, new = line.product_id, make_product(session)
    change_line(session, line.id, product_id=new.id)
    assert line.product_id == new.id
    assert heard == [SupplyChanged(tuple(sorted((old, new.id))))]


def test_the_product_of_an_allocated_line_cannot_change(
    session: Session, line: PurchaseOrderLine, allocate: Allocate
) -> None:
    allocate(line, 1, "SO00001")
    with pytest.raises(ProductIsFixed):
        change_line(session, line.id, product_id=make_product(session).id)


def test_the_product_of_a_received_line_cannot_change(session: Session, line: PurchaseOrderLine) -> None:
    receive_some(session, line, 1)
    with pytest.raises(ProductIsFixed):
        change_line(session, line.id, product_id=make_product(session).id)


def test_a_finished_order_does_not_change(session: Session, order: PurchaseOrder) -> None:
    close_lines(session, [line.id for line in order.lines])
    session.commit()
    with pytest.raises(InvalidTransition):
        change_line(session, order.lines[0].id, quantity=Decimal(12))
    with pytest.raises(InvalidTransition):
        add_lines(session, order.id, [LineValues(order.lines[0].product_id, Decimal(1))])


def test_a_line_added_to_an_order_is_supply_at_once(session: Session, order: PurchaseOrder, heard: list[Any]) -> None:
    product = make_product(session)
    add_lines(session, order.id, [LineValues(product.id, Decimal(3))])
    assert [(line.position, line.quantity) for line in order.lines] == [(1, 10), (2, 5), (3, 3)]
    assert heard == [SupplyChanged((product.id,))]


def test_a_line_added_to_a_draft_is_no_supply(session: Session, heard: list[Any]) -> None:
    draft = make_purchase_order(session, state=PurchaseState.draft)
    session.commit()
    add_lines(session, draft.id, [LineValues(draft.lines[0].product_id, Decimal(3))])
    assert heard == []


def test_each_change_is_recorded_in_the_history_of_the_order(session: Session, line: PurchaseOrderLine) -> None:
    change_line(session, line.id, quantity=Decimal(12))
    session.commit()
    close_lines(session, [line.id])
    session.commit()
    entries = session.scalars(select(HistoryEntry).where(HistoryEntry.line == 1).order_by(HistoryEntry.id)).all()
    assert [(entry.document_name, entry.field, entry.old_value, entry.new_value) for entry in entries] == [
        (line.order.number, "quantity", "10", "12"),
        (line.order.number, "cancelled", "0", "12"),
    ]
