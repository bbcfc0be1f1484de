"""Why incoming supply is or is not used for a sales order line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy.orm import Session

from modules.preorder import queries
from tests.support.inventory_lots import make_product
from tests.support.preorder import allocate_purchase
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_order

DECEMBER = date(2026, 12, 1)
JANUARY = date(2027, 1, 10)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, "4 still available (automatic allocation is off: a clerk may allocate it); expected 01 Dec 2026."),
        (
            {"preorder.auto_allocate": "yes"},
            "4 still available (less than the 9 that are not covered: a clerk may allocate it); expected 01 Dec 2026.",
        ),
        (
            {"sales.backorders": "no"},
            "4 still available (backorders are switched off, so nothing is allocated); expected 01 Dec 2026.",
        ),
    ],
)
def test_the_explanation_says_why_supply_is_not_allocated_to_a_line(
    session: Session, set_option: Callable[[str, str], None], settings: dict[str, str], reason: str
) -> None:
    for key, value in settings.items():
        set_option(key, value)
    product = make_product(session)
    order = make_order(session, [(product, 9)])
    make_purchase_order(session, [(product, 4, DECEMBER)], number="PO-1")
    (note,) = queries.supply_notes(session, order.lines[0])
    assert (note.supply, note.quantity, note.reason) == ("Purchase order PO-1/1", 4, reason)


def test_the_explanation_says_what_is_allocated_to_the_line_and_to_others(
    session: Session, set_option: Callable[[str, str], None]
) -> None:
    set_option("preorder.past_due_supply_days", "5")
    product = make_product(session)
    mine, other = make_order(session, [(product, 9)]), make_order(session, [(product, 9)])
    supply = make_purchase_order(session, [(product, 5, DECEMBER), (product, 2, date(2026, 11, 1))])
    allocate_purchase(session, mine.lines[0], supply.lines[0], 2)
    allocate_purchase(session, other.lines[0], supply.lines[0], 3)
    assert [note.reason for note in queries.supply_notes(session, mine.lines[0])] == [
        "2 allocated to this line, 3 allocated to other orders; expected 01 Dec 2026.",
        "2 still available (overdue by more than 5 days, so nothing is allocated to it); expected 01 Nov 2026, "
        "overdue by 22 days, counted on no day.",
    ]
