"""Events of sales: what it announces, each for a whole batch."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple


class SupplyGivenBack(NamedTuple):
    """A raw quantity of what a line holds of an incoming supply, by the id of the holding, that it needs no more."""

    kind: str
    holding_id: int
    quantity: int


class SupplyTaken(NamedTuple):
    """A raw quantity of an incoming supply that a line gets."""

    kind: str
    supply_id: int
    line_id: int
    quantity: int


class SupplyExchanged(NamedTuple):
    """A raw quantity of one incoming supply that a line exchanges for as much of another that comes earlier."""

    kind: str
    line_id: int
    given_id: int
    taken_id: int
    quantity: int


class SupplyHeld(NamedTuple):
    """A raw quantity of an incoming supply that is held for a document until an instant."""

    kind: str
    supply_id: int
    quantity: int
    document: str
    until: datetime


@dataclass(frozen=True)
class HoldsChanged:
    """What is held of incoming supply changed: all that was held for the documents `ended` ends, then it is `held`.

    The module that owns the kind of supply writes it. The products are locked.
    """

    ended: tuple[str, ...] = ()
    held: tuple[SupplyHeld, ...] = ()


@dataclass(frozen=True)
class HoldsPassed:
    """The rows of what was held until before an instant, which has passed, count nowhere and may be deleted."""

    before: datetime


@dataclass(frozen=True)
class LinesServed:
    """Lines of these products were served or changed, and their backorder rows are up to date.

    `line_ids` is None where the whole queue was served. `shrunk` are lines whose open backorder became smaller without
    a plan: what they hold of incoming supply must shrink with it. `given_back`, `exchanged` and `taken` are what a run
    planned of incoming supply: the module that owns the kind of supply writes it, in this order. Where they
    `are_promised`, the first promise dates that follow are written already.
    """

    product_ids: tuple[int, ...]
    line_ids: tuple[int, ...] | None
    shrunk: tuple[int, ...] = ()
    given_back: tuple[SupplyGivenBack, ...] = ()
    exchanged: tuple[SupplyExchanged, ...] = ()
    taken: tuple[SupplyTaken, ...] = ()
    are_promised: bool = False


@dataclass(frozen=True)
class PromiseChange:
    """One line's promise date, before and after, and the history entry that records it."""

    line_id: int
    old: date | None
    new: date | None
    history_id: int


@dataclass(frozen=True)
class PromiseDateChanged:
    """Promise dates changed. `cause` is `allocation`, `edit`, `sync` or `import`; `notify` asks to notify customers."""

    changes: tuple[PromiseChange, ...]
    cause: str
    notify: bool = True


@dataclass(frozen=True)
class BackorderChange:
    """The quantity that was cancelled of one backorder, and the history entry that records it."""

    backorder_id: int
    quantity: Decimal
    history_id: int


@dataclass(frozen=True)
class BackorderCancelled:
    """Open backorder quantities were cancelled. `cause` is `clerk`, `order` or `sla`.

    A backorder may be cancelled in parts: each is a change with a history entry of its own.
    """

    changes: tuple[BackorderChange, ...]
    cause: str

    @property
    def backorder_ids(self) -> tuple[int, ...]:
        """The backorders of which something was cancelled."""
        return tuple(change.backorder_id for change in self.changes)


@dataclass(frozen=True)
class OrderConfirmed:
    """Orders were confirmed. Those of a clerk are served already, where `[sales] allocate_on_confirm` says so."""

    order_ids: tuple[int, ...]


@dataclass(frozen=True)
class OrderCancelled:
    """Confirmed orders were cancelled: nothing of them is packed, and nothing is open. A draft is not announced.

    What is announced of their lines and backorders may come before or after it.
    """

    order_ids: tuple[int, ...]


@dataclass(frozen=True)
class LinesAllocated:
    """Stock was allocated to lines: raw quantities by the id of the line."""

    quantities: Mapping[int, int]


@dataclass(frozen=True)
class LinesBackordered:
    """Backorders of lines were made or grew, by raw quantities by the id of the line."""

    quantities: Mapping[int, int]


@dataclass(frozen=True)
class PackedGoods:
    """A quantity of one order line in one pack, and the balance that it left or returned to."""

    pack_id: int
    line_id: int
    balance_id: int
    quantity: Decimal


@dataclass(frozen=True)
class GoodsPacked:
    """Goods left their balances in packs of one order. An order on which nothing is open is done already."""

    order_id: int
    goods: tuple[PackedGoods, ...]


@dataclass(frozen=True)
class Announcement:
    """What a customer is to be told of an order: of which `kind` it is, and quantities by the id of its lines.

    `kind` is the name of one of `announcement_kinds`, and `values` are what it says besides. The same is told once:
    `source_id` names what happened among all of its kind.
    """

    kind: str
    source_id: int
    order_id: int
    quantities: Mapping[int, Decimal]
    values: Mapping[str, str]


@dataclass(frozen=True)
class AnnouncementsMade:
    """Something happened that customers are to be told of. Who tells them, and whether, is up to the subscribers."""

    announcements: tuple[Announcement, ...]


@dataclass(frozen=True)
class PackReversed:
    """Packed goods of one order returned to their balances, for the reason `why`. The order is confirmed again.

    What of them is still allocated to the lines is written already; backorder rows follow with the next run.
    """

    order_id: int
    goods: tuple[PackedGoods, ...]
    why: str
