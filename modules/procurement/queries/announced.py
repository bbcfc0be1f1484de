"""What programs are told of facts of procurement, as JSON has it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.api import Announcement, Said
from erp.db import format_quantity
from modules.inventory_lots.models import Product
from modules.procurement.events import ReceiptReversed
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine, Receipt, ReceiptReversal


def say_receipt_reversed(session: Session, fact: ReceiptReversed) -> list[Said]:
    """Return what of a receipt was taken back last, of which line, and why."""
    columns = (
        *(PurchaseOrder.number, PurchaseOrderLine.position, Product.sku),
        *(ReceiptReversal.quantity, ReceiptReversal.reason),
    )
    rows = (
        select(*columns)
        .join(Receipt.reversals)
        .join(Receipt.line)
        .join(PurchaseOrderLine.order)
        .join(PurchaseOrderLine.product)
        .where(Receipt.id == fact.receipt_id)
        .order_by(ReceiptReversal.id.desc())
    )
    return [
        Said(
            {
                "receipt": fact.receipt_id,
                "purchase_order": number,
                "purchase_line": position,
                "sku": sku,
                "quantity": format_quantity(quantity),
                "why": why,
            }
        )
        for number, position, sku, quantity, why in session.execute(rows.limit(1))
    ]


RECEIPT_REVERSED = Announcement(
    "receipt-reversed", "Received goods were taken back", ReceiptReversed, say_receipt_reversed
)


def announcements_of_procurement(_session: Session) -> list[Announcement]:
    """Answer of which facts of procurement programs can be told."""
    return [RECEIPT_REVERSED]
