"""CSV files of sales."""

from modules.sales.exchange.allocations import ALLOCATIONS
from modules.sales.exchange.backorders import BACKORDERS
from modules.sales.exchange.customers import CUSTOMER_IMPORT, CUSTOMERS
from modules.sales.exchange.orders import ORDER_IMPORT, ORDERS
from modules.sales.exchange.promise_dates import PROMISE_DATE_IMPORT, PROMISE_DATES

IMPORTS = (CUSTOMER_IMPORT, ORDER_IMPORT, PROMISE_DATE_IMPORT)
EXPORTS = (CUSTOMERS, ORDERS, PROMISE_DATES, ALLOCATIONS, BACKORDERS)

__all__ = ["EXPORTS", "IMPORTS"]
