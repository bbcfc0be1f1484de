"""The parts that cover open sales order lines, and their expected dates, promises and lateness.

One pure function over one snapshot: every screen, list, email, sync and promise reads its answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from erp.numbers import format_quantity, sums
from erp.text import joined, named, plural, say
from modules.preorder.coverage.arrivals import Arrivals

ZERO = Decimal(0)
EXPIRES_TOO_SOON = say("expires before it may leave")
NOT_COVERED = say("not covered")
SCHEDULED = "scheduled"


class AllocatedStock(NamedTuple):
    """A quantity that a line has allocated on lots of one last day of use, and why it may not leave."""

    quantity: Decimal
    expires_on: date | None = None
    why_unusable: str = ""


class AllocatedSupply(NamedTuple):
    """A quantity that a line has on a purchase order line."""

    quantity: Decimal
    purchase_line_id: int
    expected_on: date | None
    purchase_order_id: int = 0
    purchase_order: str = ""
    position: int = 0

    @property
    def name(self) -> str:
        """The number of the purchase order and the position of the line."""
        return f"{self.purchase_order}/{self.position}"


class Serials(NamedTuple):
    """How many usable serial numbers of a product are in stock that have one last day of use."""

    quantity: Decimal
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class OpenLine:
    """A sales order line with something open, and what is allocated to it.

    `launch_date` is that of a line sold as a preorder. `ships_complete` is whether its order leaves in one piece only.
    `is_scheduled` is whether it is requested too far ahead to be served now.
    """

    line_id: int
    order_id: int
    product_id: int
    open_quantity: Decimal
    promised: date | None = None
    is_pinned: bool = False
    requested_on: date | None = None
    launch_date: date | None = None
    ships_complete: bool = False
    is_serial: bool = False
    is_scheduled: bool = False
    stock: Sequence[AllocatedStock] = ()
    supply: Sequence[AllocatedSupply] = ()

    def covered_by(self, available: Iterable[AllocatedSupply]) -> OpenLine:
        """Return the line as it would be with what is left of it on these purchase lines, in their order."""
        in_stock = sum((each.quantity for each in self.stock), ZERO)
        left = self.open_quantity - in_stock - sum((each.quantity for each in self.supply), ZERO)
        added: list[AllocatedSupply] = []
        for each in available:
            if quantity := min(left, each.quantity):
                added.append(each._replace(quantity=quantity))
                left -= quantity
        return replace(self, supply=(*self.supply, *added))


class PartKind(StrEnum):
    """What covers a part of a line."""

    stock = "stock"
    blocked = "blocked"
    incoming = "incoming"
    uncovered = "uncovered"


class Part(NamedTuple):
    """A quantity of a line with the day on which it can leave, or the reason why it has none."""

    kind: PartKind
    quantity: Decimal
    day: date | None
    reason: str = ""
    supply: AllocatedSupply | None = None

    def describe(self, today: date) -> str:
        """Return the part in words, such as `4 on 12 Dec 2026 from PO00002`."""
        when = say("today") if self.day == today else say("on {day:%d %b %Y}", day=self.day) if self.day else ""
        source = say("from {purchase_order}", purchase_order=self.supply.purchase_order) if self.supply else ""
        is_aside = self.reason and self.kind != PartKind.uncovered
        reason = say("({reason})", reason=named(self.reason)) if is_aside else named(self.reason)
        kind = say("in stock") if self.kind in (PartKind.stock, PartKind.blocked) and not self.day else ""
        return joined(filter(None, (format_quantity(self.quantity), kind, when, source, reason)))


@dataclass(frozen=True, slots=True)
class Coverage:
    """What covers a line: its parts, and when all that is open of it can leave.

    `deciding` is the incoming part that comes last, of the whole order where it ships complete.
    """

    line: OpenLine
    parts: Sequence[Part]
    expected: date | None
    deciding: Part | None
    today: date

    @property
    def promised(self) -> date | None:
        """The date that the customer was told."""
        return self.line.promised

    @property
    def is_late(self) -> bool:
        """Whether the promise will be broken, or the requested day has passed without any promise.

        What nothing covers of a scheduled line is not late: then what is covered of it decides.
        """
        if self.line.is_scheduled and self.uncovered:
            days = [part.day for part in self.parts if part.kind is not PartKind.uncovered]
            return bool(days) and self.promised is not None and is_late(_latest(days), self.promised, today=self.today)
        return is_late(self.expected, self.promised, requested_on=self.line.requested_on, today=self.today)

    @property
    def purchase_allocated(self) -> Decimal:
        """The quantity on purchase orders."""
        return _quantity(self.parts, PartKind.incoming)

    @property
    def uncovered(self) -> Decimal:
        """The quantity that neither stock nor purchase orders cover."""
        return _quantity(self.parts, PartKind.uncovered)

    @property
    def missing(self) -> str:
        """Why the line has no expected date, in words; empty where it has one, or only other lines have none."""
        without = [part.describe(self.today) for part in self.parts if part.day is None]
        return joined(without, ", ") if without else ""

    def promise(self, buffer_days: int) -> date | None:
        """Return the date that may be promised: the expected date, and the buffer where a part is incoming."""
        if self.expected is None or self.deciding is None:
            return self.expected
        return self.expected + timedelta(buffer_days)

    def describe(self) -> str:
        """Return the parts in words."""
        return joined((part.describe(self.today) for part in self.parts), ", ")


def with_expected_dates(line: OpenLine, dates: Mapping[int, date | None]) -> OpenLine:
    """Return a line as it is when purchase order lines (by id) are expected on other dates."""
    supply = [each._replace(expected_on=dates.get(each.purchase_line_id, each.expected_on)) for each in line.supply]
    return replace(line, supply=supply)


def with_more_supply(line: OpenLine, changes: Sequence[AllocatedSupply]) -> OpenLine:
    """Return a line as it is when it has more of some purchase order lines, and less where a quantity is below 0."""
    supply = {each.purchase_line_id: each for each in line.supply}
    for change in changes:
        had = supply.get(change.purchase_line_id)
        supply[change.purchase_line_id] = (
            change if had is None else had._replace(quantity=had.quantity + change.quantity)
        )
    return replace(line, supply=[each for each in supply.values() if each.quantity])


def with_more_stock(line: OpenLine, changes: Iterable[AllocatedStock]) -> OpenLine:
    """Return a line as it is when it has more in stock, and less where a quantity is below 0."""
    quantities = sums((each[1:], each.quantity) for each in (*line.stock, *changes))
    return replace(line, stock=[AllocatedStock(quantity, *key) for key, quantity in quantities.items() if quantity])


def is_late(expected: date | None, promised: date | None, *, requested_on: date | None = None, today: date) -> bool:
    """Return whether an open line is late.

    It is expected after it was promised, was promised and has no expected date, or was requested on a day that has
    passed and never promised.
    """
    if promised is None:
        return requested_on is not None and requested_on < today
    return expected is None or expected > promised


def cover(
    lines: Iterable[OpenLine], arrivals: Arrivals, serials: Mapping[int, Sequence[Serials]] | None = None
) -> dict[int, Coverage]:
    """Return the coverage of open lines by id; lines of serial products have none.

    All open lines of an order that ships complete have to be among them: they leave together. `serials` are the usable
    serial numbers in stock by product, for the serial lines of such orders.
    """
    found: dict[int, Coverage] = {}
    complete: dict[int, list[OpenLine]] = {}
    for line in lines:
        if not line.is_serial:
            found[line.line_id] = _cover_alone(line, arrivals)
        if line.ships_complete:
            complete.setdefault(line.order_id, []).append(line)
    for together in complete.values():
        found |= _cover_together(together, found, arrivals.today, serials or {})
    return found


def _cover_alone(line: OpenLine, arrivals: Arrivals) -> Coverage:
    ready = ready_on(line.launch_date, arrivals.today)
    parts = [*_stock_parts(line, ready), *(_incoming_part(supply, arrivals, ready) for supply in line.supply)]
    left = line.open_quantity - sum((part.quantity for part in parts), ZERO)
    if left > 0:
        parts.append(Part(PartKind.uncovered, left, None, SCHEDULED if line.is_scheduled else NOT_COVERED))
    return Coverage(line, parts, _latest(part.day for part in parts), _last_incoming(parts), arrivals.today)


def ready_on(launch_date: date | None, today: date) -> date:
    """Return the first day on which anything of a line may leave."""
    return max(today, launch_date or today)


def _stock_parts(line: OpenLine, ready: date) -> list[Part]:
    quantities = sums((_stock_key(stock, ready), stock.quantity) for stock in line.stock)
    return [Part(kind, quantity, day, reason) for (kind, day, reason), quantity in quantities.items()]


def _stock_key(stock: AllocatedStock, ready: date) -> tuple[PartKind, date | None, str]:
    if stock.why_unusable:
        return PartKind.blocked, None, stock.why_unusable
    if expires_before(stock.expires_on, ready):
        return PartKind.stock, None, EXPIRES_TOO_SOON
    return PartKind.stock, ready, ""


def expires_before(expires_on: date | None, ready: date) -> bool:
    """Return whether stock expires before the first day on which its line may leave."""
    return expires_on is not None and expires_on < ready


def _incoming_part(supply: AllocatedSupply, arrivals: Arrivals, ready: date) -> Part:
    arrival = arrivals.arrival(supply.expected_on)
    overdue = arrivals.overdue_by(supply.expected_on)
    reason = say("overdue by {days}", days=plural(overdue, "day")) if overdue else "" if arrival else say("no date")
    return Part(PartKind.incoming, supply.quantity, max(arrival, ready) if arrival else None, reason, supply)


def _latest(days: Iterable[date | None]) -> date | None:
    """Return the latest of days; None where one of them is."""
    latest = date.min
    for day in days:
        if day is None:
            return None
        latest = max(latest, day)
    return latest


def _last_incoming(parts: Iterable[Part]) -> Part | None:
    """Return the incoming part that comes last: no date counts as latest; of equal ones the last."""
    last: Part | None = None
    for part in parts:
        if part.kind is PartKind.incoming and (last is None or (part.day or date.max) >= (last.day or date.max)):
            last = part
    return last


def _cover_together(
    lines: Sequence[OpenLine], alone: Mapping[int, Coverage], today: date, serials: Mapping[int, Sequence[Serials]]
) -> dict[int, Coverage]:
    """Return the coverage of the open lines of an order that leaves in one piece: all on the latest day of any."""
    own = [alone[line.line_id] for line in lines if not line.is_serial]
    together = _latest(
        [*(each.expected for each in own), *(ready_on(line.launch_date, today) for line in lines if line.is_serial)]
    )
    if together and not (_lots_last(lines, together) and _enough_serials(lines, together, serials)):
        together = None
    deciding = _last_incoming(part for each in own for part in each.parts)
    return {each.line.line_id: Coverage(each.line, each.parts, together, deciding, today) for each in own}


def _lots_last(lines: Iterable[OpenLine], day: date) -> bool:
    """Return whether no lot that is allocated to the lines expires before a day."""
    return all(stock.expires_on is None or stock.expires_on >= day for line in lines for stock in line.stock)


def _enough_serials(lines: Iterable[OpenLine], day: date, serials: Mapping[int, Sequence[Serials]]) -> bool:
    wanted = sums((line.product_id, line.open_quantity) for line in lines if line.is_serial)
    lasting = sums(
        (product_id, each.quantity)
        for product_id in wanted
        for each in serials.get(product_id, ())
        if each.expires_on is None or each.expires_on >= day
    )
    return all(lasting.get(product_id, ZERO) >= quantity for product_id, quantity in wanted.items())


def _quantity(parts: Iterable[Part], kind: PartKind) -> Decimal:
    return sum((part.quantity for part in parts if part.kind is kind), ZERO)
