"""The demo company's products, locations and opening stock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from modules.inventory_lots import queries
from modules.inventory_lots.models import Lot
from modules.inventory_lots.services.locations import find_or_make_location, find_or_make_locations
from modules.inventory_lots.services.lots import hold_lot
from modules.inventory_lots.services.products import ProductData, lock_products, save_products
from modules.inventory_lots.services.receipts import Arrival, receive_many
from modules.inventory_lots.states import LocationKind, Tracking


class DemoSku(StrEnum):
    """The demo company's products by SKU, for the other modules' parts of the demo."""

    brass_screw = "SCR-BRASS-4X40"
    tapping_screw = "SCR-TAP-35X25"
    wall_plug = "PLG-WALL-8"
    wood_glue = "GLUE-WOOD-500"
    wall_paint = "PAINT-WHITE-5L"
    sail_rope = "ROPE-SAIL-10"
    enamel_mug = "MUG-ENAMEL-FOX"
    desk_lamp = "LAMP-AURORA"
    speaker = "SPK-TIDE-2"
    board_game = "GAME-ORBIT"
    headphones = "HEAD-HUSH-3"
    action_camera = "CAM-NOVA-5"


S = DemoSku
PRODUCTS = (
    ProductData(S.brass_screw, "Brass Screw 4 × 40 mm", list_price=Decimal("0.12")),
    ProductData(S.tapping_screw, "Self-Tapping Screw 3.5 × 25 mm", list_price=Decimal("0.09")),
    ProductData(S.wall_plug, "Wall Plug 8 mm", tracking=Tracking.none, list_price=Decimal("0.04")),
    ProductData(S.wood_glue, "Wood Glue 500 ml", list_price=Decimal("6.90")),
    ProductData(S.wall_paint, "Wall Paint White 5 l", list_price=Decimal("38.50")),
    ProductData(S.sail_rope, "Sail Rope 10 mm", unit="m", unit_decimals=2, list_price=Decimal("2.35")),
    ProductData(S.enamel_mug, "Fox Enamel Mug", tracking=Tracking.none, list_price=Decimal("8.50")),
    ProductData(S.desk_lamp, "Aurora Desk Lamp", list_price=Decimal("59")),
    ProductData(S.speaker, "Tide 2 Bluetooth Speaker", list_price=Decimal("79")),
    ProductData(S.board_game, "Orbit Board Game", list_price=Decimal("34.90")),
    ProductData(S.headphones, "Hush 3 Headphones", list_price=Decimal("89")),
    ProductData(S.action_camera, "Nova 5 Action Camera", tracking=Tracking.serial, list_price=Decimal("349")),
)


@dataclass(frozen=True)
class Opening:
    """Stock on the first day, received so many days ago; `expires` is in how many days it expires, if at all."""

    sku: DemoSku
    location: str
    quantity: str
    lot: str | None
    received: int
    expires: int | None = None


OPENING = (
    Opening(S.brass_screw, "WH/SHELF-A", "15", "BS-2601", 120),
    Opening(S.brass_screw, "WH/SHELF-B", "10", "BS-2602", 60),
    Opening(S.tapping_screw, "WH/SHELF-A", "22", "TS-2601", 90),
    Opening(S.wall_plug, "WH/STOCK", "2400", None, 75),
    Opening(S.wall_plug, "WH/STOCK", "1000", None, 20),
    Opening(S.wood_glue, "WH/STOCK", "18", "G-0411", 300, -4),
    Opening(S.wood_glue, "WH/STOCK", "60", "G-0502", 200, 21),
    Opening(S.wood_glue, "WH/STOCK", "120", "G-0618", 40, 320),
    Opening(S.wall_paint, "WH/STOCK", "36", "P-1107", 80, 500),
    Opening(S.wall_paint, "WH/STOCK", "24", "P-1130", 15, 640),
    Opening(S.sail_rope, "WH/STOCK", "187.5", "R-88", 50),
    Opening(S.sail_rope, "SHOP/FLOOR", "42.25", "R-88", 50),
    Opening(S.enamel_mug, "WH/STOCK", "140", None, 30),
    Opening(S.enamel_mug, "SHOP/FLOOR", "24", None, 25),
    Opening(S.desk_lamp, "WH/STOCK", "16", "A-01", 45),
    Opening(S.desk_lamp, "WH/STOCK", "9", "A-02", 10),
    Opening(S.speaker, "WH/STOCK", "12", "T2-A", 35),
    Opening(S.board_game, "SHOP/FLOOR", "6", "ORB-1", 70),
    *(Opening(S.action_camera, "WH/STOCK", "1", f"N5-00{number}", 28) for number in range(41, 47)),
)
DAMAGED = (S.wall_paint, "P-1130")


def load_demo(session: Session) -> None:
    """Make the demo company's products, locations and opening stock; one lot is on hold for a check of its quality."""
    save_products(session, PRODUCTS)
    products = queries.product_ids_by_sku(session, DemoSku)
    lock_products(session, products.values())
    find_or_make_location(session, "WH/QUARANTINE", kind=LocationKind.quarantine)
    locations = find_or_make_locations(session, [opening.location for opening in OPENING]).by_path
    today = clock.today()
    arrivals = [
        Arrival(
            product_id=products[opening.sku],
            location_id=locations[opening.location].id,
            quantity=Decimal(opening.quantity),
            lot_number=opening.lot,
            received_on=today - timedelta(days=opening.received),
            expires_on=None if opening.expires is None else today + timedelta(days=opening.expires),
            document="Opening stock",
        )
        for opening in OPENING
    ]
    receive_many(session, arrivals)
    sku, lot_number = DAMAGED
    lots = select(Lot.id).where(Lot.product_id == products[sku], Lot.number == lot_number)
    hold_lot(session, session.scalars(lots).one(), why="Dented cans: wait for the supplier's answer.")
