"""The only writers of wishes."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from erp.options import options
from modules.sales.models import Customer, Order
from modules.sample_module.errors import WishTooLong
from modules.sample_module.models import CustomerTerms, Wish
from modules.sample_module.queries import terms_of, wishes_of


def make_wish(session: Session, order: Order, text: str) -> Wish:
    """Store the wish for an order, replacing an earlier one, and return it; raise WishTooLong."""
    longest = options.sample_module.longest
    if len(text) > longest:
        raise WishTooLong(longest=longest)
    wish = wishes_of(session, [order.id]).get(order.id) or Wish(order_id=order.id)
    wish.text, wish.granted_at = text, None
    session.add(wish)
    session.flush()
    return wish


def grant(session: Session, wishes: Iterable[Wish]) -> int:
    """Grant wishes; return how many were not granted before."""
    new = [wish for wish in wishes if wish.granted_at is None]
    for wish in new:
        wish.granted_at = clock.now()
    session.flush()
    return len(new)


def reopen(session: Session, wishes: Iterable[Wish]) -> None:
    """Make wishes ungranted again."""
    for wish in wishes:
        wish.granted_at = None
    session.flush()


def forget(session: Session, wishes: Iterable[Wish]) -> None:
    """Delete wishes."""
    for wish in wishes:
        session.delete(wish)
    session.flush()


def set_terms(session: Session, customer: Customer, *, wishes_first: bool) -> None:
    """Store whether a customer's wishes come first."""
    terms = terms_of(session, [customer.id]).get(customer.id) or CustomerTerms(customer_id=customer.id)
    terms.wishes_first = wishes_first
    session.add(terms)
    session.flush()


def load_demo(session: Session) -> None:
    """Add a wish to the first order of the demo company."""
    order = session.scalars(select(Order).order_by(Order.id).limit(1)).first()
    if order is not None:
        make_wish(session, order, "Gift paper, please")
        set_terms(session, order.customer, wishes_first=True)
