"""Reverse Pack: the goods of a pack return to the balances that they came from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from erp import clock, history
from erp.db import bulk_add, bulk_insert, format_quantity, raw_instant, to_raw
from erp.errors import NotFound
from erp.events import current_run, publish
from erp.numbers import sums
from erp.text import say
from modules.inventory_lots.services import Key, Taking, put_back
from modules.sales import queries
from modules.sales.domain import return_outcome
from modules.sales.errors import AlreadyReversed, ReasonMissing
from modules.sales.events import PackedGoods, PackReversed
from modules.sales.hooks import reversal_refusals
from modules.sales.models import Allocation, Order, OrderLine, Pack, PackLine, PackReversal
from modules.sales.services.allocations import hold_lines
from modules.sales.services.locking import lock_order
from modules.sales.services.releases import free_allocations
from modules.sales.states import ORDER

_Row = Row[*tuple[Any, ...]]


@dataclass(frozen=True)
class Returned:
    """A quantity of a line that returned from a pack, and what has become of it."""

    position: int
    sku: str
    quantity: Decimal
    outcome: str

    def __str__(self) -> str:
        return say(
            "{quantity} of {sku} (line {position}, {outcome})",
            quantity=format_quantity(self.quantity),
            sku=self.sku,
            position=self.position,
            outcome=self.outcome,
        )


def reverse_pack(
    session: Session,
    pack_id: int,
    pack_line_ids: Collection[int] | None = None,
    *,
    why: str,
    free: bool = False,
    hold: bool = False,
) -> list[Returned]:
    """Return the goods of a pack, or of chosen lines of it, to the balances that they came from.

    What returns to usable stock is allocated to the same line again, except with `free`. Serial numbers, and what
    returns to stock that may not leave, are free. With `hold` the lines stay out of automatic runs. Returns what became
    of each line of the pack. Raises NotFound, ReasonMissing, AlreadyReversed, SerialInStock and what other modules
    refuse.
    """
    order = _lock_order_of(session, pack_id)
    pack = session.get_one(Pack, pack_id)
    if not why.strip():
        raise ReasonMissing(pack=pack.number)
    rows = _chosen(session, pack, pack_line_ids)
    state = ORDER.next(order.state, "reverse_pack")
    for answer in reversal_refusals(session, [row.id for row in rows]):
        for refusal in answer.values():
            raise refusal
    freed = {row.id for row in rows if free or row.why_unusable or row.allocation_id is None}
    _write(session, pack.number, rows, freed, why.strip())
    order.state = state
    session.flush()
    if hold:
        hold_lines(session, {row.line_id for row in rows if row.allocation_id}, True)
    goods = tuple(PackedGoods(pack_id, row.line_id, row.balance_id, row.unreversed) for row in rows)
    publish(session, PackReversed(order.id, goods, why.strip()))
    return [Returned(row.position, row.sku, row.unreversed, _outcome(row, freed)) for row in rows]


def _lock_order_of(session: Session, pack_id: int) -> Order:
    order_id = session.scalar(select(Pack.order_id).where(Pack.id == pack_id))
    if order_id is None:
        raise NotFound("pack", pack_id)
    return lock_order(session, order_id)


def _chosen(session: Session, pack: Pack, pack_line_ids: Collection[int] | None) -> list[_Row]:
    """Return what is still packed of a pack, or of chosen lines; raise AlreadyReversed where some of it is not."""
    rows = {row.id: row for row in queries.pack_lines(session, [pack.id]) if row.unreversed}
    chosen = set(rows if pack_line_ids is None else pack_line_ids)
    if not chosen or not chosen <= rows.keys():
        raise AlreadyReversed(pack=pack.number)
    return [row for id_, row in rows.items() if id_ in chosen]


def _outcome(row: _Row, freed: Collection[int]) -> str:
    return return_outcome(is_freed=row.id in freed, why_unusable=row.why_unusable)


def _write(session: Session, number: str, rows: Sequence[_Row], freed: Collection[int], why: str) -> None:
    """Undo what packing has written; then give back the allocations of what is free."""
    _record(session, rows, freed, why)
    _count(session, rows)
    takings = [Taking(row.balance_id, row.unreversed, row.allocation_id is not None, number, _key(row)) for row in rows]
    put_back(session, takings, reason=why)
    given_back = sums((row.allocation_id, to_raw(row.unreversed)) for row in rows if row.id in freed)
    given_back.pop(None, None)
    session.expire_all()
    free_allocations(session, list(given_back.items()), action="released", why=why)


def _key(row: _Row) -> Key:
    return row.product_id, row.lot_id, row.location_id


def _record(session: Session, rows: Sequence[_Row], freed: Collection[int], why: str) -> None:
    """Write the reversals, and the history of the order."""
    run = current_run(session)
    now = raw_instant(clock.now())
    same = {"run_id": run.new_id(session), "reversed_at": now, "user_name": run.user_name, "why": why}
    reversals = [(row.id, to_raw(row.unreversed), row.id in freed) for row in rows]
    columns = ("pack_line_id", "quantity", "is_freed")
    bulk_insert(session, PackReversal.__table__, columns, reversals, shared=same)  # type: ignore[arg-type]
    history.record_all(
        session,
        [
            history.Change(
                history.Subject("sales.order", row.order_id, row.order, row.position),
                "reversed",
                "pack",
                old=say(
                    "{unreversed} of {lot} at {location} in {number}",
                    unreversed=format_quantity(row.unreversed),
                    lot=row.lot,
                    location=row.location,
                    number=row.number,
                ),
                new=_outcome(row, freed),
                why=why,
            )
            for row in rows
        ],
    )


def _count(session: Session, rows: Sequence[_Row]) -> None:
    """Count what returns as packed no more, and as allocated again where it was allocated."""
    returned = sums((row.line_id, to_raw(row.unreversed)) for row in rows)
    allocated = sums((row.line_id, to_raw(row.unreversed)) for row in rows if row.allocation_id)
    unpacked = sums((row.allocation_id, -to_raw(row.unreversed)) for row in rows if row.allocation_id)
    lines = [(line_id, -quantity, allocated.get(line_id, 0)) for line_id, quantity in sorted(returned.items())]
    pack_lines = [(row.id, to_raw(row.unreversed)) for row in rows]
    bulk_add(session, PackLine.__table__, ("reversed",), pack_lines)  # type: ignore[arg-type]
    bulk_add(session, Allocation.__table__, ("packed",), sorted(unpacked.items()))  # type: ignore[arg-type]
    bulk_add(session, OrderLine.__table__, ("packed", "allocated"), lines)  # type: ignore[arg-type]
