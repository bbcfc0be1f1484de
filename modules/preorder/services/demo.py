"""The demo company's preorders: a launch to come, purchase allocations, and a promise that will be broken."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import from_raw
from modules.inventory_lots.models import Product
from modules.inventory_lots.queries import product_ids_by_sku, products_by_sku
from modules.inventory_lots.services import DemoSku, lock_products
from modules.preorder import queries
from modules.preorder.domain import PreorderTerms
from modules.preorder.services.manual_allocations import allocate_by_hand
from modules.preorder.services.on_hand_changes import Key, save_on_hand_changes
from modules.preorder.services.products import save_product
from modules.sales.models import Customer, OrderLine
from modules.sales.queries import Scope
from modules.sales.services import NewLine, NewOrder, create_confirmed, serve_products, set_promise_dates

S = DemoSku

LAUNCHED = S.headphones
ALLOCATED = (S.headphones, S.board_game)
LATE = S.board_game
WEB_ORDERS = (("WEB-1001", "MORI", 3, "12"), ("WEB-1002", "BRIGHT", 2, "20"), ("WEB-1003", "LINDEN", 1, "35"))
CHANGES = ((S.enamel_mug, 12, "-40", "Christmas fair"), (S.desk_lamp, 25, "10", "Back from the showroom"))


def load_demo(session: Session) -> None:
    """Load a product before its launch, purchase allocations, and scheduled on-hand changes."""
    lock_products(session, [product.id for product in products_by_sku(session, DemoSku).values()])
    products = products_by_sku(session, DemoSku)
    today = clock.today()
    terms = PreorderTerms(True, today + timedelta(days=45), Decimal(80))
    save_product(session, products[LAUNCHED], terms)
    _take_orders(session, products[LAUNCHED])
    for sku in ALLOCATED:
        _allocate_first(session, products_by_sku(session, [sku])[sku].id)
    _promise_too_much(session, products_by_sku(session, [LATE])[LATE].id)
    ids = product_ids_by_sku(session, DemoSku)
    changes = {
        Key(ids[sku], today + timedelta(days=days), note): Decimal(number) for sku, days, number, note in CHANGES
    }
    save_on_hand_changes(session, changes)


def _take_orders(session: Session, product: Product) -> None:
    product_id = product.id
    codes = [code for _, code, *_ in WEB_ORDERS]
    customers = dict(session.execute(select(Customer.code, Customer.id).where(Customer.code.in_(codes))).all())
    orders = [
        NewOrder(
            number=number,
            customer_id=customers[code],
            ordered_at=clock.now() - timedelta(days=days_ago),
            lines=[NewLine(product_id, Decimal(quantity), unit_price=Decimal("129.00"))],
        )
        for number, code, days_ago, quantity in WEB_ORDERS
    ]
    create_confirmed(session, orders)
    serve_products(session, [product_id])


def _allocate_first(session: Session, product_id: int) -> None:
    """Allocate what comes first to the first in the queue."""
    waiting = queries.uncovered_backorders(session, Scope((product_id,)))
    available = queries.available_lines(session, [product_id])
    if waiting and available:
        quantity = from_raw(min(waiting[0].quantity, available[0].quantity))
        allocate_by_hand(session, {(waiting[0].line_id, available[0].line_id): quantity})


def _promise_too_much(session: Session, product_id: int) -> None:
    """Promise the first allocated line an earlier day than its expected date."""
    first = session.scalars(queries.open_purchase_allocations(session, OrderLine.product_id == product_id)).first()
    dates = {first.line_id: clock.today() + timedelta(days=10)} if first else {}
    set_promise_dates(session, dates, cause="edit", pin=True, why="Promised on the telephone", notify=False)
