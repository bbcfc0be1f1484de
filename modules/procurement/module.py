"""Procurement: what was ordered from suppliers, when it is expected, and what of it was received."""

from decimal import Decimal as ExactDecimal

from erp.manifest import Module, Permission
from erp.options import Decimal
from erp.registry import Core


def setup(core: Core) -> None:
    """Register procurement's models, exchange kinds, checks and hook answers."""
    from erp.api import announcements, announcing
    from modules.inventory_lots.hooks import allocated_incoming, products_in_use
    from modules.procurement import exchange, models, queries, services
    from modules.procurement.events import ReceiptReversed

    core.add_models(models)
    core.add_search(*queries.SEARCHES)
    core.add_import(*exchange.IMPORTS)
    core.add_export(*exchange.EXPORTS)
    core.add_demo(services.load_demo)
    core.add_check(queries.broken_invariants)
    core.implement(products_in_use, queries.products_on_lines)
    core.implement(allocated_incoming, queries.allocated_lines)
    core.implement(announcements, queries.announcements_of_procurement)
    core.subscribe(ReceiptReversed, announcing(queries.RECEIPT_REVERSED))


def screens(core: Core) -> None:
    """Register what procurement shows."""
    from modules.procurement import admin, api

    core.add_view(admin.PurchaseOrderScreen, menu="Procurement", permission="procurement.view")
    core.add_view(admin.IncomingScreen, menu="Procurement", permission="procurement.view")
    core.add_view(admin.ReceiptScreen, menu="Procurement", permission="procurement.view")
    core.add_view(admin.SupplierScreen, menu="Procurement", permission="procurement.view")
    core.add_view(admin.StatusScreen, menu="System Data", permission="procurement.view")
    core.add_work_queue(*admin.QUEUES)
    core.add_dashboard(admin.CARD)
    api.register(core)


MODULE = Module(
    name="procurement",
    title="Procurement",
    version="1.1",
    summary="Suppliers, purchase orders with expected dates and line statuses, and receipts into stock.",
    depends=("inventory_lots",),
    options=(
        Decimal(
            name="over_receipt_percent",
            default=ExactDecimal(0),
            maximum=ExactDecimal(1000),
            help="How many percent of the ordered quantity of a purchase order line may come in on top of it.",
        ),
    ),
    permissions=(
        Permission(
            "procurement.view",
            "See suppliers, purchase orders and receipts",
            ("Merchandiser", "Warehouse clerk", "Sales clerk", "Auditor"),
        ),
        Permission("procurement.edit", "Edit suppliers and purchase orders", ("Merchandiser",)),
        Permission("procurement.receive", "Receive goods of purchase orders", ("Merchandiser", "Warehouse clerk")),
        Permission("procurement.reverse_receipt", "Take back goods that were received", ("Merchandiser",)),
        Permission("procurement.system_data", "Edit purchase line statuses", ("Merchandiser",)),
    ),
    setup=setup,
    screens=screens,
)
