"""Preorder: promises incoming supply, first come first served, and announces when a date moves."""

from datetime import timedelta

from erp.manifest import Module, Permission
from erp.options import Choice, Duration, Integer, Switch, Text
from erp.registry import Core

MERCHANDISERS = ("Merchandiser",)
EVERYONE = ("Sales clerk", "Merchandiser", "Warehouse clerk", "Auditor")


def setup(core: Core) -> None:
    """Register what preorder adds."""
    from modules.inventory_lots.events import GoodsArrived, StockChanged
    from modules.preorder import commands, exchange, handlers, jobs, models, queries, services
    from modules.procurement import hooks as procurement_hooks
    from modules.procurement.events import ArrivalChanged, ReceiptReversed
    from modules.sales import hooks as sales_hooks

    core.add_models(models)
    exchange.register(core)
    handlers.register(core)
    core.add_command(commands.rebalance)
    core.add_command(commands.what_if)
    core.add_job(jobs.launch_preorders, every="preorder.launch_every")
    core.add_demo(services.load_demo)
    core.add_check(queries.broken_invariants)
    core.subscribe(ReceiptReversed, services.restore_purchase_allocations)
    core.subscribe(ArrivalChanged, services.follow_arrivals)
    core.subscribe(GoodsArrived, services.promise_what_arrived)
    core.subscribe(StockChanged, services.promise_products)
    core.implement(procurement_hooks.outstanding_will_fall, services.convert_or_release)
    core.implement(procurement_hooks.receipt_will_fall, services.free_converted)
    core.implement(procurement_hooks.allocations_of_lines, queries.allocations_of_lines)
    core.implement(procurement_hooks.arrival_impact, queries.arrival_impact)
    core.implement(sales_hooks.confirm_refusals, services.confirm_refusals)
    core.implement(sales_hooks.products_to_check, services.products_to_check)
    core.implement(sales_hooks.pack_refusals, queries.pack_refusals)
    core.implement(sales_hooks.backorder_kinds, queries.backorder_kinds)
    core.implement(sales_hooks.lines_spared, queries.lines_before_launch)
    core.implement(sales_hooks.purchase_allocation_notes, queries.purchase_allocation_notes)
    core.implement(sales_hooks.incoming_rules, queries.incoming_rules)
    core.implement(sales_hooks.incoming_supply, queries.incoming_supply)
    core.implement(sales_hooks.incoming_holdings, queries.incoming_holdings)
    core.implement(sales_hooks.covered_condition, queries.is_allocated_to_purchases)
    core.implement(sales_hooks.staying_condition, queries.is_before_launch)
    core.implement(sales_hooks.explain_supply, queries.supply_notes)
    core.implement(sales_hooks.incoming_allocations, queries.incoming_allocations)
    core.on_enable(services.promise_covered_lines)
    core.before_disable(services.release_all)


def screens(core: Core) -> None:
    """Register what preorder shows, and adds to the screens of other modules."""
    from modules.preorder import admin, api

    admin.register(core)
    api.register(core)


MODULE = Module(
    name="preorder",
    title="Preorder",
    summary="Incoming supply promised to orders, launch dates, promise dates and ATP.",
    version="1.0",
    depends=("procurement", "sales"),
    options=(
        Switch(name="auto_allocate", default=False, help="Allocate new backorders to open purchase orders."),
        Choice(
            name="insufficient_supply",
            default="skip",
            choices=("skip", "partial"),
            only_if="auto_allocate",
            help="Allocate a backorder only if all of it can be allocated (skip), or what there is (partial).",
        ),
        Choice(
            name="rebalance",
            default="auto",
            choices=("auto", "manual"),
            only_if="auto_allocate",
            help="Whether each run first exchanges later for earlier supply in order of service (auto).",
        ),
        Text(
            name="default_line_status",
            default="",
            help="Status given to a purchase order line without one when it is first allocated to a sales order.",
        ),
        Integer(
            name="promise_buffer_days",
            default=0,
            maximum=365,
            help="Days added to the expected date of incoming supply before it is promised.",
        ),
        Choice(
            name="sync_dates",
            default="manual",
            choices=("manual", "auto"),
            help="Whether promise dates follow a changed arrival automatically.",
        ),
        Integer(
            name="atp_horizon_days",
            default=90,
            minimum=1,
            maximum=730,
            help="Days that ATP looks ahead, today included.",
        ),
        Switch(name="on_hand_changes", default=True, help="Count scheduled on-hand changes in ATP."),
        Integer(
            name="past_due_supply_days",
            default=None,
            maximum=3650,
            help="Purchase lines overdue by more days are neither promised nor allocated; empty = no limit.",
        ),
        Integer(
            name="overdue_supply_days",
            default=7,
            minimum=1,
            maximum=365,
            help="Overdue purchase lines count as arriving so many days from today.",
        ),
        Duration(
            name="launch_every", default=timedelta(days=1), help="How often preorders are checked for their launch."
        ),
    ),
    permissions=(
        Permission("preorder.view", "Review purchase allocations, demand and ATP", EVERYONE),
        Permission("preorder.allocate", "Allocate sales orders to purchase orders", MERCHANDISERS),
        Permission("preorder.promise", "Change promise dates", ("Merchandiser", "Sales clerk")),
        Permission("preorder.edit", "Edit preorder fields and on-hand changes", MERCHANDISERS),
    ),
    setup=setup,
    screens=screens,
)
