"""Reads of sales: they change nothing."""

from modules.sales.queries.allocations import (
    allocation_results,
    allocation_rows,
    allocations_of_run,
    allocations_on_balances,
    removable_rows,
    run_order,
    select_allocations,
    select_unpacked,
)
from modules.sales.queries.backorders import backorder_rows, backordered, cancellable_backorders, open_backorder
from modules.sales.queries.checks import broken_invariants
from modules.sales.queries.explanation import explain
from modules.sales.queries.lines import lines_of, ordered_products, products_on_lines, select_lines
from modules.sales.queries.losses import Loss, fingerprint, losses, losses_in
from modules.sales.queries.orders import (
    customer_orders,
    fulfilment_of,
    order_by_number,
    order_statuses,
    order_with_lines,
    products_of,
    waiting_work,
)
from modules.sales.queries.packs import (
    pack_by_number,
    pack_line_counts,
    pack_lines,
    pack_rows,
    reversal_rows,
    reversed_packs,
    staying_behind,
    usable_serials,
)
from modules.sales.queries.preview import LinePlan, Preview, line_plans, preview_products
from modules.sales.queries.purchase_allocations import (
    covers_from_purchases,
    purchase_allocated_quantities,
    purchase_allocations_of,
)
from modules.sales.queries.queue import (
    Scope,
    backorder_is_open,
    has_need,
    is_waiting,
    open_backorder_quantity,
    read_demands,
    service_order,
    waiting_product_ids,
)
from modules.sales.queries.snapshot import read_snapshots, rules_of_runs
from modules.sales.queries.work_lists import Size, WorkLists, listed_lines, read_work_lists

__all__ = [
    "LinePlan",
    "Loss",
    "Preview",
    "Scope",
    "Size",
    "WorkLists",
    "allocation_results",
    "allocation_rows",
    "allocations_of_run",
    "allocations_on_balances",
    "backorder_is_open",
    "backorder_rows",
    "backordered",
    "broken_invariants",
    "cancellable_backorders",
    "covers_from_purchases",
    "customer_orders",
    "explain",
    "fingerprint",
    "fulfilment_of",
    "has_need",
    "is_waiting",
    "line_plans",
    "lines_of",
    "listed_lines",
    "losses",
    "losses_in",
    "open_backorder",
    "open_backorder_quantity",
    "order_by_number",
    "order_statuses",
    "order_with_lines",
    "ordered_products",
    "pack_by_number",
    "pack_line_counts",
    "pack_lines",
    "pack_rows",
    "preview_products",
    "products_of",
    "products_on_lines",
    "purchase_allocated_quantities",
    "purchase_allocations_of",
    "read_demands",
    "read_snapshots",
    "read_work_lists",
    "removable_rows",
    "reversal_rows",
    "reversed_packs",
    "rules_of_runs",
    "run_order",
    "select_allocations",
    "select_lines",
    "select_unpacked",
    "service_order",
    "staying_behind",
    "usable_serials",
    "waiting_product_ids",
    "waiting_work",
]
