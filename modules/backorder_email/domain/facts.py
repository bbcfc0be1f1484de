"""What a template can read about an order, and a sample of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal

from erp.text import say
from modules.backorder_email.states import Cause


@dataclass(frozen=True)
class OrderFacts:
    """`order` in a template."""

    number: str
    ordered_at: datetime


@dataclass(frozen=True)
class CustomerFacts:
    """`customer` in a template."""

    name: str


@dataclass(frozen=True)
class CompanyFacts:
    """`company` in a template."""

    name: str


@dataclass(frozen=True)
class LineFacts:
    """One of `lines` in a template."""

    sku: str
    name: str
    quantity: Decimal
    unit: str
    promise_date: date | None
    old_promise_date: date | None
    purchase_order: str
    expected_on: date | None


@dataclass(frozen=True)
class MessageFacts:
    """All that a template can read."""

    order: OrderFacts
    customer: CustomerFacts
    company: CompanyFacts
    cause: str
    status: str
    lines: tuple[LineFacts, ...]
    about: Mapping[str, str] = field(default_factory=dict)


VARIABLES: tuple[tuple[str, str], ...] = (
    ("order.number", say("the number of the sales order")),
    ("order.ordered_at", say("when it was ordered")),
    ("customer.name", say("the customer who ordered")),
    ("company.name", say("your company (option erp.company_name)")),
    (
        "cause",
        say("why it is written: purchase_allocated, status_changed, date_changed, cancelled or announced"),
    ),
    ("status", say("the purchase line status, empty where there is none")),
    ("lines", say("the order lines it is about; go through them with {% for line in lines %}")),
    ("line.sku", say("the product's SKU")),
    ("line.name", say("the product's name")),
    (
        "line.quantity",
        say("the quantity that is on the purchase order, waits, was cancelled or is announced"),
    ),
    ("line.unit", say("the product's unit")),
    ("line.promise_date", say("the promise date now, or nothing")),
    ("line.old_promise_date", say("the promise date that the customer knew before, or nothing")),
    ("line.purchase_order", say("the number of the purchase order, or nothing")),
    (
        "line.expected_on",
        say("when all that is open of the line is expected to leave, as every screen says it, or nothing"),
    ),
)


def digest(facts: MessageFacts) -> str:
    """Return a short text that is the same for equal facts and differs for others."""
    return hashlib.sha256(repr(facts).encode("utf-8", "replace")).hexdigest()


def sample_facts(cause: Cause, about: Mapping[str, str] | None = None) -> MessageFacts:
    """Return what a template can read of a made-up order; `about` are the values of an announcement."""
    return MessageFacts(
        OrderFacts("SO00042", datetime(2026, 11, 2, 9, 30, tzinfo=UTC)),
        CustomerFacts("Example Ltd"),
        CompanyFacts("My Company"),
        cause.value,
        "Delayed" if cause in (Cause.purchase_allocated, Cause.status_changed) else "",
        tuple(_sample_line(number, cause) for number in (1, 2)),
        about or {},
    )


def _sample_line(number: int, cause: Cause) -> LineFacts:
    line = LineFacts(
        sku=f"P-100{number}",
        name="Ball bearing",
        quantity=Decimal(number * 3),
        unit="pcs",
        promise_date=date(2026, 12, 1),
        old_promise_date=date(2026, 11, 20) if cause is Cause.date_changed else None,
        purchase_order="PO00007",
        expected_on=date(2026, 11, 30),
    )
    return replace(line, purchase_order="", expected_on=None) if cause in (Cause.cancelled, Cause.announced) else line
