"""What sales shows and takes at the HTTP interface."""

from erp.registry import Core
from modules.sales.api.book import ALLOCATE_BOOK
from modules.sales.api.orders import ORDER_LINES, ORDERS
from modules.sales.api.others import ALLOCATIONS, BACKORDERS, CUSTOMERS, EFFECT, PACKS
from modules.sales.api.quotes import QUOTES


def register(core: Core) -> None:
    """Register the resources, and what dry runs show."""
    core.add_resource(CUSTOMERS, ORDERS, ORDER_LINES, QUOTES, ALLOCATIONS, BACKORDERS, PACKS, ALLOCATE_BOOK)
    core.add_effect(EFFECT)
