"""What stock asks of the modules that allocate it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from erp.events import hook


@dataclass(frozen=True)
class BalanceAllocation:
    """A quantity of one balance that is allocated to a document, or held for it; `note` says until when."""

    balance_id: int
    document: str
    quantity: Decimal
    url: str = ""
    customer: str = ""
    note: str = ""


@hook
def allocations_on_balances(session: Session, balance_ids: Sequence[int]) -> list[BalanceAllocation]:
    """Return the allocations on these balances, first in the queue first, each line's in the order of removal.

    Those on stock that may not leave come after all others. The answers are joined.
    """


@hook
def allocations_of_run(session: Session, balance_ids: Collection[int], run_id: int) -> list[BalanceAllocation]:
    """Return what one run allocated on these balances, first in the queue first. The answers are joined."""


@hook
def stock_will_fall(session: Session, quantities: Mapping[int, Decimal]) -> Decimal:
    """Release so much of what is allocated on each balance (by id), in the reverse of `allocations_on_balances`.

    Asked once for all balances, under the locks of their products, before stock falls or a lot's allocations are
    released. Answer how much was released in all; the answers are added up, and the caller checks that there is room.
    """


@hook
def products_in_use(session: Session, product_ids: Sequence[int]) -> set[int]:
    """Return which of these products stand on documents, so that how they are tracked and counted is fixed.

    The answers are united.
    """


@hook
def allocated_incoming(session: Session, product_ids: Sequence[int]) -> dict[int, list[str]]:
    """Return the documents on which incoming goods of these products are allocated, so that their unit is fixed.

    Names of documents by product id; the answers are joined.
    """
