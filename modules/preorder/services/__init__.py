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
from modules.preorder.services.linking import link_by_hand, make_links
from modules.preorder.services.on_hand_changes import save_on_hand_change, save_on_hand_changes
from modules.preorder.services.releasing import convert_or_release, release_everything, remove_links, shrink_links

__all__ = [
    "check_limits",
    "convert_or_release",
    "launch_preorders",
    "link_by_hand",
    "load_demo",
    "make_links",
    "mark_preorders",
    "products_to_launch",
    "promise_covered_lines",
    "release_everything",
    "remove_links",
    "save_on_hand_change",
    "save_on_hand_changes",
    "save_product",
    "save_products",
    "shrink_links",
    "sync_arrivals",
    "sync_promises",
]
