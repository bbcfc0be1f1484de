"""Questions that sales asks of the modules that are on. No answer means fine; an answer never writes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from erp.errors import ErpError
from erp.events import hook, reading_hook
from erp.text import Note
from modules.sales.planning import Holding, LastArrival, Supply, Taken
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
def products_to_check(session: Session, product_ids: Collection[int]) -> Collection[int]:
    """Of which of these products `confirm_refusals` has to see the lines of an import.

    A module that answers `confirm_refusals` and not this sees them all. What an answer names, every module sees.
    """


class WantedQuantity(NamedTuple):
    """A quantity of a product for which a quote is asked."""

    product_id: int
    quantity: Decimal


@dataclass(frozen=True)
class QuoteTerms:
    """Under which terms lines are quoted, by their place in what was asked.

    `refusals` say why some cannot be, and `preorders` are those that would be sold before their launch, each with the
    day of it: nothing of them leaves before. `buffer_days` are added to the day of what is still to come.
    """

    refusals: Mapping[int, ErpError]
    preorders: Mapping[int, date]
    buffer_days: int = 0


@hook
def quote_terms(session: Session, lines: Sequence[WantedQuantity]) -> QuoteTerms:
    """Under which terms these lines are quoted, asked under the product locks. The terms of all answers hold."""


@hook
def pack_refusals(session: Session, lines: Sequence[OrderLine]) -> Mapping[int, ErpError]:
    """Why lines may not leave now, by line id. The refusals of all answers hold."""


@hook
def reversal_refusals(session: Session, pack_line_ids: Sequence[int]) -> Mapping[int, ErpError]:
    """Why packed goods may not go back to their balances, by pack line id; asked under the product locks.

    The refusals of all answers hold.
    """


@hook
def promise_days(session: Session, arrivals: Collection[LastArrival]) -> Mapping[LastArrival, date]:
    """Which day may be promised first to lines, by when the last of what covers them is there.

    They are no preorders, and leave without the other lines of their orders. The last answer about an arrival counts; a
    line without one has its promise date from what announces LinesServed.
    """


@hook
def backorder_kinds(session: Session, line_ids: Sequence[int]) -> Mapping[int, BackorderKind]:
    """Of which kind a new backorder row of these lines is; it is `backorder` where no answer names the line."""


@hook
def lines_spared(session: Session, line_ids: Sequence[int]) -> Collection[int]:
    """Which of these lines keep their backorders however long they wait; the answers are united."""


@dataclass(frozen=True)
class IncomingRules:
    """What runs do with incoming supply: whether they allocate it, `skips` and `rebalances` as in `planning.Rules`."""

    allocates: bool
    skips: bool
    rebalances: bool = False


@hook
def incoming_rules(session: Session) -> IncomingRules:
    """What runs do with incoming supply. They allocate it if an answer says so, and do what one of those says."""


@dataclass(frozen=True)
class ServiceRule:
    """What a module adds to the order of service, in SQL.

    `first` is a whole number of an order line that is joined to its order: of lines of equal priority those with the
    smaller number are served before the others. A line that is not stored yet, being typed or asked for in a quote, and
    one without a number have the number `of_new`. `holds` is the condition on an order line, joined to its order and
    product, that no automatic run serves it; `why` says so in a sentence. As with a line that a user holds, Allocate
    Order and allocating by hand serve it all the same.
    """

    first: ColumnElement[int] | None = None
    of_new: int = 0
    holds: ColumnElement[bool] | None = None
    why: str = ""


@reading_hook
def service_rule(session: Session) -> ServiceRule:
    """What is added to the order of service; asked once for each snapshot of demand, and by all that shows its order.

    Numbers of the first answer count before those of the next, and all of them after the priority of the order. A line
    is held if an answer holds it.
    """


@hook
def incoming_supply(session: Session, product_ids: Collection[int]) -> Sequence[Supply]:
    """The supply of these products that is to come and that runs may give out, with what is free of each: 0 too.

    It comes product by product, in the order in which it serves demand. The answers are merged by day.
    """


@hook
def incoming_holdings(session: Session, line_ids: Collection[int]) -> Sequence[Holding]:
    """What these lines hold of incoming supply; of each line first what it gives back first.

    The answers are put together. What a run plans is counted on the lines as incoming; a module that reserves or frees
    something apart from runs counts it with `count_incoming`.
    """


@dataclass(frozen=True)
class AnnouncementKind:
    """A kind of announcement to customers: its `name`, `<module>.<what>`, and what it is called.

    `values` are what one says besides the order and its lines: by name what it is, and an example.
    """

    name: str
    title: str
    values: Mapping[str, tuple[str, str]]


@hook
def announcement_kinds(session: Session) -> Sequence[AnnouncementKind]:
    """Which kinds of announcements `AnnouncementsMade` has; each is a type of email. The answers are put together."""


@hook
def incoming_names(session: Session, kind: str, ids: Collection[int]) -> Mapping[int, str]:
    """What users call supplies of a kind that are to come, by id; asked to show what is held of them."""


@hook
def gain_notes(session: Session, gained: Collection[Taken]) -> Sequence[Note]:
    """Whom it would notify if this was newly allocated of incoming supply; asked before a run is applied.

    The answers are put together.
    """


@hook
def covered_condition(session: Session) -> ColumnElement[bool]:
    """The condition in SQL on an order line that something of it is on incoming supply; the answers are united."""


@hook
def staying_condition(session: Session) -> ColumnElement[bool]:
    """The condition in SQL on an order line that `pack_refusals` refuses it now; the answers are united.

    Where a module answers `pack_refusals` alone, work lists ask it about every line that has something allocated.
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
