"""What a template would be told about an order that exists, to try it on."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import format_quantity
from erp.options import options
from modules.backorder_email.domain.wording import (
    CompanyFacts,
    CustomerFacts,
    LineFacts,
    MessageFacts,
    OrderFacts,
    clean_line,
    plain,
)
from modules.backorder_email.states import Cause
from modules.inventory_lots.models import Product
from modules.preorder.models import Link
from modules.procurement.models import PurchaseLineStatus, PurchaseOrder, PurchaseOrderLine
from modules.sales.models import Order, OrderLine


def order_to_try(session: Session, number: str) -> Order | None:
    """Return the order of that number; for an empty one the last order that is linked, else the last one."""
    if number:
        return session.scalar(select(Order).where(Order.number == number))
    linked = select(Order).join(OrderLine).join(Link, Link.line_id == OrderLine.id).order_by(Link.id.desc()).limit(1)
    last = select(Order).where(Order.number.is_not(None)).order_by(Order.id.desc()).limit(1)
    return session.scalars(linked).first() or session.scalars(last).first()


def facts_to_try(session: Session, order: Order, cause: Cause) -> MessageFacts:
    """Return what a message of this cause could tell about an order: its linked lines, or all where none is."""
    rows = session.execute(_rows().where(OrderLine.order_id == order.id)).all()
    rows = [row for row in rows if row.purchase_order] or rows
    return MessageFacts(
        OrderFacts(order.name, clock.local(order.ordered_at)),
        CustomerFacts(clean_line(order.customer.name)),
        CompanyFacts(clean_line(options.erp.company_name)),
        cause.value,
        clean_line(plain([row.status or "" for row in rows])),
        tuple(_line(row, cause) for row in rows),
    )


def _rows() -> Any:
    columns = (
        *(Product.sku, Product.name, Product.unit, OrderLine.quantity, OrderLine.promise_date, Link.outstanding),
        *(PurchaseOrder.number.label("purchase_order"), PurchaseOrderLine.expected_on),
        PurchaseLineStatus.name.label("status"),
    )
    return (
        select(*columns)
        .select_from(OrderLine)
        .join(Product, Product.id == OrderLine.product_id)
        .outerjoin(Link, and_(Link.line_id == OrderLine.id, Link.ended_at.is_(None)))
        .outerjoin(PurchaseOrderLine, PurchaseOrderLine.id == Link.purchase_line_id)
        .outerjoin(PurchaseOrder, PurchaseOrder.id == PurchaseOrderLine.order_id)
        .outerjoin(PurchaseLineStatus, PurchaseLineStatus.id == PurchaseOrderLine.status_id)
        .order_by(OrderLine.position, Link.id)
    )


def _line(row: Any, cause: Cause) -> LineFacts:
    quantity: Decimal = row.outstanding or row.quantity
    return LineFacts(
        sku=clean_line(row.sku),
        name=clean_line(row.name),
        quantity=Decimal(format_quantity(quantity)),
        unit=clean_line(row.unit),
        promise_date=row.promise_date,
        old_promise_date=row.promise_date if cause is Cause.date_changed else None,
        purchase_order=clean_line(row.purchase_order or ""),
        expected_on=row.expected_on,
    )
