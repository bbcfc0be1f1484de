"""What the search finds of sales: orders by number and customer, customers by code, name and email, packs by number."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from erp.contacts import find_contacts
from erp.search import RELATED, Found, SearchSource, Sought, ids_by_words, rows_by_number
from erp.text import joined, say, word
from modules.sales.models import Customer, Order, Pack

# Of how many customers with a name the orders are found.
CUSTOMERS = 3


def find_orders(session: Session, sought: Sought, limit: int) -> list[Found]:
    """Return the orders with this number, then the latest ones of the customers who are called so."""
    rows = select(Order).options(joinedload(Order.customer))
    found = rows_by_number(session, rows, Order.number, sought, limit, prefix="SO")
    customers = ids_by_words(session, Customer, sought, CUSTOMERS) if len(found) < limit else {}
    if customers:
        known = [order.id for order, _ in found]
        latest = rows.where(Order.customer_id.in_(customers), Order.id.not_in(known)).order_by(Order.id.desc())
        found += [(order, RELATED) for order in session.scalars(latest.limit(limit - len(found)))]
    return [
        Found(order.id, order.name, joined((order.customer.name, word(order.state)), " · "), rank)
        for order, rank in found
    ]


def find_customers(session: Session, sought: Sought, limit: int) -> list[Found]:
    """Return the customers who have every word in their code, name or email address."""
    return find_contacts(session, Customer, sought, limit)


def find_packs(session: Session, sought: Sought, limit: int) -> list[Found]:
    """Return the packs with this number."""
    rows = select(Pack).options(joinedload(Pack.order))
    found = rows_by_number(session, rows, Pack.number, sought, limit, prefix="PK")
    return [Found(pack.id, pack.number, say("of {order}", order=pack.order.name), rank) for pack, rank in found]


SEARCHES = (
    SearchSource("sales.order", "Sales order", find_orders),
    SearchSource("sales.customer", "Customer", find_customers),
    SearchSource("sales.pack", "Pack", find_packs),
)
