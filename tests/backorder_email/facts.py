"""Facts for tests of templates, and a short way to render one."""

from datetime import UTC, date, datetime
from decimal import Decimal

from modules.backorder_email.domain.facts import CompanyFacts, CustomerFacts, LineFacts, MessageFacts, OrderFacts
from modules.backorder_email.domain.templates import Wording, render

LINE = LineFacts(
    sku="P-1",
    name="Brass screw",
    quantity=Decimal("2.5"),
    unit="pcs",
    promise_date=date(2026, 12, 1),
    old_promise_date=None,
    purchase_order="PO1",
    expected_on=date(2026, 11, 30),
)


def facts(**overrides):
    values = {
        "order": OrderFacts("SO1", datetime(2026, 11, 2, 9, 30, tzinfo=UTC)),
        "customer": CustomerFacts("Acme"),
        "company": CompanyFacts("Us"),
        "cause": "purchase_allocated",
        "status": "Delayed",
        "lines": (LINE, LINE),
    }
    return MessageFacts(**values | overrides)


def text_of(body, **overrides):
    return render(Wording("S", body), facts(**overrides)).text.rstrip("\n")
