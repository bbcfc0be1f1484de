"""The verbs of stock: the only writers of products' places, lots, balances and moves. They flush, never commit.

A door takes the product locks itself; everything else asserts that its caller holds them (concurrency).
"""

from modules.inventory_lots.services.balances import Taking, lock_products, reserve, take, unreserve
from modules.inventory_lots.services.counts import Count, adjust, adjust_many, count_refusals
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
    change_kind,
    delete_location,
    find_or_make_location,
    find_or_make_locations,
)
from modules.inventory_lots.services.receipts import Arrival, arrival_refusals, receive, receive_many
from modules.inventory_lots.services.transfers import quarantine, transfer

__all__ = [
    "Arrival",
    "Count",
    "LotWanted",
    "Taking",
    "adjust",
    "adjust_many",
    "arrival_refusals",
    "change_kind",
    "count_refusals",
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
    "set_expiry",
    "take",
    "transfer",
    "unreserve",
]
