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
    claims_on_balances,
    lines_of,
    open_backorder,
    order_by_number,
    order_with_lines,
    product_has_lines,
    products_of,
)
from modules.sales.queries.screens import linked

__all__ = [
    "Scope",
    "backorder_is_open",
    "broken_invariants",
    "claims_on_balances",
    "has_need",
    "is_waiting",
    "lines_of",
    "lines_out_of_step",
    "linked",
    "needing_lines",
    "open_backorder",
    "open_backorder_quantity",
    "order_by_number",
    "order_with_lines",
    "overdue_backorders",
    "product_has_lines",
    "products_of",
    "service_order",
    "unpacked_allocations",
    "waiting_product_ids",
]
