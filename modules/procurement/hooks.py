"""What procurement asks before supply is lost or comes later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from erp.events import hook


@dataclass(frozen=True)
class OutstandingFall:
    """What a purchase order line will have outstanding, and the balance that its goods went into.

    `landed_quantity` is what was received into `balance_id`; they are 0 and None when supply is lost instead. Goods of
    one line that went into several balances are several falls, in order, each with what it leaves outstanding.
    """

    line_id: int
    outstanding: Decimal
    balance_id: int | None = None
    landed_quantity: Decimal = Decimal(0)


@hook
def outstanding_will_fall(session: Session, changes: Sequence[OutstandingFall]) -> None:
    """Make room before `outstanding` of these lines falls.

    First turn purchase allocations into allocations of the received goods, in order of service; then release the
    purchase allocations that no longer fit, last in the queue first. Allocate nothing else.
    """


@dataclass(frozen=True)
class LineAllocation:
    """A quantity of a purchase order line that is allocated to a document, such as a sales order."""

    line_id: int
    document: str
    quantity: Decimal


@hook
def allocations_of_lines(session: Session, line_ids: Sequence[int]) -> list[LineAllocation]:
    """What these purchase order lines are allocated to, first in the queue first. All answers count."""


@dataclass(frozen=True)
class Impact:
    """A promise that a new expected date would break, and what else could keep it.

    `document` and `document_id` name the page of the order (`sales.order`, 7), `name` is the order's number.
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
    """Which promises would break if these purchase order lines were expected on these dates (None: date unknown).

    Asked before the dates are saved; nothing is written. All answers count.
    """
