"""The card of stock on the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from erp import clock
from erp.admin import Card
from erp.admin.formatting import counted
from modules.inventory_lots.queries import SOON, attention

STOCK = "/inventory/stock/"


def _numbers(session: Session) -> Sequence[tuple[str, Any, str]]:
    today = clock.today()
    counts = attention(session, today)
    until, yesterday = today + SOON, today - timedelta(days=1)
    return (
        ("Active products", counted(counts.products), "/inventory/products/?flt0_active_is=1"),
        ("Stock on hold", counted(counts.on_hold), f"{STOCK}?flt0_on_hold_is=1"),
        ("Expired stock", counted(counts.expired), f"{STOCK}?flt0_expires_on_to={yesterday}"),
        (
            "Expires within 30 days",
            counted(counts.expires_soon),
            f"{STOCK}?flt0_expires_on_from={today}&flt1_expires_on_to={until}",
        ),
    )


CARD = Card("Inventory", "inventory_lots.view", _numbers)
