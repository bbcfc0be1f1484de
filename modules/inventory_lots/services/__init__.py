"""Changes of stock: the only writers of products, locations, lots, balances and moves.

They flush and never commit, except `commit_by_products`. Each says whether it locks the products itself or requires
that its caller has locked them: the locks are taken once a transaction, before anything is read.
"""

from modules.inventory_lots.services.adjustments import Adjusted, Count, adjust, adjust_many
from modules.inventory_lots.services.balances import Key, Taking, put_back, reserve, take, unreserve
from modules.inventory_lots.services.demo import DemoSku, load_demo
from modules.inventory_lots.services.holds import HeldStock, delete_past_stock_holds, end_stock_holds, hold_stock
from modules.inventory_lots.services.locations import (
    Locations,
    change_kind,
    delete_location,
    find_or_make_location,
    find_or_make_locations,
    make_location,
    rename_location,
    rename_locations,
)
from modules.inventory_lots.services.lots import (
    LotWanted,
    find_or_make_lots,
    hold_lot,
    hold_lots,
    release_allocations,
    release_lot,
    release_unusable,
    set_expiry,
)
from modules.inventory_lots.services.movements import Movement, move
from modules.inventory_lots.services.products import (
    BATCH,
    ProductData,
    Watch,
    check_product,
    commit_by_products,
    create_products,
    lock_and_read_products,
    lock_products,
    lock_selected_products,
    save_products,
    set_active,
)
from modules.inventory_lots.services.receipts import NEW_ROWS, Arrival, book, check_arrivals, receive_many, take_back
from modules.inventory_lots.services.transfers import quarantine, transfer

__all__ = [
    "BATCH",
    "NEW_ROWS",
    "Adjusted",
    "Arrival",
    "Count",
    "DemoSku",
    "HeldStock",
    "Key",
    "Locations",
    "LotWanted",
    "Movement",
    "ProductData",
    "Taking",
    "Watch",
    "adjust",
    "adjust_many",
    "book",
    "change_kind",
    "check_arrivals",
    "check_product",
    "commit_by_products",
    "create_products",
    "delete_location",
    "delete_past_stock_holds",
    "end_stock_holds",
    "find_or_make_location",
    "find_or_make_locations",
    "find_or_make_lots",
    "hold_lot",
    "hold_lots",
    "hold_stock",
    "load_demo",
    "lock_and_read_products",
    "lock_products",
    "lock_selected_products",
    "make_location",
    "move",
    "put_back",
    "quarantine",
    "receive_many",
    "release_allocations",
    "release_lot",
    "release_unusable",
    "rename_location",
    "rename_locations",
    "reserve",
    "save_products",
    "set_active",
    "set_expiry",
    "take",
    "take_back",
    "transfer",
    "unreserve",
]
