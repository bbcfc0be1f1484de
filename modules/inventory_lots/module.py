"""Stock in lots: what is on hand where, whether it may be used, and every stock move."""

from __future__ import annotations

from erp.manifest import Module, Permission
from erp.options import Choice
from erp.registry import Core

EVERYBODY = ("Sales clerk", "Merchandiser", "Warehouse clerk", "Auditor")
WAREHOUSE = ("Warehouse clerk",)


def setup(core: Core) -> None:
    """Register the parts of this module."""
    from modules.inventory_lots import exchange, models, queries, services

    core.add_models(models)
    core.add_search(*queries.SEARCHES)
    core.add_import(*exchange.IMPORTS)
    core.add_export(*exchange.EXPORTS)
    core.add_demo(services.load_demo)
    core.add_check(queries.broken_balances)


def screens(core: Core) -> None:
    """Register what this module shows."""
    from modules.inventory_lots import admin, api

    for view in admin.SCREENS:
        core.add_view(view, menu="Inventory", permission="inventory_lots.view")
    core.add_dashboard(admin.CARD)
    api.register(core)


MODULE = Module(
    name="inventory_lots",
    title="Inventory",
    version="1.1",
    summary="Products, locations, lots, balances and the ledger of stock moves.",
    options=(
        Choice(
            name="removal",
            default="fifo",
            choices=("fifo", "fefo"),
            help="Which lots leave first: fifo = first received, fefo = first to expire.",
        ),
    ),
    permissions=(
        Permission("inventory_lots.view", "See products, lots and stock", EVERYBODY),
        Permission("inventory_lots.edit", "Edit products and locations", ("Merchandiser", "Warehouse clerk")),
        Permission("inventory_lots.adjust", "Adjust and transfer stock", WAREHOUSE),
        Permission("inventory_lots.hold", "Hold lots and change when they expire", WAREHOUSE),
    ),
    setup=setup,
    screens=screens,
)
