"""Open backorders that purchase orders do not cover."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from erp.db import raw, read_rows
from modules.inventory_lots.models import Product
from modules.preorder.domain import Uncovered
from modules.preorder.queries.purchase_allocations import MOST_SHOWN, NOTHING
from modules.preorder.queries.sales_lines import in_scope
from modules.sales.models import Backorder, Customer, Order, OrderLine
from modules.sales.queries import Scope, is_waiting, service_order
from modules.sales.states import OrderState


def uncovered_backorders(session: Session, scope: Scope) -> list[Uncovered]:
    """Return what purchase orders do not cover of open backorders, product by product, each in order of service.

    Lines on hold are left out unless the scope names them.
    """
    may = is_waiting(session) if scope.line_ids is None else Order.state == OrderState.confirmed
    uncovered = Backorder.open_quantity - OrderLine.incoming
    waiting = (
        select(OrderLine.id, OrderLine.product_id, raw(uncovered))
        .select_from(Backorder)
        .join(OrderLine, and_(OrderLine.id == Backorder.line_id, Backorder.is_open))
        .join(OrderLine.order)
        .join(Product, Product.id == OrderLine.product_id)
        # What is on backorder is needed too: the condition lets the index of needing lines find these lines.
        .where(in_scope(session, scope), OrderLine.has_need, may, uncovered > NOTHING)
        .order_by(OrderLine.product_id, *service_order(session))
    )
    return list(map(Uncovered._make, read_rows(session, waiting)))


def waiting_lines(session: Session, product_id: int) -> Sequence[Any]:
    """Return the first open backorders of a product that purchase orders do not cover, in order of service.

    Lines on hold are among them: a clerk may allocate what automatic runs leave alone.
    """
    remainder = Backorder.open_quantity - OrderLine.incoming
    rows = (
        select(
            Backorder.id,
            OrderLine.id.label("line_id"),
            Order.id.label("order_id"),
            Order.number,
            OrderLine.position,
            Customer.name.label("customer"),
            Order.ordered_at,
            OrderLine.requested_on,
            OrderLine.promise_date,
            OrderLine.hold_allocation,
            Backorder.kind,
            Backorder.open_quantity.label("waiting"),
            OrderLine.incoming.label("purchase_allocated"),
            remainder.label("remainder"),
        )
        .select_from(Backorder)
        .join(OrderLine, and_(OrderLine.id == Backorder.line_id, Backorder.is_open))
        .join(OrderLine.order)
        .join(Order.customer)
        .where(Order.state == OrderState.confirmed, remainder > NOTHING, OrderLine.product_id == product_id)
        .order_by(*service_order(session))
        .limit(MOST_SHOWN)
    )
    return session.execute(rows).all()
