"""Balances and moves: every change of stock is written here, in a few statements for any number of balances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from sqlalchemy import Table, inspect, select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import bulk_add, bulk_insert, is_one_of, new_ids, raw_instant, require_any_lock, require_lock, to_raw
from erp.events import current_run
from erp.numbers import sums
from modules.inventory_lots.errors import SerialInStock
from modules.inventory_lots.models import Balance, Product, StockMove
from modules.inventory_lots.queries import serials_in_stock
from modules.inventory_lots.states import MoveKind

BALANCE = cast(Table, Balance.__table__)
MOVE = cast(Table, StockMove.__table__)
Key = tuple[int, int, int]  # the ids of a product, its lot and a location: what a balance is of
MOVE_COLUMNS = ("product_id", "lot_id", "location_id", "quantity", "document", "reason")


@dataclass(frozen=True)
class Posting:
    """A raw quantity that is added to (+) or taken from (−) a lot at a location.

    Its `reason` stands in the move in the place of that of all.
    """

    product_id: int
    lot_id: int
    location_id: int
    quantity: int
    document: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Taking:
    """A quantity that leaves the warehouse for `document`; `from_allocated` says that it was allocated until now.

    `key` is what the balance is of.
    """

    balance_id: int
    quantity: Decimal
    from_allocated: bool
    document: str
    key: Key


def reserve(session: Session, amounts: Sequence[tuple[int, int]]) -> None:
    """Count (balance id, raw quantity) as allocated. The caller has locked the products."""
    require_any_lock(session, Product)
    _add(session, {"allocated": amounts})


def unreserve(session: Session, amounts: Sequence[tuple[int, int]]) -> None:
    """Count (balance id, raw quantity) as no longer allocated. The caller has locked the products."""
    require_any_lock(session, Product)
    _add(session, {"allocated": [(balance_id, -quantity) for balance_id, quantity in amounts]})


def take(session: Session, takings: Sequence[Taking]) -> None:
    """Take goods out of stock, one `pack` move for each taking. The caller has locked the products."""
    _move(session, [(taking, -to_raw(taking.quantity)) for taking in takings], MoveKind.pack)


def put_back(session: Session, takings: Sequence[Taking], *, reason: str) -> None:
    """Undo takings: the goods are on hand again, and allocated again where they were, one `pack reversal` move each.

    The caller has locked the products. Raises SerialInStock where a serial number came back into stock some other way.
    """
    for sku, number in serials_in_stock(session, {taking.key[1] for taking in takings}):
        raise SerialInStock(sku=sku, number=number)
    moved = [(taking, to_raw(taking.quantity)) for taking in takings]
    _move(session, moved, MoveKind.pack_reversal, reason=reason)


def _move(session: Session, moved: Sequence[tuple[Taking, int]], kind: MoveKind, *, reason: str = "") -> None:
    """Change balances by signed raw quantities, and their allocated by those of takings from allocated stock."""
    require_lock(session, Product, {taking.key[0] for taking, _ in moved})
    on_hand = [(taking.balance_id, quantity) for taking, quantity in moved]
    allocated = [(taking.balance_id, quantity) for taking, quantity in moved if taking.from_allocated]
    _add(session, {"on_hand": on_hand, "allocated": allocated})
    postings = [Posting(*taking.key, quantity, taking.document) for taking, quantity in moved]
    _write_moves(session, postings, kind, reason=reason)


def post(
    session: Session,
    postings: Sequence[Posting],
    kind: MoveKind,
    *,
    reason: str = "",
    known: Mapping[tuple[int, int], int] | None = None,
    free_ids: Sequence[int] = (),
) -> list[int]:
    """Change balances and write the moves; balances that do not exist are made. Returns each posting's balance id.

    A posting of 0 makes its balance where that does not exist, and writes no move. The caller has locked the products.
    `known` are the ids of the balances that exist by lot and location, where the caller has read them under the locks;
    `free_ids` are ids for new ones, enough for all.
    """
    require_lock(session, Product, {posting.product_id for posting in postings})
    changes: Counter[Key] = Counter()
    for posting in postings:
        changes[posting.product_id, posting.lot_id, posting.location_id] += posting.quantity
    found = _ids(session, changes) if known is None else known
    balances = _change(session, changes, found, free_ids)
    _write_moves(session, [posting for posting in postings if posting.quantity], kind, reason=reason)
    return [balances[posting.lot_id, posting.location_id] for posting in postings]


def _write_moves(session: Session, postings: Sequence[Posting], kind: MoveKind, *, reason: str = "") -> None:
    rows = [
        (of.product_id, of.lot_id, of.location_id, of.quantity, of.document, of.reason or reason) for of in postings
    ]
    same = {"at": raw_instant(clock.now()), "kind": kind.value, "user_name": current_run(session).user_name}
    bulk_insert(session, MOVE, MOVE_COLUMNS, rows, shared=same)


def _change(
    session: Session, changes: Mapping[Key, int], found: Mapping[tuple[int, int], int], free_ids: Sequence[int]
) -> dict[tuple[int, int], int]:
    """Add to balances, or insert them; returns their ids by lot and location."""
    _add(session, {"on_hand": [(found[key[1:]], raw) for key, raw in changes.items() if key[1:] in found]})
    new = [(key, raw) for key, raw in changes.items() if key[1:] not in found]
    ids = (free_ids or new_ids(session, BALANCE, len(new)))[: len(new)] if new else []
    rows = [(id_, *key, raw) for id_, (key, raw) in zip(ids, new, strict=True)]
    columns = ("id", "product_id", "lot_id", "location_id", "on_hand")
    bulk_insert(session, BALANCE, columns, rows, shared={"allocated": 0})
    return {**found, **{key[1:]: id_ for id_, (key, _) in zip(ids, new, strict=True)}}


def _ids(session: Session, keys: Iterable[Key]) -> dict[tuple[int, int], int]:
    rows = select(Balance.lot_id, Balance.location_id, Balance.id)
    found = session.execute(rows.where(is_one_of(session, Balance.lot_id, {lot_id for _, lot_id, _ in keys})))
    return {(lot_id, location_id): id_ for lot_id, location_id, id_ in found}


def _add(session: Session, counters: Mapping[str, Sequence[tuple[int, int]]]) -> None:
    summed = {name: sums(amounts) for name, amounts in counters.items()}
    changed = {balance_id for amounts in summed.values() for balance_id in amounts}
    rows = [(id_, *(amounts.get(id_, 0) for amounts in summed.values())) for id_ in sorted(changed)]
    bulk_add(session, BALANCE, tuple(summed), [row for row in rows if any(row[1:])])
    # The bulk update passes the session by: expire the counters of the balances that it has loaded, and nothing else.
    for row in session.identity_map.values():
        if isinstance(row, Balance) and changed.intersection(inspect(row).identity or ()):
            session.expire(row, ("on_hand", "allocated"))
