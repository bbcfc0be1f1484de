"""What the check finds where purchase allocations, and what receipts made of them, contradict each other."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from modules.preorder.queries import broken_invariants
from modules.procurement import services as procurement
from modules.procurement.domain import Delivery
from tests.support.inventory_lots import make_location, make_product
from tests.support.preorder import allocate_purchase
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_order


@pytest.fixture
def converted(session: Session) -> None:
    """Two orders wait for 6 and 4 of a purchase order of 14; of 8 that came, 6 and 2 are theirs."""
    product, location = make_product(session), make_location(session)
    lines = [make_order(session, [(product, quantity)]).lines[0] for quantity in (6, 4)]
    (purchase,) = make_purchase_order(session, [(product, 14)]).lines
    for line, quantity in zip(lines, (6, 4), strict=True):
        allocate_purchase(session, line, purchase, quantity)
    procurement.receive(session, Delivery(purchase.id, Decimal(8), location.id, lot_number="R1"))
    session.commit()


OF_FIRST = "WHERE id = (SELECT min(id) FROM preorder_conversion)"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (f"preorder_conversion SET quantity = quantity + 10000 {OF_FIRST}", "7 of it into allocations, only 6 are"),
        (f"preorder_conversion SET quantity = quantity + 10000 {OF_FIRST}", "9 of it are allocations"),
        (
            f"preorder_conversion SET allocation_id = (SELECT max(id) FROM sales_allocation) {OF_FIRST}",
            "its documents are not about the same lines and balance.",
        ),
        (
            f"preorder_conversion SET backorder_id = (SELECT max(id) FROM sales_backorder) {OF_FIRST}",
            "its documents are not about the same lines and balance.",
        ),
        ("procurement_purchase_order_line SET allocated = 0", "allocated is 0, its purchase allocations hold 2."),
        (
            "sales_backorder SET quantity = quantity - 10000 WHERE state = 'open'",
            "2 are on purchase orders, only 1 are on backorder.",
        ),
        (
            "sales_order_line SET incoming = incoming + 10000 WHERE incoming > 0",
            "incoming is 3, 2 are reserved for it.",
        ),
        (
            "sales_order_line SET last_incoming_on = '2020-01-01' WHERE incoming > 0",
            "something of what is incoming comes after 2020-01-01.",
        ),
    ],
)
def test_the_check_names_what_does_not_add_up(session: Session, converted: None, change: str, says: str) -> None:
    assert list(broken_invariants(session)) == []
    session.execute(text(f"UPDATE {change}"))
    assert any(says in breach for breach in broken_invariants(session))
