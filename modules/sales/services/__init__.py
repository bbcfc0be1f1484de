"""What sales can do: the only writers of its tables. They flush; the caller that opened the transaction commits."""

from modules.sales.domain import Grant
from modules.sales.services.allocations import (
    Converted,
    allocate_on,
    allocate_order,
    allocate_products,
    hold_lines,
    offer_incoming_supply,
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
    return_to_backorders,
    turn_into_backorders,
    turn_into_preorders,
)
from modules.sales.services.book import BookRun, Changed, allocate_book, allocate_book_at_once, apply_preview
from modules.sales.services.customers import save_customers
from modules.sales.services.demo import load_demo
from modules.sales.services.incoming import Incoming, count_incoming
from modules.sales.services.lines import (
    NewLine,
    add_lines,
    append_lines,
    cancel_line,
    change_quantities,
    change_quantity,
    change_requested_date,
    check_new_lines,
    set_preorder,
)
from modules.sales.services.locking import lock_order
from modules.sales.services.many_orders import (
    allocate_lines,
    allocate_orders,
    cancel_open_backorders,
    cancel_orders,
    confirm_orders,
    hold_many_lines,
    hold_orders,
)
from modules.sales.services.many_packs import pack_orders
from modules.sales.services.orders import (
    NewDraft,
    NewOrder,
    announce_order,
    cancel_order,
    confirm,
    create_confirmed,
    create_draft,
    create_drafts,
)
from modules.sales.services.pack_reversals import reverse_pack
from modules.sales.services.packs import pack_order
from modules.sales.services.promise_dates import promise_first, set_promise_dates
from modules.sales.services.quote_endings import (
    Landed,
    break_quotes_of_supplies,
    land_quotes,
    live_quote,
    release_quote,
)
from modules.sales.services.quotes import MadeQuote, delete_past_quotes, make_quote
from modules.sales.services.releases import free_allocations, release_balance_allocations, release_or_refuse
from modules.sales.services.taking import serve_from_stock, take_from

__all__ = [
    "BookRun",
    "Changed",
    "Converted",
    "Grant",
    "Incoming",
    "Landed",
    "MadeQuote",
    "NewDraft",
    "NewLine",
    "NewOrder",
    "add_lines",
    "allocate_book",
    "allocate_book_at_once",
    "allocate_lines",
    "allocate_on",
    "allocate_order",
    "allocate_orders",
    "allocate_products",
    "announce_order",
    "append_lines",
    "apply_preview",
    "break_quotes_of_supplies",
    "cancel_backorder",
    "cancel_backorders",
    "cancel_line",
    "cancel_open_backorders",
    "cancel_order",
    "cancel_orders",
    "cancel_overdue_backorders",
    "change_quantities",
    "change_quantity",
    "change_requested_date",
    "check_new_lines",
    "confirm",
    "confirm_orders",
    "count_incoming",
    "create_confirmed",
    "create_draft",
    "create_drafts",
    "delete_backorder",
    "delete_past_quotes",
    "free_allocations",
    "grow_backorders",
    "hold_lines",
    "hold_many_lines",
    "hold_orders",
    "land_quotes",
    "live_quote",
    "load_demo",
    "lock_order",
    "make_quote",
    "offer_incoming_supply",
    "overdue_products",
    "pack_order",
    "pack_orders",
    "promise_first",
    "release_balance_allocations",
    "release_or_refuse",
    "release_quote",
    "remove_allocations",
    "return_to_backorders",
    "reverse_pack",
    "save_customers",
    "serve_from_stock",
    "serve_products",
    "set_preorder",
    "set_promise_dates",
    "take_from",
    "turn_into_backorders",
    "turn_into_preorders",
]
