"""Supply that is lost, or lands where it may not be used: its orders are covered elsewhere at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from modules.inventory_lots.services import hold_lot
from modules.inventory_lots.states import LocationKind
from modules.preorder import services
from modules.preorder.domain import PreorderTerms
from modules.procurement import services as procurement
from modules.procurement.domain import Delivery
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales import services as sales
from modules.sales.errors import LinesRefused
from modules.sales.models import Backorder, OrderLine
from modules.sales.states import BackorderState, OrderState
from tests.support.inventory_lots import make_location, make_lot, make_product, make_stock
from tests.support.preorder import make_preorder_product, purchase_allocations_of
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_draft, make_order

DECEMBER, JANUARY = date(2026, 12, 1), date(2027, 1, 10)


@pytest.fixture
def covered(session: Session, auto: None) -> tuple[OrderLine, PurchaseOrder, PurchaseOrder]:
    """A line of 6 that is allocated to the earlier of two purchase orders."""
    product = make_product(session)
    early, late = (make_purchase_order(session, [(product, 6, day)]) for day in (DECEMBER, JANUARY))
    line = make_order(session, [(product, 6)]).lines[0]
    assert sources(session, line) == {early.lines[0].id: 6}
    return line, early, late


def sources(session: Session, line: OrderLine) -> dict[int, Decimal]:
    return {row.purchase_line_id: row.outstanding for row in purchase_allocations_of(session, line)}


def receive(session: Session, line: PurchaseOrderLine, quantity: int, place: str, lot: str) -> None:
    location = make_location(session, place, kind=LocationKind.quarantine if place == "WH/QA" else LocationKind.stock)
    session.commit()
    procurement.receive(session, Delivery(line.id, Decimal(quantity), location.id, lot))
    session.commit()


def test_a_cancelled_purchase_order_leaves_the_backorder_open_and_covered_by_another(
    session: Session, covered: tuple[OrderLine, PurchaseOrder, PurchaseOrder]
) -> None:
    line, early, late = covered
    procurement.cancel_order(session, early.id)
    session.commit()
    assert sources(session, line) == {late.lines[0].id: 6}
    backorder = session.scalars(select(Backorder)).one()
    assert (backorder.state, backorder.open_quantity, line.order.state) == (
        BackorderState.open,
        6,
        OrderState.confirmed,
    )


def test_goods_that_land_in_quarantine_are_made_up_for_from_another_order(
    session: Session, covered: tuple[OrderLine, PurchaseOrder, PurchaseOrder]
) -> None:
    line, early, late = covered
    receive(session, early.lines[0], 4, "WH/QA", "R1")
    # 2 of the early order are still to come, and stay; with `skip` the 4 that are missing fit in the later one.
    assert sources(session, line) == {early.lines[0].id: 2, late.lines[0].id: 4}
    assert line.allocated == 0


def test_goods_of_a_lot_on_hold_convert_nothing(
    session: Session, covered: tuple[OrderLine, PurchaseOrder, PurchaseOrder]
) -> None:
    line, early, late = covered
    lot = make_lot(session, line.product, "HELD")
    hold_lot(session, lot.id)
    session.commit()
    receive(session, early.lines[0], 6, "WH/A", "HELD")
    assert (line.allocated, sources(session, line)) == (0, {late.lines[0].id: 6})


def test_what_was_shipped_of_a_limit_is_not_free_again(session: Session, at: Callable[[str], None]) -> None:
    product = make_preorder_product(session, limit=10)
    make_stock(session, product, 8)
    order = make_order(session, [(product, 8)])
    at("2027-01-15T12:00:00Z")
    sales.pack_order(session, order.id)
    session.commit()
    assert order.state is OrderState.done
    services.save_product(session, product, PreorderTerms(True, date(2027, 6, 1), Decimal(10)))
    session.commit()
    with pytest.raises(LinesRefused, match="2 of the preorder limit of 10 are left"):
        make_order(session, [(product, 3)])
    session.rollback()
    sales.confirm(session, make_draft(session, [(product, 2)]).id)
