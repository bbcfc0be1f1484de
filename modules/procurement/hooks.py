"""What procurement asks before supply is lost or comes later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from erp.events import hook
from erp.text import plural, say
from modules.procurement.events import Freed


@dataclass(frozen=True)
class OutstandingFall:
    """What a purchase order line will have outstanding, and the balance that its goods went into.

    `landed_quantity` is what the receipt brought into `balance_id`; without a receipt, supply is lost. Goods of
    one line that went into several balances are several falls, in order, each with what it leaves outstanding.
    """

    line_id: int
    outstanding: Decimal
    balance_id: int | None = None
    landed_quantity: Decimal = Decimal(0)
    receipt_id: int | None = None


@hook
def outstanding_will_fall(session: Session, changes: Sequence[OutstandingFall]) -> None:
    """Make room before `outstanding` of these lines falls. A receipt asks for those of which something is allocated.

    First turn purchase allocations into allocations of the received goods, in order of service; then release the
    purchase allocations that no longer fit, last in the queue first. Allocate nothing else.
    """


@dataclass(frozen=True)
class ReceiptFall:
    """A quantity of a receipt that is about to be taken back from its balance."""

    receipt_id: int
    balance_id: int
    quantity: Decimal


@hook
def receipt_will_fall(session: Session, fall: ReceiptFall) -> list[Freed]:
    """Make room before goods of a receipt are taken back; it writes, as `outstanding_will_fall` does.

    Free what this receipt turned into allocations of its balance, latest in the queue first, as far as unallocated
    stock does not suffice. What more is needed is released by stock's own hook. The answers are passed on in
    ReceiptReversed, once the line counts the goods as outstanding again.
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


@dataclass(frozen=True)
class NewsPreview:
    """Whom a change would notify by email, said before it is saved.

    `customers` is their number, `without_address` how many others have no usable address, `template` the name of the
    template, and `sample` the path of a page that shows one message as it would leave. Where nobody would be notified,
    `reason` says why.
    """

    customers: int = 0
    without_address: int = 0
    template: str = ""
    sample: str = ""
    reason: str = ""

    def __str__(self) -> str:
        if not self.customers:
            return self.reason
        others = (
            say("; {number} more without an email address", number=self.without_address) if self.without_address else ""
        )
        return say(
            "{customers} would be notified with the template {template}{others}.",
            customers=plural(self.customers, "customer"),
            template=self.template,
            others=others,
        )


@hook
def status_news(session: Session, line_ids: Sequence[int]) -> Mapping[int, NewsPreview]:
    """Whom it would notify if these purchase order lines got a status, by the id of the status.

    Asked before a status is chosen; nothing is written. A status that notifies nobody is left out.
    """


@hook
def arrival_news(session: Session, line_ids: Sequence[int]) -> NewsPreview | None:
    """Whom it would notify if the expected dates of these purchase order lines changed; None where nobody."""
