"""Lines whose coverage would change, before and after, with their customers, promises and values."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.db import is_one_of
from erp.text import say
from modules.inventory_lots.models import Product
from modules.preorder.coverage import Coverage
from modules.sales.models import Customer, Order, OrderLine
from modules.sales.queries import service_order


@dataclass(frozen=True)
class LineChange:
    """A sales order line whose expected date or covered quantity would change."""

    line_id: int
    order_id: int
    number: str
    position: int
    customer: str
    sku: str
    unit: str
    value: Decimal
    before: Coverage
    after: Coverage

    @property
    def promised(self) -> date | None:
        """The date that the customer was told."""
        return self.after.promised

    @property
    def name(self) -> str:
        """The number of the order and the position of the line."""
        return f"{self.number}/{self.position}"

    @property
    def days(self) -> int | None:
        """How many days later the line would be expected; None where it had or would have no date."""
        if self.before.expected is None or self.after.expected is None:
            return None
        return (self.after.expected - self.before.expected).days

    @property
    def is_broken(self) -> bool:
        """Whether the promise would be broken."""
        return self.promised is not None and self.after.is_late

    @property
    def outcome(self) -> str:
        """What becomes of the promise, in words."""
        if self.promised is None:
            return say("never promised")
        return say("promise broken") if self.is_broken else say("promise kept")

    def __str__(self) -> str:
        old, new = (day or say("no date") for day in (self.before.expected, self.after.expected))
        line = f"{self.name} {self.sku}, {self.customer}"
        return say("{line}: {old} -> {new}, {outcome}.", line=line, old=old, new=new, outcome=self.outcome)


def line_changes(
    session: Session, before: Mapping[int, Coverage], after: Mapping[int, Coverage]
) -> Sequence[LineChange]:
    """Return what changes between two coverages of the same lines: broken promises first, then in order of service."""
    changed = {line_id for line_id, was in before.items() if _differ(was, after[line_id])}
    found = describe_lines(session, changed, before, after)
    return sorted(found, key=lambda change: not change.is_broken)


def describe_lines(
    session: Session, line_ids: Collection[int], before: Mapping[int, Coverage], after: Mapping[int, Coverage]
) -> list[LineChange]:
    """Return lines with their coverage before and after, in order of service."""
    columns = (
        *(OrderLine.id, OrderLine.order_id, Order.number, OrderLine.position, Customer.name),
        *(Product.sku, Product.unit, OrderLine.unit_price, OrderLine.open_quantity.label("open_quantity")),
    )
    rows = session.execute(
        select(*columns)
        .join(OrderLine.order)
        .join(Order.customer)
        .join(OrderLine.product)
        .where(is_one_of(session, OrderLine.id, line_ids))
        .order_by(*service_order(session))
    )
    return [
        LineChange(
            line_id=line_id,
            order_id=order_id,
            number=number or "",
            position=position,
            customer=customer,
            sku=sku,
            unit=unit,
            value=(price or Decimal(0)) * quantity,
            before=before[line_id],
            after=after[line_id],
        )
        for line_id, order_id, number, position, customer, sku, unit, price, quantity in rows
    ]


def _differ(before: Coverage, after: Coverage) -> bool:
    return (before.expected, before.uncovered) != (after.expected, after.uncovered)
