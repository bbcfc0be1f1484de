"""What sales does when other modules announce something."""

from __future__ import annotations

from sqlalchemy.orm import Session

from erp.api import announcements, announcing
from erp.options import options
from erp.registry import Core
from modules.inventory_lots.events import GoodsArrived
from modules.sales import services
from modules.sales.queries.announced import ANNOUNCEMENTS, announcements_of_sales


def serve_what_arrived(session: Session, event: GoodsArrived) -> None:
    """Run the products that arrived, unless `[sales] allocate_on_arrival` says that they wait."""
    if options.sales.allocate_on_arrival:
        services.serve_products(session, event.product_ids, is_alone=event.are_free)


def register(core: Core) -> None:
    """Subscribe to what stock announces, and let programs be told of facts of sales."""
    core.subscribe(GoodsArrived, serve_what_arrived)
    core.implement(announcements, announcements_of_sales)
    for each in ANNOUNCEMENTS:
        core.subscribe(each.fact, announcing(each))
