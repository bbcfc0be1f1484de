"""Rules of returns, as functions over values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from erp.text import say
from modules.returns.errors import MoreThanPacked, NothingReturned, OrdersDiffer, ReasonNeeded
from modules.returns.states import Outcome, ReturnCause

# Where returned goods wait for inspection, in each warehouse, unless a user chooses another quarantine.
RETURNS = "RETURNS"
# The kinds of announcements to customers.
ANNOUNCE_RECEIVED, ANNOUNCE_INSPECTED, ANNOUNCE_REPLACED = "returns.received", "returns.inspected", "returns.replaced"


@dataclass(frozen=True)
class Goods:
    """A quantity of one pack line that comes back."""

    pack_line_id: int
    quantity: Decimal


@dataclass(frozen=True)
class NewReturn:
    """A return to be made; without a number it gets the next one."""

    reason: str
    goods: Sequence[Goods]
    number: str = ""
    cause: ReturnCause = ReturnCause.other


@dataclass(frozen=True)
class Packed:
    """What was packed in one pack line, of which order, and how much of it is neither reversed nor returned."""

    pack_line_id: int
    order_id: int
    order: str
    product_id: int
    sku: str
    lot: str
    decimals: int
    left: Decimal

    @property
    def what(self) -> str:
        """How messages name it."""
        return say("{sku} lot {lot}", sku=self.sku, lot=self.lot)

    def less(self, quantity: Decimal) -> Packed:
        """Return the same where so much more is returned."""
        return replace(self, left=self.left - quantity)


@dataclass(frozen=True)
class Decision:
    """What inspection decided: the outcome, and the location of goods that stay in the warehouse."""

    outcome: Outcome
    location_id: int | None = None
    note: str = ""


def check_return(new: NewReturn, packed: Sequence[Packed]) -> None:
    """Raise what is wrong with a return of these pack lines; `packed` are its goods, in their order."""
    if not new.reason.strip():
        raise ReasonNeeded
    if not new.goods or any(goods.quantity <= 0 for goods in new.goods):
        raise NothingReturned
    orders = dict.fromkeys(line.order for line in packed)
    if len(orders) > 1:
        raise OrdersDiffer(orders=list(orders))
    for goods, line in zip(new.goods, packed, strict=True):
        if goods.quantity > line.left:
            raise MoreThanPacked(what=line.what, quantity=goods.quantity, left=line.left)


def gather(quantity: Decimal, lines: Sequence[Packed]) -> list[Goods]:
    """Return which of the pack lines of one lot a quantity comes from; raise MoreThanPacked."""
    left = sum((line.left for line in lines), Decimal(0))
    if quantity > left:
        raise MoreThanPacked(what=lines[0].what, quantity=quantity, left=left)
    return spread(quantity, lines)


def spread(quantity: Decimal, lines: Iterable[Packed]) -> list[Goods]:
    """Return which pack lines a quantity comes from, the first first; there is no more than is left of them."""
    goods: list[Goods] = []
    for line in lines:
        if taken := min(line.left, quantity):
            goods.append(Goods(line.pack_line_id, taken))
            quantity -= taken
    return goods
