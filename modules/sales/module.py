"""Sales: takes orders, serves them first come first served, packs what is allocated and keeps backorders."""

from datetime import timedelta

from erp.manifest import Module, Permission
from erp.options import Choice, Duration, Integer, Switch
from erp.registry import Core

CLERKS = ("Sales clerk",)
FLOOR = ("Sales clerk", "Warehouse clerk")
EVERYONE = ("Sales clerk", "Merchandiser", "Warehouse clerk", "Auditor")


def setup(core: Core) -> None:
    """Register what sales has."""
    from modules.inventory_lots import hooks as stock_hooks
    from modules.sales import commands, exchange, handlers, jobs, models, queries, services

    core.add_models(models)
    core.add_search(*queries.SEARCHES)
    core.add_job(jobs.allocate_backorders, every="sales.allocate_every")
    core.add_job(jobs.cancel_overdue_backorders, every="sales.cancel_every")
    core.add_job(jobs.delete_past_quotes, every="sales.clear_quotes_every")
    core.add_command(commands.allocate, commands.pack, commands.unpack)
    core.add_import(*exchange.IMPORTS)
    core.add_export(*exchange.EXPORTS)
    core.add_check(queries.broken_invariants)
    core.add_demo(services.load_demo)
    handlers.register(core)
    core.implement(stock_hooks.allocations_on_balances, queries.allocations_on_balances)
    core.implement(stock_hooks.allocations_of_run, queries.allocations_of_run)
    core.implement(stock_hooks.stock_will_fall, services.release_balance_allocations)
    core.implement(stock_hooks.products_in_use, queries.products_on_lines)
    core.before_disable(services.release_or_refuse)


def screens(core: Core) -> None:
    """Register what sales shows."""
    from modules.sales import admin, api

    core.add_view(admin.OrderScreen, menu="Sales", permission="sales.view")
    core.add_view(admin.CustomerScreen, menu="Sales", permission="sales.view")
    core.add_view(admin.BackorderScreen, menu="Sales", permission="sales.view")
    core.add_view(admin.PackScreen, menu="Sales", permission="sales.view")
    core.add_view(admin.QuoteScreen, menu="Sales", permission="sales.view")
    core.extend_view("inventory_lots.product", panels=(admin.PRODUCT_PANEL,))
    core.add_view(admin.ReadyScreen, menu="Sales", permission="sales.view")
    core.add_view(admin.HeldScreen, menu="Sales", permission="sales.view")
    core.add_view(admin.PickListPage, menu="Sales", permission="sales.view")
    core.add_view(admin.WorkListPage, menu="Sales", permission="sales.view")
    core.add_view(admin.BookPage, menu="Sales", permission="sales.allocate")
    core.add_work_queue(*admin.QUEUES)
    core.add_chart(*admin.CHARTS)
    core.add_dashboard(admin.CARD)
    api.register(core)


MODULE = Module(
    name="sales",
    title="Sales",
    summary="Orders, allocations, backorders and packs.",
    version="1.1",
    depends=("inventory_lots",),
    options=(
        Switch(name="backorders", default=True, help="Keep what stock cannot cover as backorders."),
        Switch(name="allocate_on_confirm", default=True, help="Run an order's products when it is confirmed."),
        Switch(name="allocate_on_arrival", default=True, help="Run products when goods of them arrive."),
        Choice(
            name="service_order",
            default="ordered_at",
            choices=("ordered_at", "requested_on"),
            help="Which line of equal priority is served first: that ordered first, or that requested for the "
            "earliest day (none last).",
        ),
        Integer(
            name="reserve_ahead_days",
            default=None,
            maximum=3650,
            help="Lines requested more days ahead are scheduled: automatic runs serve them later; empty = no limit.",
        ),
        Integer(
            name="quote_minutes",
            default=15,
            minimum=1,
            maximum=1440,
            help="How long what is quoted is held for the order that may follow.",
        ),
        Duration(
            name="clear_quotes_every", default=timedelta(days=1), help="How often quotes that have ended are deleted."
        ),
        Duration(name="allocate_every", default=timedelta(minutes=10), help="How often the whole book is served."),
        Duration(
            name="cancel_every",
            default=timedelta(days=1),
            only_if="backorders",
            help="How often overdue backorders are cancelled.",
        ),
        Integer(
            name="backorder_cancellation_days",
            default=0,
            maximum=3650,
            only_if="backorders",
            help="Cancellation SLA: backorders that have waited longer than so many days are cancelled; 0 = never.",
        ),
        Switch(
            name="cancel_covered",
            default=False,
            only_if="backorders",
            help="Cancel overdue backorders even where they are allocated to purchase orders.",
        ),
    ),
    permissions=(
        Permission("sales.view", "See customers, orders and packs", EVERYONE),
        Permission("sales.edit", "Enter and change customers and orders", CLERKS),
        Permission("sales.allocate", "Allocate orders and take allocations away", CLERKS),
        Permission("sales.pack", "Pack orders", FLOOR),
        Permission("sales.reverse_pack", "Reverse packs", FLOOR),
        Permission("sales.cancel", "Cancel orders, lines and backorders", CLERKS),
    ),
    setup=setup,
    screens=screens,
)
