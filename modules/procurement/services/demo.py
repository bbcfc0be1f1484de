"""The demo company's suppliers and what is on its way: in time, late, undated, come in part, and not sent yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from erp import clock
from modules.inventory_lots.models import Product
from modules.inventory_lots.queries import products_by_sku
from modules.inventory_lots.services import DemoSku, find_or_make_location, lock_products
from modules.procurement import queries
from modules.procurement.domain import LineValues, OrderHead, StatusData, SupplierData
from modules.procurement.models import PurchaseOrder
from modules.procurement.services.orders import create_order
from modules.procurement.services.orders import order as send
from modules.procurement.services.receipts import receive
from modules.procurement.services.statuses import save_statuses
from modules.procurement.services.suppliers import save_suppliers

S = DemoSku

SUPPLIERS = (
    SupplierData("FERRO", "Ferro Fasteners", "sales@ferro-fasteners.example"),
    SupplierData("LUMEN", "Lumen Home", "orders@lumen-home.example"),
    SupplierData("TIDE", "Tide Audio", "b2b@tide-audio.example"),
    SupplierData("ORBIT", "Orbit Publishing", "trade@orbit-publishing.example"),
)
STATUSES = (
    StatusData("Ordered", 1, is_default=True),
    StatusData("Confirmed by supplier", 2),
    StatusData("Shipped", 3),
    StatusData("Delayed", 4),
)


@dataclass(frozen=True)
class DemoLine:
    """So much of a product at a cost, expected in so many days (None: nobody knows), and how much of it has come."""

    sku: DemoSku
    quantity: str
    unit_cost: str
    expected: int | None
    status: str = "Ordered"
    arrived: str = ""


@dataclass(frozen=True)
class DemoPurchase:
    """A purchase order: from whom, ordered how many days ago, of what, and whether it is sent."""

    supplier: str
    days_ago: int
    lines: tuple[DemoLine, ...]
    is_sent: bool = True


PURCHASES = (
    DemoPurchase(
        "FERRO",
        20,
        (
            DemoLine(S.tapping_screw, "1000", "0.03", -3, "Delayed"),
            DemoLine(S.brass_screw, "200", "0.05", 6, "Confirmed by supplier"),
        ),
    ),
    DemoPurchase(
        "TIDE",
        15,
        (
            DemoLine(S.speaker, "40", "41.00", 9, "Shipped"),
            DemoLine(S.headphones, "60", "55.00", 35, "Confirmed by supplier"),
        ),
    ),
    DemoPurchase("ORBIT", 12, (DemoLine(S.board_game, "50", "17.50", 14, "Shipped", arrived="10"),)),
    DemoPurchase("TIDE", 6, (DemoLine(S.speaker, "20", "40.00", 30), DemoLine(S.action_camera, "6", "221.00", None))),
    DemoPurchase("LUMEN", 0, (DemoLine(S.desk_lamp, "30", "27.00", 21),), is_sent=False),
)


def load_demo(session: Session) -> None:
    """Give the demo company its suppliers, line statuses and purchase orders."""
    save_suppliers(session, SUPPLIERS)
    save_statuses(session, STATUSES)
    lock_products(session, [product.id for product in products_by_sku(session, DemoSku).values()])
    products = products_by_sku(session, DemoSku)
    for purchase in PURCHASES:
        order = _make(session, purchase, products)
        if purchase.is_sent:
            send(session, order)
        _receive(session, order, purchase)


def _make(session: Session, purchase: DemoPurchase, products: dict[str, Product]) -> PurchaseOrder:
    today = clock.today()
    supplier = queries.suppliers_by_code(session, [purchase.supplier])[purchase.supplier]
    statuses = queries.statuses_by_name(session, [line.status for line in purchase.lines])
    lines = [
        LineValues(
            product_id=products[line.sku].id,
            quantity=Decimal(line.quantity),
            unit_cost=Decimal(line.unit_cost),
            expected_on=_day(today, line.expected),
            status_id=statuses[line.status].id,
        )
        for line in purchase.lines
    ]
    head = OrderHead(supplier.id, today - timedelta(days=purchase.days_ago))
    return create_order(session, head, lines=lines)


def _day(today: date, days: int | None) -> date | None:
    return None if days is None else today + timedelta(days=days)


def _receive(session: Session, order: PurchaseOrder, purchase: DemoPurchase) -> None:
    place, _ = find_or_make_location(session, "WH/STOCK")
    for line, wanted in zip(order.lines, purchase.lines, strict=True):
        if wanted.arrived:
            receive(session, line, quantity=Decimal(wanted.arrived), location=place, lot_number=f"{order.name}-1")
