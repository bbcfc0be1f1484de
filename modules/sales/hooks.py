"""What sales asks of whoever is installed. No answer means fine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    """One sentence about supply that was looked at for a line: what it is, how much, and why it is (not) used."""

    supply: str
    quantity: Decimal
    reason: str


@hook
def confirm_refusals(
    session: Session, lines: Sequence[OrderLine], *, are_raised: bool = False
) -> Mapping[int, ErpError]:
    """Why lines may not be confirmed (or added, or raised), by line id; asked under the product locks.

    `lines` belong to one or many orders and already bear their new quantity. The answer may also fix
    `is_preorder` on the lines, unless they `are_raised`: then they were confirmed before. All answers' refusals hold.
    """


@hook
def pack_refusals(session: Session, lines: Sequence[OrderLine]) -> Mapping[int, ErpError]:
    """Why lines may not leave now, by line id. All answers' refusals hold."""


@hook
def backorder_kinds(session: Session, line_ids: Sequence[int]) -> Mapping[int, BackorderKind]:
    """Of which kind a new backorder row of these lines is; a line no answer names is a plain backorder."""


@hook
def purchase_allocated(session: Session, line_ids: Sequence[int]) -> Mapping[int, Decimal]:
    """How much incoming supply is linked to these lines (outstanding). The answers are added up."""


@hook
def explain_supply(session: Session, line: OrderLine) -> Sequence[SupplyNote]:
    """What other supply was looked at for this line and why each is used or not. The answers are put together."""


@hook
def purchase_allocation_notes(session: Session, line_ids: Sequence[int]) -> Mapping[int, Sequence[SupplyNote]]:
    """Which incoming supply is linked to these lines: a note for each link. The answers are put together."""


class AllocationRow(NamedTuple):
    """A row of the export `allocations`, behind the id of its order, by which the rows are sorted."""

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
    """What incoming supply is meant for order lines, for the export, in order of order id and line position.

    The answers are merged behind what the same line has from lots.
    """
