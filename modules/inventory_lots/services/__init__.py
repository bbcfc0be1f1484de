"""The verbs of stock: the only writers of products' places, lots, balances and moves. They flush, never commit.

A door takes the product locks itself; everything else asserts that its caller holds them (concurrency).
"""

from modules.inventory_lots.services.balances import Taking, lock_products, reserve, take, unreserve
from modules.inventory_lots.services.counts import Adjusted, Count, adjust, adjust_many
from modules.inventory_lots.services.lots import (
    LotWanted,
    find_or_make_lot,
    find_or_make_lots,
    hold_lot,
    release_allocations,
    release_lot,
    set_expiry,
)
from modules.inventory_lots.services.places import (
    Places,
    change_kind,
    delete_location,
    find_or_make_location,
    find_or_make_locations,
)
from modules.inventory_lots.services.products import ProductData, Saved, check_product_change, save_products
from modules.inventory_lots.services.receipts import Arrival, arrival_refusals, receive, receive_many
from modules.inventory_lots.services.transfers import quarantine, transfer

__all__ = [
    "Adjusted",
    "Arrival",
    "Count",
    "LotWanted",
    "Places",
    "ProductData",
    "Saved",
    "Taking",
    "adjust",
    "adjust_many",
    "arrival_refusals",
    "change_kind",
    "check_product_change",
    "delete_location",
    "find_or_make_location",
    "find_or_make_locations",
    "find_or_make_lot",
    "find_or_make_lots",
    "hold_lot",
    "lock_products",
    "quarantine",
    "receive",
    "receive_many",
    "release_allocations",
    "release_lot",
    "reserve",
    "save_products",
    "set_expiry",
    "take",
    "transfer",
    "unreserve",
]
