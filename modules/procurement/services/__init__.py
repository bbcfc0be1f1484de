"""Verbs of procurement: the only writers of its tables. They flush and never commit."""

from modules.procurement.services.allocated import add_allocated, release_allocated
from modules.procurement.services.demo import load_demo
from modules.procurement.services.expected_dates import set_expected_dates
from modules.procurement.services.holds import HeldSupply, delete_past_supply_holds, end_supply_holds, hold_supply
from modules.procurement.services.lines import (
    add_lines,
    append_lines,
    change_line,
    change_quantities,
    close_lines,
    close_part,
    values_of,
)
from modules.procurement.services.locking import lock_lines, lock_numbered, lock_order
from modules.procurement.services.many_orders import cancel_orders, close_many_lines, place_orders
from modules.procurement.services.orders import (
    cancel_order,
    create_drafts,
    create_order,
    create_ordered,
    edit_order,
    place_order,
)
from modules.procurement.services.receipts import receive, receive_many
from modules.procurement.services.reopenings import reopen_lines
from modules.procurement.services.reversals import reverse_receipt
from modules.procurement.services.statuses import delete_status, save_status, save_statuses, set_status, set_statuses
from modules.procurement.services.suppliers import delete_supplier, save_supplier

__all__ = [
    "HeldSupply",
    "add_allocated",
    "add_lines",
    "append_lines",
    "cancel_order",
    "cancel_orders",
    "change_line",
    "change_quantities",
    "close_lines",
    "close_many_lines",
    "close_part",
    "create_drafts",
    "create_order",
    "create_ordered",
    "delete_past_supply_holds",
    "delete_status",
    "delete_supplier",
    "edit_order",
    "end_supply_holds",
    "hold_supply",
    "load_demo",
    "lock_lines",
    "lock_numbered",
    "lock_order",
    "place_order",
    "place_orders",
    "receive",
    "receive_many",
    "release_allocated",
    "reopen_lines",
    "reverse_receipt",
    "save_status",
    "save_statuses",
    "save_supplier",
    "set_expected_dates",
    "set_status",
    "set_statuses",
    "values_of",
]
