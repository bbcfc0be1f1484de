"""What procurement asks before it takes supply away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
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
class LineAllocation:
    """A quantity of a purchase order line that is meant for a document."""

    line_id: int
    document: str
    quantity: Decimal


@hook
def allocations_of_lines(session: Session, line_ids: Sequence[int]) -> list[LineAllocation]:
    """For whom these purchase order lines are meant, first in the queue first. The answers are put together."""


@dataclass(frozen=True)
class Impact:
    """A promise that a new expected date would break: whose, how, and what else could keep it.

    `document` and `document_id` name the page of the order (`sales.order`, 7), `name` is what people call it.
    `text` is a sentence with the promised date, the new one and the days between; `instead` names other supply.
    """

    line_id: int
    document: str
    document_id: int
    name: str
    text: str
    instead: tuple[str, ...] = ()


@hook
def arrival_impact(session: Session, dates: Mapping[int, date | None]) -> list[Impact]:
    """Which promises would break if these purchase order lines were expected on these dates (None: on no known day).

    Asked before the dates are saved; nothing is written. The answers are put together.
    """
