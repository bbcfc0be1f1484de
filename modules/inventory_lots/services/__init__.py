"""The verbs of stock: the only writers of products' places, lots, balances and moves. They flush, never commit,
but for the long runs over products.

A door takes the product locks itself; everything else asserts that its caller holds them (concurrency).
"""

from modules.inventory_lots.services.adjustments import Adjusted, Count, adjust, adjust_many
from modules.inventory_lots.services.balances import Taking, lock_products, reserve, take, unreserve
from modules.inventory_lots.services.demo import DemoSku, load_demo
from modules.inventory_lots.services.locations import (
    Places,
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
    find_or_make_lot,
    find_or_make_lots,
    hold_lot,
    release_allocations,
    release_lot,
    set_expiry,
)
from modules.inventory_lots.services.products import ProductData, Saved, check_product, save_products
from modules.inventory_lots.services.receipts import Arrival, arrival_refusals, receive, receive_many
from modules.inventory_lots.services.runs import BATCH, Watch, commit_by_products
from modules.inventory_lots.services.transfers import quarantine, transfer

__all__ = [
    "BATCH",
    "Adjusted",
    "Arrival",
    "Count",
    "DemoSku",
    "LotWanted",
    "Places",
    "ProductData",
    "Saved",
    "Taking",
    "Watch",
    "adjust",
    "adjust_many",
    "arrival_refusals",
    "change_kind",
    "check_product",
    "commit_by_products",
    "delete_location",
    "find_or_make_location",
    "find_or_make_locations",
    "find_or_make_lot",
    "find_or_make_lots",
    "hold_lot",
    "load_demo",
    "lock_products",
    "make_location",
    "quarantine",
    "receive",
    "receive_many",
    "release_allocations",
    "release_lot",
    "rename_location",
    "rename_locations",
    "reserve",
    "save_products",
    "set_expiry",
    "take",
    "transfer",
    "unreserve",
]
