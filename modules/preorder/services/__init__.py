"""What preorder can do: the only writers of links. They flush; whoever opened the transaction commits."""

from modules.preorder.services.dates import promise_covered_lines, sync_arrivals, sync_promises
from modules.preorder.services.demo import load_demo
from modules.preorder.services.launches import (
    check_limits,
    launch_preorders,
    mark_preorders,
    products_to_launch,
    save_product,
    save_products,
)
from modules.preorder.services.on_hand_changes import save_on_hand_change, save_on_hand_changes
from modules.preorder.services.purchase_allocations import allocate_by_hand, allocate_incoming_supply
from modules.preorder.services.releases import (
    convert_or_release,
    release_everything,
    remove_purchase_allocations,
    shrink_purchase_allocations,
)

__all__ = [
    "allocate_by_hand",
    "allocate_incoming_supply",
    "check_limits",
    "convert_or_release",
    "launch_preorders",
    "load_demo",
    "mark_preorders",
    "products_to_launch",
    "promise_covered_lines",
    "release_everything",
    "remove_purchase_allocations",
    "save_on_hand_change",
    "save_on_hand_changes",
    "save_product",
    "save_products",
    "shrink_purchase_allocations",
    "sync_arrivals",
    "sync_promises",
]
