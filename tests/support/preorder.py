"""Ready preorders for tests: products with a launch, and purchase allocations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.registry import current_registry
from modules.inventory_lots.models import Product
from modules.preorder import services
from modules.preorder.domain import PreorderTerms
from modules.preorder.models import OnHandChange, PurchaseAllocation
from modules.procurement.models import PurchaseOrderLine
from modules.sales.models import OrderLine
from tests.support.inventory_lots import make_product

LAUNCH = date(2027, 1, 15)


def make_preorder_product(
    session: Session, *, launch_date: date | None = LAUNCH, limit: Decimal | int | None = None, **overrides: Any
) -> Product:
    """Return a product that is sold as a preorder until its launch. Commits."""
    product = make_product(session, **overrides)
    terms = PreorderTerms(launch_date is not None, launch_date, None if limit is None else Decimal(limit))
    services.save_product(session, product, terms)
    session.commit()
    return product


def allocate_purchase(
    session: Session, line: OrderLine, purchase_line: PurchaseOrderLine, quantity: Decimal | int | str
) -> None:
    """Allocate a quantity of a purchase order line to a sales order line by hand. Commits."""
    allocate_many(session, {(line, purchase_line): quantity})


def allocate_many(session: Session, amounts: Mapping[tuple[OrderLine, PurchaseOrderLine], Decimal | int | str]) -> None:
    """Allocate quantities by hand in one action. Commits."""
    ids = {(line.id, purchase.id): Decimal(quantity) for (line, purchase), quantity in amounts.items()}
    session.commit()
    services.allocate_by_hand(session, ids)
    session.commit()


def purchase_allocations_of(session: Session, line: OrderLine, *, open_only: bool = True) -> list[PurchaseAllocation]:
    """Return the purchase allocations of a sales order line, oldest first."""
    rows = select(PurchaseAllocation).where(PurchaseAllocation.line_id == line.id).order_by(PurchaseAllocation.id)
    return list(session.scalars(rows.where(PurchaseAllocation.is_open) if open_only else rows))


def outstanding(session: Session, *lines: OrderLine) -> list[Decimal]:
    """Return what each of these sales order lines has on purchase orders."""
    return [sum((row.outstanding for row in purchase_allocations_of(session, line)), Decimal(0)) for line in lines]


def broken(session: Session) -> list[str]:
    """Return the breaches of invariants that `erp check` would print."""
    registry = current_registry()
    return [breach for check in registry.live(registry.checks) for breach in check(session)]


def make_on_hand_change(session: Session, product: Product, day: date, quantity: int, note: str = "") -> OnHandChange:
    """Return a scheduled on-hand change."""
    change = OnHandChange(product=product, date=day, quantity=Decimal(quantity), note=note)
    session.add(change)
    session.flush()
    return change
