"""Writing what a run planned of purchase orders."""

from __future__ import annotations

from sqlalchemy.orm import Session

from modules.preorder.domain import PURCHASE_LINE
from modules.preorder.services.purchase_allocations import Reservation, write_purchase_allocations
from modules.preorder.services.rebalancing import exchange_supply
from modules.preorder.services.releases import release_planned
from modules.sales.events import LinesServed
from modules.sales.rebalancing import Exchange
from modules.sales.states import AllocationSource


def write_planned(session: Session, event: LinesServed) -> None:
    """Write what a run planned of purchase orders: what lines give back, what they exchange, then what they get.

    The run has counted it on the lines.
    """
    given_back = {each.holding_id: each.quantity for each in event.given_back if each.kind == PURCHASE_LINE}
    exchanges = [Exchange(*exchange) for kind, *exchange in event.exchanged if kind == PURCHASE_LINE]
    taken = [
        Reservation(each.line_id, each.supply_id, each.quantity) for each in event.taken if each.kind == PURCHASE_LINE
    ]
    release_planned(session, given_back)
    exchange_supply(session, exchanges)
    write_purchase_allocations(session, taken, AllocationSource.automatic)
