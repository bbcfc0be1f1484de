"""Fixtures of procurement's tests: what was asked and published, in order, and a module that allocates lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from erp.numbers import to_raw
from erp.registry import Owned
from modules.inventory_lots.events import GoodsArrived
from modules.inventory_lots.services import lock_products
from modules.inventory_lots.states import Tracking
from modules.procurement import services
from modules.procurement.events import ArrivalChanged, LineStatusChanged, SupplyChanged
from modules.procurement.hooks import LineAllocation, OutstandingFall, allocations_of_lines, outstanding_will_fall
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from tests.support.inventory_lots import make_location, make_product
from tests.support.procurement import make_purchase_order, make_status, make_supplier

EVENTS = (SupplyChanged, GoodsArrived, ArrivalChanged, LineStatusChanged)


@pytest.fixture
def heard(app: Flask) -> Iterator[list[Any]]:
    """Every hook call and event of procurement, in order; a hook call is the list of falls."""
    registry, notes = app.extensions["erp"], []
    handlers = {event: Owned("procurement", lambda session, published: notes.append(published)) for event in EVENTS}
    answer = Owned("procurement", lambda session, changes: notes.append(list(changes)))
    for event, handler in handlers.items():
        registry.subscribers[event].append(handler)
    registry.hook_answers[outstanding_will_fall].append(answer)
    yield notes
    for event, handler in handlers.items():
        registry.subscribers[event].remove(handler)
    registry.hook_answers[outstanding_will_fall].remove(answer)


@pytest.fixture
def allocate(app: Flask, session: Session) -> Iterator[Callable[..., None]]:
    """Allocate a quantity of a line to documents, and release what does not fit when procurement asks for room."""
    registry, allocator = app.extensions["erp"], _Allocator()
    answers = {outstanding_will_fall: allocator.make_room, allocations_of_lines: allocator.allocations}
    owned = {hook: Owned("procurement", answer) for hook, answer in answers.items()}
    for hook, answer in owned.items():
        registry.hook_answers[hook].append(answer)

    def allocate_line(line: PurchaseOrderLine, quantity: int, *documents: str) -> None:
        lock_products(session, [line.product_id])
        services.add_allocated(session, [(line.id, to_raw(quantity))])
        allocator.documents = documents
        session.commit()

    yield allocate_line
    for hook, answer in owned.items():
        registry.hook_answers[hook].remove(answer)


class _Allocator:
    documents: Sequence[str] = ()

    def make_room(self, session: Session, changes: Sequence[OutstandingFall]) -> None:
        for change in changes:
            line = session.get_one(PurchaseOrderLine, change.line_id)
            spare = line.allocated - change.outstanding
            if spare > 0:
                services.release_allocated(session, [(line.id, to_raw(spare))])

    def allocations(self, session: Session, line_ids: Sequence[int]) -> list[LineAllocation]:
        return [LineAllocation(line_ids[0], document, Decimal(1)) for document in self.documents]


@pytest.fixture
def catalogue(session: Session) -> None:
    """Suppliers S01 and S02, products TEA and OIL, and the status At sea."""
    make_supplier(session, code="S01")
    make_supplier(session, code="S02")
    make_product(session, sku="TEA")
    make_product(session, sku="OIL", unit_decimals=2)
    make_status(session, name="At sea")
    session.commit()


@pytest.fixture
def ordered(session: Session) -> PurchaseOrder:
    """Ten of a lot product, ten of one without tracking and two with serial numbers, as PO-1."""
    products = [make_product(session, tracking=tracking) for tracking in (Tracking.lot, Tracking.none, Tracking.serial)]
    order = make_purchase_order(
        session, list(zip(products, (10, 10, 2), strict=True)), number="PO-1", supplier=make_supplier(session)
    )
    session.commit()
    return order


@pytest.fixture
def order(session: Session) -> PurchaseOrder:
    """Ten of one product and five of another, expected in June."""
    lines = [{"quantity": 10, "expected_on": date(2026, 6, 1)}, {"quantity": 5, "expected_on": date(2026, 6, 1)}]
    order = make_purchase_order(session, lines, number="PO-1")
    make_location(session)
    session.commit()
    return order
