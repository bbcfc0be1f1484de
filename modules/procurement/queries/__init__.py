"""Reads of procurement; they change nothing."""

from modules.procurement.queries.checks import broken_invariants
from modules.procurement.queries.lookups import (
    count_new_lots,
    default_status,
    line_ids_by_place,
    lines_in_status,
    order_ids_by_number,
    orders_of,
    products_on_lines,
    status_by_name,
    statuses,
    statuses_by_name,
    suppliers_by_code,
)
from modules.procurement.queries.supply import (
    SUPPLY_STATES,
    claimable_lines,
    claimed_lines,
    has_outstanding,
    is_supply,
    lines_with_orders,
    supply_order,
)

__all__ = [
    "SUPPLY_STATES",
    "broken_invariants",
    "claimable_lines",
    "claimed_lines",
    "count_new_lots",
    "default_status",
    "has_outstanding",
    "is_supply",
    "line_ids_by_place",
    "lines_in_status",
    "lines_with_orders",
    "order_ids_by_number",
    "orders_of",
    "products_on_lines",
    "status_by_name",
    "statuses",
    "statuses_by_name",
    "suppliers_by_code",
    "supply_order",
]
