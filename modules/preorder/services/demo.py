"""The demo company's preorders: a launch to come, supply meant for customers, and a promise that will not be kept."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import from_raw
from modules.inventory_lots.models import Product
from modules.inventory_lots.queries import products_by_sku
from modules.inventory_lots.services import DemoSku, lock_products
from modules.preorder import queries
from modules.preorder.domain import PreorderTerms
from modules.preorder.services.launches import save_product
from modules.preorder.services.on_hand_changes import save_on_hand_changes
from modules.preorder.services.purchase_allocations import allocate_by_hand
from modules.procurement.queries import unallocated_supply
from modules.sales.models import Customer, OrderLine
from modules.sales.queries import Scope
from modules.sales.services import NewLine, NewOrder, create_confirmed, serve_products, set_promise_dates

S = DemoSku

LAUNCHED = S.headphones
LINKED = (S.headphones, S.board_game)
LATE = S.board_game
WEB_ORDERS = (("WEB-1001", "MORI", 3, "12"), ("WEB-1002", "BRIGHT", 2, "20"), ("WEB-1003", "LINDEN", 1, "35"))
CHANGES = ((S.enamel_mug, 12, "-40", "Christmas fair"), (S.desk_lamp, 25, "10", "Back from the showroom"))


def load_demo(session: Session) -> None:
    """Give the demo company a product before its launch, links to what is on its way, and planned changes of stock."""
    lock_products(session, [product.id for product in products_by_sku(session, DemoSku).values()])
    products = products_by_sku(session, DemoSku)
    today = clock.today()
    terms = PreorderTerms(True, today + timedelta(days=45), Decimal(80))
    save_product(session, products[LAUNCHED], terms)
    _take_orders(session, products[LAUNCHED])
    for sku in LINKED:
        _allocate_first(session, products_by_sku(session, [sku])[sku].id)
    _promise_too_much(session, products_by_sku(session, [LATE])[LATE].id)
    ids = {sku: product.id for sku, product in products_by_sku(session, DemoSku).items()}
    changes = {(ids[sku], today + timedelta(days=days), note): Decimal(number) for sku, days, number, note in CHANGES}
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
    """Link the first in the queue to what comes first."""
    waiting = queries.uncovered_backorders(session, Scope((product_id,)))
    incoming = session.execute(unallocated_supply(session, [product_id])).all()
    if waiting and incoming:
        (line_id, _, remainder), (purchase_line_id, _, left, _) = waiting[0], incoming[0]
        allocate_by_hand(session, {(line_id, purchase_line_id): from_raw(min(remainder, left))})


def _promise_too_much(session: Session, product_id: int) -> None:
    """Let somebody have promised an earlier day than the supply says."""
    purchase_allocated = session.scalars(queries.open_purchase_allocations(OrderLine.product_id == product_id)).first()
    dates = {purchase_allocated.line_id: clock.today() + timedelta(days=10)} if purchase_allocated else {}
    set_promise_dates(session, dates, cause="edit", pin=True, why="Promised on the telephone", notify=False)
