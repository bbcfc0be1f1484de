"""What procurement asks before it takes supply away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from erp.events import hook


@dataclass(frozen=True)
class OutstandingFall:
    """What a purchase order line will have outstanding, and where its goods landed if it falls by a receipt.

    `landed_quantity` is what arrived in `balance_id`; both are empty when supply is lost instead. Goods of one line
    that landed in several balances are several falls of it, in their order, each with what it leaves outstanding.
    """

    line_id: int
    outstanding: Decimal
    balance_id: int | None = None
    landed_quantity: Decimal = Decimal(0)


@hook
def outstanding_will_fall(session: Session, changes: Sequence[OutstandingFall]) -> None:
    """Make room before `outstanding` of these lines falls: turn claims into claims on the goods that landed, in
    order of service, then release those that no longer fit, last in the queue first. Nothing new is claimed here.
    """


@dataclass(frozen=True)
class LineClaim:
    """A quantity of a purchase order line that is meant for a document."""

    line_id: int
    document: str
    quantity: Decimal


@hook
def claims_on_lines(session: Session, line_ids: Sequence[int]) -> list[LineClaim]:
    """For whom these purchase order lines are meant, first in the queue first. The answers are put together."""
