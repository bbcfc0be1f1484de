"""Preorder: promise what is on its way, first come first served, and tell it when the date moves."""

from datetime import timedelta

from erp.manifest import Module, Permission
from erp.options import Choice, Duration, Integer, Switch, Text
from erp.registry import Core

MERCHANDISERS = ("Merchandiser",)
EVERYONE = ("Sales clerk", "Merchandiser", "Warehouse clerk", "Auditor")


def setup(core: Core) -> None:
    """Register what preorder has."""
    from modules.preorder import admin, exchange, handlers, jobs, models, queries, services
    from modules.procurement import hooks as procurement_hooks
    from modules.procurement.events import ArrivalChanged, SupplyChanged
    from modules.sales import hooks as sales_hooks
    from modules.sales.events import LinesServed

    core.add_models(models)
    admin.register(core)
    exchange.register(core)
    core.add_job(jobs.launch_preorders, every="preorder.launch_every")
    core.add_demo(services.load_demo)
    core.add_check(queries.broken_invariants)
    core.subscribe(LinesServed, handlers.follow_backorders)
    core.subscribe(SupplyChanged, handlers.offer_new_supply)
    core.subscribe(ArrivalChanged, handlers.sync_arrivals)
    core.implement(procurement_hooks.outstanding_will_fall, handlers.make_room_before_fall)
    core.implement(procurement_hooks.allocations_of_lines, handlers.allocations_of_lines)
    core.implement(procurement_hooks.arrival_impact, handlers.arrival_impact)
    core.implement(sales_hooks.purchase_allocated, handlers.purchase_allocated)
    core.implement(sales_hooks.confirm_refusals, handlers.confirm_refusals)
    core.implement(sales_hooks.pack_refusals, handlers.pack_refusals)
    core.implement(sales_hooks.backorder_kinds, handlers.backorder_kinds)
    core.implement(sales_hooks.purchase_allocation_notes, handlers.purchase_allocation_notes)
    core.implement(sales_hooks.explain_supply, handlers.explain_supply)
    core.implement(sales_hooks.incoming_allocations, handlers.incoming_allocations)
    core.before_disable(handlers.refuse_while_allocated)


MODULE = Module(
    name="preorder",
    title="Preorder",
    summary="Incoming supply promised to orders, launch dates, promise dates and ATP.",
    version="1.0",
    depends=("procurement", "sales"),
    options=(
        Switch(name="auto_allocate", default=False, help="Link new backorders to open purchase orders."),
        Choice(
            name="insufficient_supply",
            default="skip",
            choices=("skip", "partial"),
            only_if="auto_allocate",
            help="Leave a backorder unlinked unless all of it can be linked, or link what there is.",
        ),
        Text(
            name="default_line_status",
            default="",
            help="Status given to a purchase order line without one when it gets its first link.",
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
            help="Whether promise dates follow a changed arrival by themselves.",
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
            help="Purchase lines overdue by more days are neither promised nor linked; empty = no limit.",
        ),
        Duration(name="launch_every", default=timedelta(days=1), help="How often launches are looked for."),
    ),
    permissions=(
        Permission("preorder.view", "Review purchase allocations, demand and ATP", EVERYONE),
        Permission("preorder.allocate", "Link and unlink sales and purchase orders", MERCHANDISERS),
        Permission("preorder.promise", "Change promise dates", ("Merchandiser", "Sales clerk")),
        Permission("preorder.edit", "Edit preorder fields and on-hand changes", MERCHANDISERS),
    ),
    setup=setup,
)
