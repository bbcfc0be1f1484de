"""What sales does when other modules announce something."""

from __future__ import annotations

from sqlalchemy.orm import Session

from erp.options import options
from modules.inventory_lots.events import GoodsArrived
from modules.sales import services


def serve_what_arrived(session: Session, event: GoodsArrived) -> None:
    """Run the products that arrived, unless `[sales] allocate_on_arrival` says that they wait."""
    if options.sales.allocate_on_arrival:
        services.serve_products(session, event.product_ids)
