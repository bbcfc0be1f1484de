"""Procurement's part of the demo company."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from modules.inventory_lots import services as inventory
from modules.procurement import queries
from modules.procurement.models import PurchaseOrder
from modules.procurement.services import load_demo
from modules.procurement.states import PurchaseState


def test_the_demo_company_has_purchase_orders_in_every_open_state(session: Session) -> None:
    inventory.load_demo(session)
    session.commit()
    load_demo(session)
    session.commit()
    states = set(session.scalars(select(PurchaseOrder.state)))
    assert states == {PurchaseState.draft, PurchaseState.ordered, PurchaseState.partly_received}
    assert list(queries.broken_invariants(session)) == []
