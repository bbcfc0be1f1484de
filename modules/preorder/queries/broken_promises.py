"""Which promises a change of arrival dates breaks, and what else could serve them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.db import is_one_of
from erp.text import plural, say
from modules.preorder.coverage import AllocatedSupply, Coverage, Part
from modules.preorder.models import PurchaseAllocation
from modules.preorder.queries.coverage import line_coverage, with_siblings
from modules.preorder.queries.purchase_lines import Incoming, incoming_lines
from modules.preorder.queries.sales_lines import lines_with_customers
from modules.procurement.hooks import Impact
from modules.sales.models import OrderLine


@dataclass(frozen=True)
class BrokenPromise:
    """A promise that would not be kept, and other supply that could serve the line."""

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
    alternatives: Sequence[Incoming]

    @property
    def days(self) -> int | None:
        """How many days late the line would be; None where it would have no expected date."""
        return None if self.expected is None else (self.expected - self.promised).days

    def __str__(self) -> str:
        promise = say(
            "{customer} was promised {product} for {promised:%d %b %Y}",
            customer=self.customer,
            product=self.product,
            promised=self.promised,
        )
        if self.expected is None or self.days is None:
            return say("{promise}; it would have no expected date.", promise=promise)
        return say(
            "{promise}; it would come on {expected:%d %b %Y}, {days} late.",
            promise=promise,
            expected=self.expected,
            days=plural(self.days, "day"),
        )


def arrival_impact(session: Session, dates: Mapping[int, date | None]) -> list[Impact]:
    """Return the promises that new expected dates of purchase order lines would break, for the page that asks."""
    return [
        Impact(
            line_id=promise.purchase_line_id,
            document="sales.order",
            document_id=promise.order_id,
            name=f"{promise.order}/{promise.position}",
            text=str(promise),
            instead=tuple(str(other) for other in promise.alternatives),
        )
        for promise in broken_promises(session, dates)
    ]


def broken_promises(session: Session, arrivals: Mapping[int, date | None]) -> list[BrokenPromise]:
    """Return the promises that these arrival dates (by purchase order line) would break or break further.

    They come in order of service, each with the other incoming supply of its product that would be in time or, where
    none would, with all of it.
    """
    allocated = select(PurchaseAllocation.line_id).where(
        PurchaseAllocation.is_open, is_one_of(session, PurchaseAllocation.purchase_line_id, arrivals)
    )
    affected = OrderLine.id.in_(select(with_siblings(OrderLine.id.in_(allocated)).c.id))
    before = line_coverage(session, affected)
    after = line_coverage(session, affected, expected=arrivals)
    broken = {id_: found for id_, found in after.items() if _gets_worse(before[id_], found)}
    return _described(session, broken, arrivals) if broken else []


def _gets_worse(before: Coverage, after: Coverage) -> bool:
    if after.promised is None or not after.is_late:
        return False
    if not before.is_late:
        return True
    if before.expected == after.expected:
        return False
    return after.expected is None or before.expected is None or after.expected > before.expected


def _described(
    session: Session, broken: Mapping[int, Coverage], arrivals: Mapping[int, date | None]
) -> list[BrokenPromise]:
    rows = lines_with_customers(session, broken)
    others = _alternatives(session, {line.product_id for line, *_ in rows}, arrivals)
    breaking = _breaking(broken, arrivals)
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
            purchase_allocated=broken[line.id].purchase_allocated,
            promised=promised,
            expected=broken[line.id].expected,
            alternatives=in_time(others.get(line.product_id, ()), promised),
        )
        for line, order, customer in rows
        if (promised := line.promise_date) is not None
    ]


def _breaking(broken: Mapping[int, Coverage], arrivals: Mapping[int, date | None]) -> dict[int, int]:
    """Return the moved purchase order line that breaks each promise: the latest; no date counts as latest.

    An order that ships complete may wait for the moved supply of another of its lines.
    """
    moved = {line_id: _latest_moved(coverage.parts, arrivals) for line_id, coverage in broken.items()}
    by_order = {broken[line_id].line.order_id: part for line_id, part in moved.items() if part}
    return {
        line_id: part.purchase_line_id
        for line_id in broken
        if (part := moved[line_id] or by_order.get(broken[line_id].line.order_id))
    }


def _latest_moved(parts: Sequence[Part], arrivals: Mapping[int, date | None]) -> AllocatedSupply | None:
    found = [part for part in parts if part.supply and part.supply.purchase_line_id in arrivals]
    return max(found, key=lambda part: part.day or date.max).supply if found else None


def _alternatives(
    session: Session, product_ids: set[int], arrivals: Mapping[int, date | None]
) -> dict[int, list[Incoming]]:
    """Return the available supply of each product but for the lines that move, first expected first."""
    found: dict[int, list[Incoming]] = {}
    for line in incoming_lines(session, product_ids):
        if line.id not in arrivals:
            found.setdefault(line.product_id, []).append(line)
    return found


def in_time(others: Sequence[Incoming], promised: date) -> Sequence[Incoming]:
    """Return the supply that arrives by a day or, where none does, all of it."""
    early = [other for other in others if other.arrival is not None and other.arrival <= promised]
    return early or others
