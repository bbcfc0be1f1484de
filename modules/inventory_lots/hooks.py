"""What stock asks of whoever holds claims on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from erp.events import hook


@dataclass(frozen=True)
class BalanceAllocation:
    """A quantity of one balance that is meant for a document."""

    balance_id: int
    document: str
    quantity: Decimal
    url: str = ""


@hook
def allocations_on_balances(session: Session, balance_ids: Sequence[int]) -> list[BalanceAllocation]:
    """Who holds what of these balances, first in the queue first. The answers are put together."""


@hook
def release_balance_allocations(session: Session, quantities: Mapping[int, Decimal]) -> Decimal:
    """Give back so much of each balance (by id), latest in the queue first; answer how much was given back in all.

    The answers are added up.
    """


@hook
def products_in_use(session: Session, product_ids: Sequence[int]) -> set[int]:
    """Which of these products stand on documents, so that how they are tracked and counted is fixed.

    The answers are united.
    """


@hook
def allocated_incoming(session: Session, product_ids: Sequence[int]) -> dict[int, list[str]]:
    """On which documents goods of these products are on their way to a customer, so that their unit is fixed.

    Names by product id; the answers are put together.
    """
