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
from modules.sales.queries.backorders import (
    backorder_rows,
    backordered,
    cancellable_backorders,
    days_to_correct,
    open_backorders,
)
from modules.sales.queries.checks import broken_invariants
from modules.sales.queries.explanation import explain
from modules.sales.queries.holders import MOST_HOLDERS, Holder, can_take, holders_for
from modules.sales.queries.lines import (
    lines_by_id,
    lines_of,
    ordered_products,
    own_refusals,
    products_on_lines,
    select_lines,
)
from modules.sales.queries.losses import Loss, fingerprint, losses, losses_in
from modules.sales.queries.order_gains import gained_by_allocating, gained_by_confirming
from modules.sales.queries.orders import (
    customer_orders,
    line_progress,
    order_by_number,
    order_statuses,
    order_with_lines,
    orders_with_lines,
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
from modules.sales.queries.picking import picks_of_lines, picks_of_order
from modules.sales.queries.preview import LinePlan, Preview, line_plans, preview_products
from modules.sales.queries.purchase_allocations import (
    covers_from_purchases,
    purchase_allocated_quantities,
    purchase_allocations_of,
)
from modules.sales.queries.queue import (
    Scope,
    due_on,
    is_scheduled,
    is_waiting,
    last_served_day,
    open_backorder_quantity,
    read_demands,
    service_order,
    waiting_product_ids,
)
from modules.sales.queries.scheduled import due_day, scheduled_quantities, why_scheduled
from modules.sales.queries.snapshot import read_snapshots, rules_of_runs, snapshots_with
from modules.sales.queries.work_lists import Size, WorkLists, listed_lines, read_work_lists

__all__ = [
    "MOST_HOLDERS",
    "Holder",
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
    "backorder_rows",
    "backordered",
    "broken_invariants",
    "can_take",
    "cancellable_backorders",
    "covers_from_purchases",
    "customer_orders",
    "days_to_correct",
    "due_day",
    "due_on",
    "explain",
    "fingerprint",
    "gained_by_allocating",
    "gained_by_confirming",
    "holders_for",
    "is_scheduled",
    "is_waiting",
    "last_served_day",
    "line_plans",
    "line_progress",
    "lines_by_id",
    "lines_of",
    "listed_lines",
    "losses",
    "losses_in",
    "open_backorder_quantity",
    "open_backorders",
    "order_by_number",
    "order_statuses",
    "order_with_lines",
    "ordered_products",
    "orders_with_lines",
    "own_refusals",
    "pack_by_number",
    "pack_line_counts",
    "pack_lines",
    "pack_rows",
    "picks_of_lines",
    "picks_of_order",
    "preview_products",
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
    "scheduled_quantities",
    "select_allocations",
    "select_lines",
    "select_unpacked",
    "service_order",
    "snapshots_with",
    "staying_behind",
    "usable_serials",
    "waiting_product_ids",
    "waiting_work",
    "why_scheduled",
]
