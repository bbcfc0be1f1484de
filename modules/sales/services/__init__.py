"""What sales can do: the only writers of its tables. They flush; whoever opened the transaction commits."""

from modules.sales.services.allocation import (
    Grant,
    allocate_on,
    allocate_order,
    allocate_products,
    hold_lines,
    release_balance_allocations,
    release_or_refuse,
    remove_allocations,
    serve_products,
)
from modules.sales.services.backorders import (
    cancel_backorder,
    cancel_backorders,
    cancel_overdue_backorders,
    delete_backorder,
    grow_backorders,
    overdue_products,
    turn_into_backorders,
)
from modules.sales.services.book import LinePlan, Preview, allocate_book, apply_preview, preview_book
from modules.sales.services.changes import cancel_line, cancel_order, change_quantity, promise_first, set_promise_dates
from modules.sales.services.demo import load_demo
from modules.sales.services.locking import lock_order
from modules.sales.services.orders import NewLine, NewOrder, add_lines, confirm, create_confirmed, set_preorder
from modules.sales.services.packing import pack_order

__all__ = [
    "Grant",
    "LinePlan",
    "NewLine",
    "NewOrder",
    "Preview",
    "add_lines",
    "allocate_book",
    "allocate_on",
    "allocate_order",
    "allocate_products",
    "apply_preview",
    "cancel_backorder",
    "cancel_backorders",
    "cancel_line",
    "cancel_order",
    "cancel_overdue_backorders",
    "change_quantity",
    "confirm",
    "create_confirmed",
    "delete_backorder",
    "grow_backorders",
    "hold_lines",
    "load_demo",
    "lock_order",
    "overdue_products",
    "pack_order",
    "preview_book",
    "promise_first",
    "release_balance_allocations",
    "release_or_refuse",
    "remove_allocations",
    "serve_products",
    "set_preorder",
    "set_promise_dates",
    "turn_into_backorders",
]
