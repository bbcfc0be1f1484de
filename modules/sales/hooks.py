"""Questions that sales asks of the modules that are on. No answer means fine; an answer never writes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy.orm import Session

from erp.errors import ErpError
from erp.events import hook
from modules.sales.states import BackorderKind

if TYPE_CHECKING:
    from modules.sales.models import OrderLine


@dataclass(frozen=True)
class SupplyNote:
    """A supply that a run considers for a line: what it is, how much it is, and why it is or is not used."""

    supply: str
    quantity: Decimal
    reason: str


@hook
def confirm_refusals(
    session: Session, lines: Sequence[OrderLine], *, are_raised: bool = False
) -> Mapping[int, ErpError]:
    """Why lines may not be confirmed (or added, or raised), by line id; asked under the product locks.

    `lines` belong to one or many orders and already have their new quantity. The answer may also set `is_preorder` on
    the lines, unless they `are_raised`: then they were confirmed before. The refusals of all answers hold.
    """


@hook
def pack_refusals(session: Session, lines: Sequence[OrderLine]) -> Mapping[int, ErpError]:
    """Why lines may not leave now, by line id. The refusals of all answers hold."""


@hook
def backorder_kinds(session: Session, line_ids: Sequence[int]) -> Mapping[int, BackorderKind]:
    """Of which kind a new backorder row of these lines is; it is `backorder` where no answer names the line."""


@hook
def lines_spared(session: Session, line_ids: Sequence[int]) -> Collection[int]:
    """Which of these lines keep their backorders however long they wait; the answers are united."""


@hook
def purchase_allocated(session: Session, line_ids: Sequence[int]) -> Mapping[int, Decimal]:
    """The outstanding quantity of these lines on purchase orders, by line id. The answers are added up."""


@dataclass(frozen=True)
class IncomingRun:
    """What a run would ask of incoming supply: its uncovered lines in order, and what it gives back by product.

    A demand is (line id, product id, raw quantity); `freed` are raw quantities of purchase orders that the run's lines
    need no more.
    """

    demands: Sequence[tuple[int, int, int]]
    freed: Mapping[int, int]


@hook
def incoming_quantities(session: Session, runs: Sequence[IncomingRun]) -> Mapping[int, int]:
    """How much incoming supply these runs would give to each line, in raw quantities, one run after the other.

    The answers are added up.
    """


@hook
def explain_supply(session: Session, line: OrderLine) -> Sequence[SupplyNote]:
    """Which incoming supply a run considers for this line, and why it is used or not. The answers are put together."""


@hook
def purchase_allocation_notes(session: Session, line_ids: Sequence[int]) -> Mapping[int, Sequence[SupplyNote]]:
    """The purchase allocations of these lines: a note for each, by line id. The answers are put together."""


class AllocationRow(NamedTuple):
    """A row of the export `allocations`, after the id of its order, by which the rows are sorted."""

    order_id: int
    order: str
    line: int
    sku: str
    source: str
    lot: str | None
    location: str | None
    purchase_order: str | None
    purchase_line: int | None
    quantity: Decimal
    packed: Decimal
    promise_date: date | None


@hook
def incoming_allocations(session: Session) -> Iterable[AllocationRow]:
    """The purchase allocations of all order lines, for the export, by order id and line position.

    They are merged with the allocations on lots; of the same line, lots come first.
    """
