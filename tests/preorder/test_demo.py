"""The demo company's preorders."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from erp.registry import current_registry
from modules.inventory_lots.services import DemoSku
from modules.preorder import queries
from modules.preorder.models import PurchaseAllocation
from modules.sales.models import Backorder, OrderLine
from modules.sales.states import BackorderKind


def test_the_demo_has_a_preorder_purchase_allocations_a_late_line_and_an_uncovered_backorder(session: Session) -> None:
    registry = current_registry()
    for load in registry.live(registry.demos):
        load(session)
        session.commit()
    purchase_allocations = session.scalars(select(PurchaseAllocation)).all()
    assert {row.line.product.sku for row in purchase_allocations} >= {DemoSku.headphones, DemoSku.board_game}
    kinds = session.scalars(select(Backorder.kind).join(Backorder.line).where(OrderLine.is_preorder.is_(True)))
    assert set(kinds) == {BackorderKind.preorder}
    late = session.scalars(select(OrderLine).where(queries.is_late_line(clock.today()))).all()
    assert [line.product.sku for line in late] == [DemoSku.board_game]
    assert session.scalars(select(OrderLine.id).where(queries.is_unallocated())).all()
    assert [breach for check in registry.live(registry.checks) for breach in check(session)] == []
