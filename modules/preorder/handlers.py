"""What preorder does when sales and procurement announce something."""

from __future__ import annotations

from sqlalchemy.orm import Session

from modules.preorder import services
from modules.procurement.events import SupplyChanged
from modules.sales.events import LinesServed
from modules.sales.queries import Scope
from modules.sales.services import offer_incoming_supply


def follow_backorders(session: Session, event: LinesServed) -> None:
    """Write what a run planned of purchase orders, shrink purchase allocations to the open backorders, and promise."""
    services.shrink_purchase_allocations(session, event.shrunk)
    services.write_planned(session, event)
    services.promise_in_scope(session, Scope(event.product_ids, event.line_ids))


def allocate_new_supply(session: Session, event: SupplyChanged) -> None:
    """Allocate supply that came, grew or was released to the queue."""
    offer_incoming_supply(session, event.product_ids)
