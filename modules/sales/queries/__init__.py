"""Reads of sales: they change nothing."""

from modules.sales.queries.allocations import (
    allocation_results,
    allocation_rows,
    allocations_on_balances,
    removable_rows,
    run_order,
    select_allocations,
    select_unpacked,
)
from modules.sales.queries.backorders import backorder_rows, backordered, cancellable_backorders, open_backorder
from modules.sales.queries.checks import broken_invariants
from modules.sales.queries.explanation import explain
from modules.sales.queries.lines import lines_of, products_on_lines, select_lines
from modules.sales.queries.orders import (
    customer_orders,
    fulfilment_of,
    order_by_number,
    order_statuses,
    order_with_lines,
    products_of,
    waiting_work,
)
from modules.sales.queries.packs import pack_line_counts, pack_lines, pack_rows, staying_behind, usable_serials
from modules.sales.queries.purchase_allocations import (
    covers_from_purchases,
    purchase_allocated_quantities,
    purchase_allocations_of,
)
from modules.sales.queries.queue import (
    Needing,
    Scope,
    backorder_is_open,
    has_need,
    is_waiting,
    needing_lines,
    open_backorder_quantity,
    service_order,
    unsettled_lines,
    waiting_product_ids,
)

__all__ = [
    "Needing",
    "Scope",
    "allocation_results",
    "allocation_rows",
    "allocations_on_balances",
    "backorder_is_open",
    "backorder_rows",
    "backordered",
    "broken_invariants",
    "cancellable_backorders",
    "covers_from_purchases",
    "customer_orders",
    "explain",
    "fulfilment_of",
    "has_need",
    "is_waiting",
    "lines_of",
    "needing_lines",
    "open_backorder",
    "open_backorder_quantity",
    "order_by_number",
    "order_statuses",
    "order_with_lines",
    "pack_line_counts",
    "pack_lines",
    "pack_rows",
    "products_of",
    "products_on_lines",
    "purchase_allocated_quantities",
    "purchase_allocations_of",
    "removable_rows",
    "run_order",
    "select_allocations",
    "select_lines",
    "select_unpacked",
    "service_order",
    "staying_behind",
    "unsettled_lines",
    "usable_serials",
    "waiting_product_ids",
    "waiting_work",
]
