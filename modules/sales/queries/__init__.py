"""Reads of sales: they change nothing."""

from modules.sales.queries.checks import broken_invariants
from modules.sales.queries.demand import (
    Scope,
    backorder_is_open,
    has_need,
    is_waiting,
    lines_out_of_step,
    needing_lines,
    open_backorder_quantity,
    overdue_backorders,
    service_order,
    unpacked_allocations,
    waiting_product_ids,
)
from modules.sales.queries.documents import (
    allocations_on_balances,
    lines_of,
    open_backorder,
    order_by_number,
    order_with_lines,
    product_has_lines,
    products_of,
)
from modules.sales.queries.screens import purchase_allocated_quantities

__all__ = [
    "Scope",
    "allocations_on_balances",
    "backorder_is_open",
    "broken_invariants",
    "has_need",
    "is_waiting",
    "lines_of",
    "lines_out_of_step",
    "needing_lines",
    "open_backorder",
    "open_backorder_quantity",
    "order_by_number",
    "order_with_lines",
    "overdue_backorders",
    "product_has_lines",
    "products_of",
    "purchase_allocated_quantities",
    "service_order",
    "unpacked_allocations",
    "waiting_product_ids",
]
