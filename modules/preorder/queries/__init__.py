"""Reads of preorder: they change nothing."""

from modules.preorder.queries.availability import availability_rows, available_days
from modules.preorder.queries.checks import broken_invariants
from modules.preorder.queries.dates import Expectation, expectations, late_lines
from modules.preorder.queries.launches import (
    launched_lines,
    lines_before_launch,
    preorder_product,
    preorder_products,
    preorders_taken,
    products_with_launch,
)
from modules.preorder.queries.links import (
    claims_on_lines,
    excess_of_lines,
    excess_of_purchase_lines,
    incoming_allocations,
    linked_quantities,
    linked_sum,
    linked_supplies,
    open_link,
    open_links,
    outstanding_links,
    supply_notes,
    unlinked_backorders,
)

__all__ = [
    "Expectation",
    "availability_rows",
    "available_days",
    "broken_invariants",
    "claims_on_lines",
    "excess_of_lines",
    "excess_of_purchase_lines",
    "expectations",
    "incoming_allocations",
    "late_lines",
    "launched_lines",
    "lines_before_launch",
    "linked_quantities",
    "linked_sum",
    "linked_supplies",
    "open_link",
    "open_links",
    "outstanding_links",
    "preorder_product",
    "preorder_products",
    "preorders_taken",
    "products_with_launch",
    "supply_notes",
    "unlinked_backorders",
]
