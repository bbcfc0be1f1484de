"""What preorder does when sales and procurement announce something."""

from __future__ import annotations

from sqlalchemy.orm import Session

from modules.preorder import services
from modules.procurement.events import SupplyChanged
from modules.sales.events import LinesServed
from modules.sales.queries import Scope


def follow_backorders(session: Session, event: LinesServed) -> None:
    """Shrink purchase allocations to the open backorders; where allowed, rebalance and allocate; promise."""
    services.shrink_purchase_allocations(session, event.shrunk)
    scope = Scope(event.product_ids, event.line_ids)
    if event.may_cover:
        services.rebalance_in_run(session, scope)
        services.allocate_incoming_supply(session, scope)
    services.promise_in_scope(session, scope)


def allocate_new_supply(session: Session, event: SupplyChanged) -> None:
    """Allocate supply that came, grew or was released to the queue."""
    scope = Scope(event.product_ids)
    services.rebalance_in_run(session, scope)
    services.allocate_incoming_supply(session, scope)
    services.promise_in_scope(session, scope)
