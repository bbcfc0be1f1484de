"""Ears and hands for procurement's tests: what was asked and announced in which order, and one who keeps claims."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from erp.numbers import to_raw
from erp.registry import Owned
from modules.inventory_lots.events import GoodsArrived
from modules.inventory_lots.services import lock_products
from modules.procurement import services
from modules.procurement.events import ArrivalChanged, LineStatusChanged, PurchaseLineReceived, SupplyChanged
from modules.procurement.hooks import LineAllocation, OutstandingFall, allocations_of_lines, outstanding_will_fall
from modules.procurement.models import PurchaseOrderLine

FACTS = (PurchaseLineReceived, SupplyChanged, GoodsArrived, ArrivalChanged, LineStatusChanged)


@pytest.fixture
def heard(app: Flask) -> Iterator[list[Any]]:
    """Every question and fact of procurement, in order; a question is the list of falls."""
    registry, notes = app.extensions["erp"], []
    ears = {fact: Owned("procurement", lambda session, heard_fact: notes.append(heard_fact)) for fact in FACTS}
    ask = Owned("procurement", lambda session, changes: notes.append(list(changes)))
    for fact, ear in ears.items():
        registry.subscribers[fact].append(ear)
    registry.hook_answers[outstanding_will_fall].append(ask)
    yield notes
    for fact, ear in ears.items():
        registry.subscribers[fact].remove(ear)
    registry.hook_answers[outstanding_will_fall].remove(ask)


@pytest.fixture
def claimed(app: Flask, session: Session) -> Iterator[Callable[..., None]]:
    """Claim a quantity of a line for documents, and give back what does not fit when procurement asks for room."""
    registry, keeper = app.extensions["erp"], _Keeper()
    answers = {outstanding_will_fall: keeper.make_room, allocations_of_lines: keeper.allocations}
    owned = {hook: Owned("procurement", answer) for hook, answer in answers.items()}
    for hook, answer in owned.items():
        registry.hook_answers[hook].append(answer)

    def reserve(line: PurchaseOrderLine, quantity: int, *documents: str) -> None:
        lock_products(session, [line.product_id])
        services.reserve(session, [(line.id, to_raw(quantity))])
        keeper.documents = documents
        session.commit()

    yield reserve
    for hook, answer in owned.items():
        registry.hook_answers[hook].remove(answer)


class _Keeper:
    documents: Sequence[str] = ()

    def make_room(self, session: Session, changes: Sequence[OutstandingFall]) -> None:
        for change in changes:
            line = session.get_one(PurchaseOrderLine, change.line_id)
            spare = line.allocated - change.outstanding
            if spare > 0:
                services.release(session, [(line.id, to_raw(spare))])

    def allocations(self, session: Session, line_ids: Sequence[int]) -> list[LineAllocation]:
        return [LineAllocation(line_ids[0], document, Decimal(1)) for document in self.documents]
