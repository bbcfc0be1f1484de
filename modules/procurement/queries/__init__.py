"""Reads of procurement; they change nothing."""

from modules.procurement.queries.announced import RECEIPT_REVERSED, announcements_of_procurement
from modules.procurement.queries.checks import broken_invariants
from modules.procurement.queries.dashboard import waiting_work
from modules.procurement.queries.lines import (
    allocated_lines,
    booked_lines,
    count_lines_in_status,
    join_orders,
    last_positions,
    line_ids_by_position,
    lines_by_id,
    lines_with_orders,
    orders_by_id,
    products_on_lines,
)
from modules.procurement.queries.orders import (
    count_orders_of_supplier,
    numbers_in_use,
    order_ids_by_number,
    orders_of_supplier,
    outlooks,
)
from modules.procurement.queries.receipts import (
    RECEIPT_LOADS,
    Destination,
    count_new_lots,
    destinations,
    holders,
    location_paths,
    receipts_by_id,
    receipts_of_order,
    usual_location,
)
from modules.procurement.queries.search import SEARCHES
from modules.procurement.queries.statuses import status_by_name, statuses, statuses_by_name
from modules.procurement.queries.supply import is_supply, may_still_come, supply_order, unallocated_supply

__all__ = [
    "RECEIPT_LOADS",
    "RECEIPT_REVERSED",
    "SEARCHES",
    "Destination",
    "allocated_lines",
    "announcements_of_procurement",
    "booked_lines",
    "broken_invariants",
    "count_lines_in_status",
    "count_new_lots",
    "count_orders_of_supplier",
    "destinations",
    "holders",
    "is_supply",
    "join_orders",
    "last_positions",
    "line_ids_by_position",
    "lines_by_id",
    "lines_with_orders",
    "location_paths",
    "may_still_come",
    "numbers_in_use",
    "order_ids_by_number",
    "orders_by_id",
    "orders_of_supplier",
    "outlooks",
    "products_on_lines",
    "receipts_by_id",
    "receipts_of_order",
    "status_by_name",
    "statuses",
    "statuses_by_name",
    "supply_order",
    "unallocated_supply",
    "usual_location",
    "waiting_work",
]
