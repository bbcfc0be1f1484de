"""What preorder does: the only writers of its tables. Services flush; the caller commits."""

from modules.preorder.services.demo import load_demo
from modules.preorder.services.manual_allocations import allocate_by_hand, allocate_many_by_hand
from modules.preorder.services.on_hand_changes import Key, save_on_hand_change, save_on_hand_changes
from modules.preorder.services.planned import write_planned
from modules.preorder.services.products import (
    confirm_refusals,
    launch_preorders,
    products_to_check,
    products_to_launch,
    save_product,
    save_products,
)
from modules.preorder.services.promise_dates import (
    follow_arrivals,
    promise_covered_lines,
    promise_in_scope,
    promise_products,
    promise_what_arrived,
    sync_promises,
)
from modules.preorder.services.quotes import delete_past_holds, follow_holds
from modules.preorder.services.rebalancing import (
    apply_rebalance,
    exchange_supply,
    rebalance_book,
    rebalance_products,
)
from modules.preorder.services.releases import (
    convert_or_release,
    release_all,
    remove_purchase_allocations,
    shrink_purchase_allocations,
)
from modules.preorder.services.reversals import free_converted, restore_purchase_allocations
from modules.preorder.services.what_if import apply_what_if

__all__ = [
    "Key",
    "allocate_by_hand",
    "allocate_many_by_hand",
    "apply_rebalance",
    "apply_what_if",
    "confirm_refusals",
    "convert_or_release",
    "delete_past_holds",
    "exchange_supply",
    "follow_arrivals",
    "follow_holds",
    "free_converted",
    "launch_preorders",
    "load_demo",
    "products_to_check",
    "products_to_launch",
    "promise_covered_lines",
    "promise_in_scope",
    "promise_products",
    "promise_what_arrived",
    "rebalance_book",
    "rebalance_products",
    "release_all",
    "remove_purchase_allocations",
    "restore_purchase_allocations",
    "save_on_hand_change",
    "save_on_hand_changes",
    "save_product",
    "save_products",
    "shrink_purchase_allocations",
    "sync_promises",
    "write_planned",
]
