"""Reads of preorder: they change nothing."""

from modules.preorder.queries.arrivals import arrivals_now, is_overdue_too_long, when_expected
from modules.preorder.queries.availability import availability_rows, available_days, components_of, expected_ship_date
from modules.preorder.queries.backorders import uncovered_backorders, waiting_lines
from modules.preorder.queries.broken_promises import arrival_impact, broken_promises
from modules.preorder.queries.checks import broken_invariants
from modules.preorder.queries.coverage import (
    coverage_of_line,
    coverage_of_orders,
    coverage_to_promise,
    line_coverage,
    lines_to_promise,
    lines_to_sync,
    new_promises,
    with_siblings,
)
from modules.preorder.queries.demand import demand_of
from modules.preorder.queries.explanation import supply_notes
from modules.preorder.queries.hints import AskedLine, AskedOrder, Hint, hints
from modules.preorder.queries.late_lines import is_late_line
from modules.preorder.queries.line_changes import LineChange, line_changes
from modules.preorder.queries.on_hand_changes import on_hand_change_rows
from modules.preorder.queries.order_conditions import (
    has_coverage,
    has_late_line,
    is_allocated_to_purchases,
    is_before_launch,
)
from modules.preorder.queries.overdue_supply import OverdueSupply, is_late_by_overdue_supply, overdue_supply
from modules.preorder.queries.products import (
    backorder_kinds,
    is_preordered,
    launched_lines,
    lines_before_launch,
    pack_refusals,
    preorder_product,
    preorder_products,
    preorders_taken,
    products_with_launch,
)
from modules.preorder.queries.purchase_allocations import (
    MOST_SHOWN,
    OpenAllocation,
    allocations_of_lines,
    automatic_allocations,
    count_outstanding,
    excess_of_lines,
    excess_of_purchase_lines,
    in_order_of_service,
    in_shrinking_order,
    incoming_allocations,
    of_lines,
    open_purchase_allocations,
    purchase_allocated,
    purchase_allocated_to,
    purchase_allocation_notes,
    purchase_allocations_to,
)
from modules.preorder.queries.purchase_lines import (
    Incoming,
    available_by_product,
    available_lines,
    available_of,
    incoming_lines,
)
from modules.preorder.queries.queue import Queue, queue_of
from modules.preorder.queries.rebalance_preview import (
    Move,
    RebalancePreview,
    preview_rebalance,
    products_of_lines,
    rebalance_candidates,
    synced_dates,
)
from modules.preorder.queries.rebalancing import Book, planned_exchanges, products_to_rebalance, rebalance_books
from modules.preorder.queries.refusals import before_launch, over_limits
from modules.preorder.queries.sales_lines import has_open_quantity, history_of_line, in_scope, uncovered_quantity
from modules.preorder.queries.snapshot import PURCHASE_LINE, incoming_holdings, incoming_rules, incoming_supply
from modules.preorder.queries.supply_gains import gained_by_ordering, gained_by_receiving, gained_without
from modules.preorder.queries.unallocated_lines import has_open_serial_lines, has_scheduled_lines, is_unallocated
from modules.preorder.queries.what_if import Answer, Question, Remedy, shorten, what_if

__all__ = [
    "MOST_SHOWN",
    "PURCHASE_LINE",
    "Answer",
    "AskedLine",
    "AskedOrder",
    "Book",
    "Hint",
    "Incoming",
    "LineChange",
    "Move",
    "OpenAllocation",
    "OverdueSupply",
    "Question",
    "Queue",
    "RebalancePreview",
    "Remedy",
    "allocations_of_lines",
    "arrival_impact",
    "arrivals_now",
    "automatic_allocations",
    "availability_rows",
    "available_by_product",
    "available_days",
    "available_lines",
    "available_of",
    "backorder_kinds",
    "before_launch",
    "broken_invariants",
    "broken_promises",
    "components_of",
    "count_outstanding",
    "coverage_of_line",
    "coverage_of_orders",
    "coverage_to_promise",
    "demand_of",
    "excess_of_lines",
    "excess_of_purchase_lines",
    "expected_ship_date",
    "gained_by_ordering",
    "gained_by_receiving",
    "gained_without",
    "has_coverage",
    "has_late_line",
    "has_open_quantity",
    "has_open_serial_lines",
    "has_scheduled_lines",
    "hints",
    "history_of_line",
    "in_order_of_service",
    "in_scope",
    "in_shrinking_order",
    "incoming_allocations",
    "incoming_holdings",
    "incoming_lines",
    "incoming_rules",
    "incoming_supply",
    "is_allocated_to_purchases",
    "is_before_launch",
    "is_late_by_overdue_supply",
    "is_late_line",
    "is_overdue_too_long",
    "is_preordered",
    "is_unallocated",
    "launched_lines",
    "line_changes",
    "line_coverage",
    "lines_before_launch",
    "lines_to_promise",
    "lines_to_sync",
    "new_promises",
    "of_lines",
    "on_hand_change_rows",
    "open_purchase_allocations",
    "over_limits",
    "overdue_supply",
    "pack_refusals",
    "planned_exchanges",
    "preorder_product",
    "preorder_products",
    "preorders_taken",
    "preview_rebalance",
    "products_of_lines",
    "products_to_rebalance",
    "products_with_launch",
    "purchase_allocated",
    "purchase_allocated_to",
    "purchase_allocation_notes",
    "purchase_allocations_to",
    "queue_of",
    "rebalance_books",
    "rebalance_candidates",
    "shorten",
    "supply_notes",
    "synced_dates",
    "uncovered_backorders",
    "uncovered_quantity",
    "waiting_lines",
    "what_if",
    "when_expected",
    "with_siblings",
]
