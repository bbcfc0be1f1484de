"""A module that allocates stock to documents, as sales does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from erp.db import to_raw
from erp.registry import Owned
from modules.inventory_lots import services
from modules.inventory_lots.hooks import (
    BalanceAllocation,
    allocations_on_balances,
    products_in_use,
    stock_will_fall,
)
from modules.inventory_lots.models import Balance


class QueueHolder:
    """Holds allocations in the order of a queue and releases them from its end."""

    def __init__(self) -> None:
        self.held: list[tuple[str, int, Decimal]] = []
        self.products: set[int] = set()

    def allocations(self, session: Session, balance_ids: Sequence[int]) -> list[BalanceAllocation]:
        return [
            BalanceAllocation(id_, document, quantity) for document, id_, quantity in self.held if id_ in balance_ids
        ]

    def release(self, session: Session, quantities: Mapping[int, Decimal]) -> Decimal:
        return sum((self.release_one(session, *each) for each in quantities.items()), Decimal(0))

    def release_one(self, session: Session, balance_id: int, quantity: Decimal) -> Decimal:
        left = quantity
        for index, (document, id_, held) in reversed(list(enumerate(self.held))):
            part = min(left, held) if id_ == balance_id else Decimal(0)
            self.held[index] = (document, id_, held - part)
            left -= part
        services.unreserve(session, [(balance_id, to_raw(quantity - left))])
        return quantity - left

    def in_use(self, session: Session, product_ids: Sequence[int]) -> set[int]:
        return self.products.intersection(product_ids)


@pytest.fixture
def queue_holder(app: Flask) -> Iterator[QueueHolder]:
    """Return the holder of all allocations of stock."""
    registry, holder = app.extensions["erp"], QueueHolder()
    answers = {
        allocations_on_balances: Owned("inventory_lots", holder.allocations),
        stock_will_fall: Owned("inventory_lots", holder.release),
        products_in_use: Owned("inventory_lots", holder.in_use),
    }
    for hook, answer in answers.items():
        registry.hook_answers[hook].append(answer)
    yield holder
    for hook, answer in answers.items():
        registry.hook_answers[hook].remove(answer)


@pytest.fixture
def allocate_for(session: Session, queue_holder: QueueHolder) -> Callable[[str, Balance, int], None]:
    """Return a function that allocates a quantity of a balance to a document, last in the queue so far."""

    def allocate(document: str, balance: Balance, quantity: int) -> None:
        session.commit()
        balance_id = balance.id
        services.lock_products(session, [balance.product_id])
        services.reserve(session, [(balance_id, to_raw(quantity))])
        session.commit()
        queue_holder.held.append((document, balance_id, Decimal(quantity)))

    return allocate
