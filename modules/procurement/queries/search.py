"""What the search finds of procurement: purchase orders by number and supplier; suppliers by code, name and email."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from erp.contacts import find_contacts
from erp.search import RELATED, Found, SearchSource, Sought, ids_by_words, rows_by_number
from erp.text import joined, word
from modules.procurement.models import PurchaseOrder, Supplier

# Of how many suppliers with a name the purchase orders are found.
SUPPLIERS = 3


def find_purchase_orders(session: Session, sought: Sought, limit: int) -> list[Found]:
    """Return the purchase orders with this number, then the latest ones at the suppliers who are called so."""
    rows = select(PurchaseOrder).options(joinedload(PurchaseOrder.supplier))
    found = rows_by_number(session, rows, PurchaseOrder.number, sought, limit, prefix="PO")
    suppliers = ids_by_words(session, Supplier, sought, SUPPLIERS) if len(found) < limit else {}
    if suppliers:
        known = [order.id for order, _ in found]
        latest = rows.where(PurchaseOrder.supplier_id.in_(suppliers), PurchaseOrder.id.not_in(known))
        newest = latest.order_by(PurchaseOrder.id.desc()).limit(limit - len(found))
        found += [(order, RELATED) for order in session.scalars(newest)]
    return [
        Found(each.id, each.name, joined((each.supplier.name, word(each.state)), " · "), rank) for each, rank in found
    ]


def find_suppliers(session: Session, sought: Sought, limit: int) -> list[Found]:
    """Return the suppliers who have every word in their code, name or email address."""
    return find_contacts(session, Supplier, sought, limit)


SEARCHES = (
    SearchSource("procurement.purchase_order", "Purchase order", find_purchase_orders),
    SearchSource("procurement.supplier", "Supplier", find_suppliers),
)
