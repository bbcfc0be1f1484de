"""What preorder can do: the only writers of links. They flush; whoever opened the transaction commits."""

from modules.preorder.services.dates import promise_covered_lines, sync_arrivals, sync_promises
from modules.preorder.services.launches import launch_preorders, mark_preorders, save_product, save_products
from modules.preorder.services.links import (
    convert_or_release,
    link_by_hand,
    make_links,
    release_everything,
    remove_links,
    shrink_links,
)
from modules.preorder.services.on_hand_changes import save_on_hand_changes

__all__ = [
    "convert_or_release",
    "launch_preorders",
    "link_by_hand",
    "make_links",
    "mark_preorders",
    "promise_covered_lines",
    "release_everything",
    "remove_links",
    "save_on_hand_changes",
    "save_product",
    "save_products",
    "shrink_links",
    "sync_arrivals",
    "sync_promises",
]
