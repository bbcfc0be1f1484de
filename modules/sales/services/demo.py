"""The demo company's customers and their orders: some allocated, some short, one packed in part, one still a draft."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from erp import clock
from erp.contacts import address
from modules.inventory_lots.queries import products_by_sku
from modules.inventory_lots.services import DemoSku, lock_products
from modules.sales.models import Customer, Order, OrderLine
from modules.sales.services.orders import confirm
from modules.sales.services.packs import pack_order
from modules.sales.states import ShippingPolicy

S = DemoSku

CUSTOMERS = (
    (
        "ANDERSEN",
        "Andersen Joinery",
        "orders@andersen-joinery.example",
        address("Harbour Road 4", "2100", "Copenhagen", "", "Denmark"),
    ),
    (
        "BRIGHT",
        "Bright Interiors",
        "buying@bright-interiors.example",
        address("14 Rue du Bac", "75007", "Paris", "", "France"),
    ),
    (
        "HARBOUR",
        "Harbour Chandlers",
        "desk@harbour-chandlers.example",
        address("Quay 7", "BT1 3LG", "Belfast", "", "United Kingdom"),
    ),
    (
        "LINDEN",
        "Linden School",
        "office@linden-school.example",
        address("Lindenallee 1", "10115", "Berlin", "", "Germany"),
    ),
    ("MORI", "Mori Games", "hello@mori-games.example", address("2-11 Kanda", "101-0041", "Tokyo", "", "Japan")),
    ("PARK", "Park Street Hardware", "", address("88 Park Street", "02118", "Boston", "MA", "United States")),
)


@dataclass(frozen=True)
class DemoOrder:
    """An order: its customer, how many days ago it came, its lines, and how far it is at the start."""

    customer: str
    days_ago: int
    lines: tuple[tuple[DemoSku, str, str], ...]
    is_confirmed: bool = True
    is_packed: bool = False
    shipping_policy: ShippingPolicy = ShippingPolicy.partial
    priority: int = 0


ORDERS = (
    DemoOrder("ANDERSEN", 9, ((S.brass_screw, "25", "0.12"), (S.tapping_screw, "25", "0.09")), is_packed=True),
    DemoOrder("PARK", 8, ((S.wall_plug, "800", "0.04"), (S.wood_glue, "24", "6.90"), (S.wall_paint, "12", "38.50"))),
    DemoOrder("BRIGHT", 7, ((S.desk_lamp, "18", "59.00"), (S.enamel_mug, "60", "8.50"))),
    DemoOrder("HARBOUR", 6, ((S.sail_rope, "120.5", "2.35"), (S.brass_screw, "40", "0.12"))),
    DemoOrder("MORI", 5, ((S.board_game, "10", "34.90"), (S.speaker, "4", "79.00"))),
    DemoOrder(
        "LINDEN", 4, ((S.desk_lamp, "12", "55.00"), (S.speaker, "10", "74.00")), shipping_policy=ShippingPolicy.complete
    ),
    DemoOrder("BRIGHT", 3, ((S.speaker, "6", "79.00"), (S.action_camera, "2", "349.00"))),
    DemoOrder("MORI", 2, ((S.board_game, "20", "32.90"),), priority=1),
    DemoOrder("ANDERSEN", 1, ((S.tapping_screw, "500", "0.08"), (S.wood_glue, "6", "6.90"))),
    DemoOrder("PARK", 0, ((S.enamel_mug, "36", "8.20"), (S.wall_paint, "4", "38.50")), is_confirmed=False),
)


def load_demo(session: Session) -> None:
    """Make the customers and orders of the demo company, confirmed in the order in which they came."""
    products = products_by_sku(session, DemoSku)
    lock_products(session, [product.id for product in products.values()])
    products = products_by_sku(session, DemoSku)
    customers = {code: Customer(code=code, name=name, email=email, **place) for code, name, email, place in CUSTOMERS}
    session.add_all(customers.values())
    for wanted in ORDERS:
        order = Order(
            customer=customers[wanted.customer],
            ordered_at=clock.now() - timedelta(days=wanted.days_ago),
            shipping_policy=wanted.shipping_policy,
            priority=wanted.priority,
        )
        for position, (sku, quantity, price) in enumerate(wanted.lines, start=1):
            line = OrderLine(position=position, quantity=Decimal(quantity), unit_price=Decimal(price))
            line.product = products[sku]
            order.lines.append(line)
        session.add(order)
        session.flush()
        if wanted.is_confirmed:
            confirm(session, order.id)
        if wanted.is_packed:
            pack_order(session, order.id)
