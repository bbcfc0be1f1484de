"""Screens of procurement."""

from modules.procurement.admin.dashboard import CARD
from modules.procurement.admin.filters import QUEUES
from modules.procurement.admin.incoming import IncomingScreen
from modules.procurement.admin.orders import PurchaseOrderScreen
from modules.procurement.admin.receipts import ReceiptScreen
from modules.procurement.admin.statuses import StatusScreen
from modules.procurement.admin.suppliers import SupplierScreen

__all__ = ["CARD", "QUEUES", "IncomingScreen", "PurchaseOrderScreen", "ReceiptScreen", "StatusScreen", "SupplierScreen"]
