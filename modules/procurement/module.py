"""Procurement: what was ordered from suppliers, when it should be here, and what of it has arrived."""

from decimal import Decimal as ExactDecimal

from erp.module import Core, Decimal, Module, Permission


def setup(core: Core) -> None:
    """Register what procurement has."""
    from modules.procurement import models

    core.add_models(models)


MODULE = Module(
    name="procurement",
    title="Procurement",
    version="1.0",
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
        Permission("procurement.system_data", "Edit purchase line statuses", ("Merchandiser",)),
    ),
    setup=setup,
)
