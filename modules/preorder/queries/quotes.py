"""What quotes hold of purchase order lines."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.db import is_one_of
from erp.text import say
from modules.preorder.domain import PURCHASE_LINE
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine


def incoming_names(session: Session, kind: str, ids: Collection[int]) -> dict[int, str]:
    """Answer what users call purchase order lines."""
    if kind != PURCHASE_LINE:
        return {}
    rows = session.execute(
        select(PurchaseOrderLine.id, PurchaseOrder.number, PurchaseOrderLine.position)
        .join(PurchaseOrderLine.order)
        .where(is_one_of(session, PurchaseOrderLine.id, ids))
    )
    return {
        id_: say("Purchase order {number}/{position}", number=number, position=position)
        for id_, number, position in rows
    }
