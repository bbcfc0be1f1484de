"""What a template would be told about an order that exists, to try it on."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from modules.backorder_email.domain.wording import MessageFacts
from modules.backorder_email.queries.facts import facts_of, news_to_try
from modules.backorder_email.states import Cause
from modules.preorder.models import PurchaseAllocation
from modules.sales.models import Order, OrderLine


def order_to_try(session: Session, number: str) -> Order | None:
    """Return the order of that number; for an empty one the last order that is linked, else the last one."""
    if number:
        return session.scalar(select(Order).where(Order.number == number))
    purchase_allocated = (
        select(Order)
        .join(OrderLine)
        .join(PurchaseAllocation, PurchaseAllocation.line_id == OrderLine.id)
        .order_by(PurchaseAllocation.id.desc())
        .limit(1)
    )
    last = select(Order).where(Order.number.is_not(None)).order_by(Order.id.desc()).limit(1)
    return session.scalars(purchase_allocated).first() or session.scalars(last).first()


def facts_to_try(session: Session, order: Order, cause: Cause) -> MessageFacts | None:
    """Return what a message of this cause could tell about an order; None where it has no lines."""
    news = news_to_try(session, order.id, cause)
    return facts_of(news) if news else None
