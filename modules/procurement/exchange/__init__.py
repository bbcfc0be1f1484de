"""The CSV files of procurement."""

from modules.procurement.exchange.expected_dates import EXPECTED_DATE_IMPORT, EXPECTED_DATES
from modules.procurement.exchange.purchase_orders import PURCHASE_ORDER_IMPORT, PURCHASE_ORDERS
from modules.procurement.exchange.receipts import RECEIPT_IMPORT
from modules.procurement.exchange.statuses import STATUS_IMPORT, STATUSES
from modules.procurement.exchange.suppliers import SUPPLIER_IMPORT, SUPPLIERS

IMPORTS = (SUPPLIER_IMPORT, STATUS_IMPORT, PURCHASE_ORDER_IMPORT, RECEIPT_IMPORT, EXPECTED_DATE_IMPORT)
EXPORTS = (SUPPLIERS, STATUSES, PURCHASE_ORDERS, EXPECTED_DATES)

__all__ = ["EXPORTS", "IMPORTS"]
