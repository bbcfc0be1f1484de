"""Verbs of procurement: the only writers of its tables. They flush and never commit."""

from modules.procurement.services.demo import load_demo
from modules.procurement.services.expected_dates import set_expected_dates
from modules.procurement.services.lines import add_lines, change_line, close_line, close_lines
from modules.procurement.services.locking import lock_lines, lock_order
from modules.procurement.services.orders import cancel_order, create_order, create_ordered, edit_order, order
from modules.procurement.services.receipts import receive, receive_many
from modules.procurement.services.reservations import release, reserve
from modules.procurement.services.statuses import delete_status, save_status, save_statuses, set_status
from modules.procurement.services.suppliers import delete_supplier, save_supplier, save_suppliers

__all__ = [
    "add_lines",
    "cancel_order",
    "change_line",
    "close_line",
    "close_lines",
    "create_order",
    "create_ordered",
    "delete_status",
    "delete_supplier",
    "edit_order",
    "load_demo",
    "lock_lines",
    "lock_order",
    "order",
    "receive",
    "receive_many",
    "release",
    "reserve",
    "save_status",
    "save_statuses",
    "save_supplier",
    "save_suppliers",
    "set_expected_dates",
    "set_status",
]
