"""What a template is told about an order, and the message that comes of it."""

from __future__ import annotations

import hashlib
import re
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from types import TracebackType

from jinja2.exceptions import TemplateError

from modules.backorder_email.domain.language import MAX_SOURCE, rendered
from modules.backorder_email.errors import TemplateRefused
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


VARIABLES: tuple[tuple[str, str], ...] = (
    ("order.number", "the number of the sales order"),
    ("order.ordered_at", "when it was ordered"),
    ("customer.name", "who ordered"),
    ("company.name", "your company (option erp.company_name)"),
    ("cause", "why the email is written: linked, status_changed, date_changed or cancelled"),
    ("status", "the purchase line status, empty where there is none"),
    ("lines", "the order lines it is about; go through them with {% for line in lines %}"),
    ("line.sku", "the product's SKU"),
    ("line.name", "the product's name"),
    ("line.quantity", "the quantity that is linked, waits or was cancelled"),
    ("line.unit", "the product's unit"),
    ("line.promise_date", "the promise date now, or nothing"),
    ("line.old_promise_date", "the promise date that the customer was told before, or nothing"),
    ("line.purchase_order", "the number of the purchase order, or nothing"),
    ("line.expected_on", "when the goods are expected, or nothing"),
)


@dataclass(frozen=True)
class Wording:
    """A template's three sources."""

    subject: str
    body: str
    html: str = ""


@dataclass(frozen=True)
class Rendered:
    """A message's three texts, ready to be seen and sent."""

    subject: str
    text: str
    html: str = ""


# What no message needs and some programs obey: control characters, halves of characters, and the marks that turn
# the direction of all text after them. The marks that only belong to a right-to-left word stay.
_HARMFUL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")
_BREAKS = re.compile(r"\r\n?|[\u2028\u2029]")


def clean_text(text: str) -> str:
    """Return a text of many lines without what could harm its reader's screen."""
    return _HARMFUL.sub("", _BREAKS.sub("\n", text.replace("\x85", "\n")))


def clean_line(text: str) -> str:
    """Return a text as one line."""
    return " ".join(_HARMFUL.sub("", " ".join(text.split())).split())


def digest(facts: MessageFacts) -> str:
    """Return a short text that differs when the facts do."""
    return hashlib.sha256(repr(facts).encode("utf-8", "replace")).hexdigest()


def render(wording: Wording, facts: MessageFacts) -> Rendered:
    """Return the message; raise TemplateRefused with the part, the line and the reason."""
    subject = clean_line(_part("subject", wording.subject, facts))
    text = clean_text(_part("body", wording.body, facts)).rstrip()
    html = clean_text(_part("html", wording.html, facts)).strip() if wording.html.strip() else ""
    for part, result in (("subject", subject), ("body", text)):
        if not result.strip():
            raise TemplateRefused(part=part, line=None, reason="nothing is left when it is filled in")
    return Rendered(subject, text + "\n", html)


def _part(part: str, source: str, facts: MessageFacts) -> str:
    if len(source) > MAX_SOURCE:
        raise TemplateRefused(part=part, line=None, reason=f"it is longer than {MAX_SOURCE} characters")
    try:
        return rendered(source, vars(facts), autoescape=part == "html")
    except RecursionError:
        raise TemplateRefused(part=part, line=None, reason="it is nested too deeply") from None
    except (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        reason = str(error).replace("modules.backorder_email.domain.wording.", "") or type(error).__name__
        line = getattr(error, "lineno", None) or _line_of(error.__traceback__)
        raise TemplateRefused(part=part, line=line, reason=reason) from None


def _line_of(trace: TracebackType | None) -> int | None:
    lines = [frame.lineno for frame in traceback.extract_tb(trace) if frame.filename == "<template>"]
    return lines[-1] if lines else None


def check(wording: Wording) -> None:
    """Refuse a template that does not render for an example of any cause; one may be meant for a single cause."""
    for part in ("subject", "body"):
        if not getattr(wording, part).strip():
            raise TemplateRefused(part=part, line=None, reason="it is empty")
    refusals = [refusal for cause in Cause if (refusal := _refusal(wording, cause)) is not None]
    if len(refusals) == len(Cause):
        raise refusals[0]


def _refusal(wording: Wording, cause: Cause) -> TemplateRefused | None:
    try:
        render(wording, example(cause))
    except TemplateRefused as refusal:
        return refusal
    return None


def example(cause: Cause) -> MessageFacts:
    """Return an order that does not exist, to try a template on."""
    return MessageFacts(
        OrderFacts("SO00042", datetime(2026, 11, 2, 9, 30, tzinfo=UTC)),
        CustomerFacts("Example Ltd"),
        CompanyFacts("My Company"),
        cause.value,
        "Delayed" if cause in (Cause.purchase_allocated, Cause.status_changed) else "",
        tuple(_example_line(number, cause) for number in (1, 2)),
    )


def _example_line(number: int, cause: Cause) -> LineFacts:
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
    return replace(line, purchase_order="", expected_on=None) if cause is Cause.cancelled else line


def plain(values: Sequence[str]) -> str:
    """Return several names as one, each once, in order."""
    return ", ".join(dict.fromkeys(value for value in values if value))
