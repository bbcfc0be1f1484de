"""Which promises a change of arrival dates breaks, and what else could serve them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from erp.db import format_quantity, from_raw, is_one_of
from erp.options import options
from modules.preorder.domain import is_late
from modules.preorder.models import PurchaseAllocation
from modules.preorder.queries.dates import Expectation, expectations
from modules.preorder.queries.purchase_allocations import is_open_purchase_allocation
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.queries import supply_order, unallocated_supply
from modules.sales.models import Customer, Order, OrderLine
from modules.sales.queries import service_order


@dataclass(frozen=True)
class Alternative:
    """Another purchase order line that has something left, and when it is expected."""

    order_id: int
    name: str
    available: Decimal
    expected_on: date | None

    def __str__(self) -> str:
        day = f"expected {self.expected_on:%d %b %Y}" if self.expected_on else "without a date"
        return f"{format_quantity(self.available)} of {self.name}, {day}"


@dataclass(frozen=True)
class BrokenPromise:
    """A promise that would not be kept; `days` late, None where there would be no expected date at all."""

    line_id: int
    purchase_line_id: int
    order_id: int
    order: str
    position: int
    customer: str
    product_id: int
    product: str
    purchase_allocated: Decimal
    promised: date
    expected: date | None
    alternatives: Sequence[Alternative]

    @property
    def days(self) -> int | None:
        """How many days later than promised it would be there."""
        return None if self.expected is None else (self.expected - self.promised).days

    def __str__(self) -> str:
        promise = f"{self.customer} was promised {self.product} for {self.promised:%d %b %Y}"
        if self.expected is None or self.days is None:
            return f"{promise}; it would have no expected date."
        return f"{promise}; it would come on {self.expected:%d %b %Y}, {_days(self.days)} late."


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"


def broken_promises(session: Session, arrivals: Mapping[int, date | None]) -> list[BrokenPromise]:
    """Return the promises that these arrival dates (by purchase order line) would break or break further.

    In order of service; each with the other incoming supply of its product that would still be in time or, where
    none would, that is there at all.
    """
    purchase_allocated = OrderLine.id.in_(
        select(PurchaseAllocation.line_id).where(
            is_open_purchase_allocation(), is_one_of(session, PurchaseAllocation.purchase_line_id, arrivals)
        )
    )
    before = expectations(session, purchase_allocated)
    after = expectations(session, purchase_allocated, arrivals=dict(arrivals))
    broken = {id_: row for id_, row in after.items() if _gets_worse(before[id_], row)}
    return _described(session, broken, arrivals) if broken else []


def _gets_worse(before: Expectation, after: Expectation) -> bool:
    if not is_late(after.expected, after.promised) or before.expected == after.expected:
        return False
    return after.expected is None or before.expected is None or after.expected > before.expected


def _described(
    session: Session, broken: Mapping[int, Expectation], arrivals: Mapping[int, date | None]
) -> list[BrokenPromise]:
    rows = session.execute(
        select(OrderLine, Order, Customer.name)
        .options(joinedload(OrderLine.product))
        .join(Order, Order.id == OrderLine.order_id)
        .join(Customer, Customer.id == Order.customer_id)
        .where(is_one_of(session, OrderLine.id, broken))
        .order_by(*service_order())
    ).all()
    others = _alternatives(session, {line.product_id for line, *_ in rows}, arrivals)
    breaking = _breaking(session, broken, arrivals)
    return [
        BrokenPromise(
            line_id=line.id,
            purchase_line_id=breaking[line.id],
            order_id=order.id,
            order=order.name,
            position=line.position,
            customer=customer,
            product_id=line.product_id,
            product=str(line.product),
            purchase_allocated=broken[line.id].cover.purchase_allocated,
            promised=promised,
            expected=broken[line.id].expected,
            alternatives=_in_time(others.get(line.product_id, ()), promised),
        )
        for line, order, customer in rows
        if (promised := line.promise_date) is not None
    ]


def _breaking(session: Session, line_ids: Collection[int], arrivals: Mapping[int, date | None]) -> dict[int, int]:
    """Return the moved purchase order line that breaks each promise: its latest, one without a date before all."""
    rows = session.execute(
        select(PurchaseAllocation.line_id, PurchaseAllocation.purchase_line_id).where(
            is_open_purchase_allocation(),
            is_one_of(session, PurchaseAllocation.line_id, line_ids),
            is_one_of(session, PurchaseAllocation.purchase_line_id, arrivals),
        )
    ).all()
    by_arrival = sorted(rows, key=lambda row: (arrivals[row[1]] is None, arrivals[row[1]] or date.min))
    return dict(by_arrival)


def _alternatives(
    session: Session, product_ids: set[int], arrivals: Mapping[int, date | None]
) -> dict[int, list[Alternative]]:
    """Return the supply of each product that is not linked, but for the lines that move, first expected first."""
    offered = session.execute(unallocated_supply(session, product_ids, options.preorder.past_due_supply_days))
    available = {id_: from_raw(quantity) for id_, _, quantity, _ in offered if id_ not in arrivals}
    rows = session.execute(
        select(PurchaseOrderLine, PurchaseOrder)
        .join(PurchaseOrder, PurchaseOrder.id == PurchaseOrderLine.order_id)
        .where(is_one_of(session, PurchaseOrderLine.id, available))
        .order_by(*supply_order())
    )
    found: dict[int, list[Alternative]] = {}
    for line, order in rows:
        name = f"{order.name}/{line.position}"
        found.setdefault(line.product_id, []).append(Alternative(order.id, name, available[line.id], line.expected_on))
    return found


def _in_time(others: Sequence[Alternative], promised: date) -> Sequence[Alternative]:
    early = [other for other in others if other.expected_on is not None and other.expected_on <= promised]
    return early or others
