"""Tables of sales: customers, orders, allocations, backorders, packs and quotes."""

from modules.sales.models.orders import Allocation, Backorder, Customer, Order, OrderLine
from modules.sales.models.packs import Pack, PackLine, PackReversal
from modules.sales.models.quotes import Quote, QuoteLine, QuotePart, quote_name

__all__ = [
    "Allocation",
    "Backorder",
    "Customer",
    "Order",
    "OrderLine",
    "Pack",
    "PackLine",
    "PackReversal",
    "Quote",
    "QuoteLine",
    "QuotePart",
    "quote_name",
]
