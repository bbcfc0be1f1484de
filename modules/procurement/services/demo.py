"""The demo company's suppliers and purchase orders: in time, late, undated, partly received, and a draft."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from erp import clock
from erp.contacts import ContactData, address, contacts_by_code, save_contacts
from modules.inventory_lots.models import Product
from modules.inventory_lots.queries import products_by_sku
from modules.inventory_lots.services import DemoSku, find_or_make_location, lock_products
from modules.procurement import queries
from modules.procurement.domain import Delivery, LineValues, OrderHead, StatusData
from modules.procurement.models import PurchaseOrder, Supplier
from modules.procurement.services.orders import create_order, place_order
from modules.procurement.services.receipts import receive
from modules.procurement.services.statuses import save_statuses

S = DemoSku

SUPPLIERS = (
    ContactData(
        "FERRO",
        "Ferro Fasteners",
        "sales@ferro-fasteners.example",
        address("Ironstrasse 9", "44135", "Dortmund", "", "Germany"),
    ),
    ContactData(
        "LUMEN", "Lumen Home", "orders@lumen-home.example", address("Via Orefici 2", "20123", "Milan", "MI", "Italy")
    ),
    ContactData(
        "TIDE",
        "Tide Audio",
        "b2b@tide-audio.example",
        address("Dock Street 31", "NR32 1PL", "Lowestoft", "Suffolk", "United Kingdom"),
    ),
    ContactData(
        "ORBIT",
        "Orbit Publishing",
        "trade@orbit-publishing.example",
        address("Keizersgracht 215", "1016 DV", "Amsterdam", "", "Netherlands"),
    ),
)
STATUSES = (
    StatusData("Ordered", 1, is_default=True),
    StatusData("Confirmed by supplier", 2),
    StatusData("Shipped", 3),
    StatusData("Delayed", 4),
)


@dataclass(frozen=True)
class DemoLine:
    """A quantity of a product, its cost, in how many days it is expected (None: unknown), and what was received."""

    sku: DemoSku
    quantity: str
    unit_cost: str
    expected: int | None
    status: str = "Ordered"
    received: str = ""


@dataclass(frozen=True)
class DemoPurchase:
    """A purchase order of a supplier, how many days ago it was ordered, its lines, and whether it is no draft."""

    supplier: str
    days_ago: int
    lines: tuple[DemoLine, ...]
    is_ordered: bool = True


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
    DemoPurchase("ORBIT", 12, (DemoLine(S.board_game, "50", "17.50", 14, "Shipped", received="10"),)),
    DemoPurchase("TIDE", 6, (DemoLine(S.speaker, "20", "40.00", 30), DemoLine(S.action_camera, "6", "221.00", None))),
    DemoPurchase("LUMEN", 0, (DemoLine(S.desk_lamp, "30", "27.00", 21),), is_ordered=False),
)


def load_demo(session: Session) -> None:
    """Give the demo company its suppliers, line statuses and purchase orders."""
    save_contacts(session, Supplier, SUPPLIERS)
    save_statuses(session, STATUSES)
    lock_products(session, [product.id for product in products_by_sku(session, DemoSku).values()])
    products = products_by_sku(session, DemoSku)
    for purchase in PURCHASES:
        order = _create(session, purchase, products)
        if purchase.is_ordered:
            place_order(session, order.id)
        _receive(session, order, purchase)


def _create(session: Session, purchase: DemoPurchase, products: dict[str, Product]) -> PurchaseOrder:
    today = clock.today()
    supplier = contacts_by_code(session, Supplier, [purchase.supplier])[purchase.supplier]
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
    location, _ = find_or_make_location(session, "WH/STOCK")
    for line, wanted in zip(order.lines, purchase.lines, strict=True):
        if wanted.received:
            receive(session, Delivery(line.id, Decimal(wanted.received), location.id, f"{order.name}-1"))
