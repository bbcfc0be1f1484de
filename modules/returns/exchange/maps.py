"""Layouts of files of returns of other systems, as those systems name their columns."""

from erp.exchange import LeaveOut, Map, take

# Odoo exports the moves of a return transfer, which names the delivery that it returns.
ODOO_TRANSFERS = Map(
    name="odoo",
    title="Odoo return transfers",
    kind="returns",
    columns={
        "number": take("Reference", "Transfer"),
        "reason": take("Return Reason", "Note", "Source Document"),
        "pack": take("Source Document", "Origin", part=r"(?:Return of )?(.+)"),
        "sku": take("Product", part=r"^\[([^\]]+)\]"),
        "lot": take("Lot/Serial Number"),
        "quantity": take("Quantity", "Done"),
    },
    leaves_out=(LeaveOut("Status", "cancelled transfers", ("cancelled", "cancel")),),
    ignored=("Date", "From", "To", "Unit of Measure", "Company", "Status"),
    key=("Reference", "Transfer"),
    carried=("Return Reason", "Note", "Source Document", "Origin"),
)
