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
from erp.db import bulk_add, bulk_insert, is_one_of, raw_instant, require_any_lock, require_lock, to_raw
from erp.events import current_run
from erp.numbers import sums
from modules.inventory_lots.errors import SerialInStock
from modules.inventory_lots.models import Balance, Product, StockMove
from modules.inventory_lots.queries import serials_in_stock
from modules.inventory_lots.states import MoveKind

BALANCE = cast(Table, Balance.__table__)
MOVE = cast(Table, StockMove.__table__)
Key = tuple[int, int, int]  # the ids of a product, its lot and a location: what a balance is of
MOVE_COLUMNS = ("at", "product_id", "lot_id", "location_id", "quantity", "kind", "document", "user_name", "reason")


@dataclass(frozen=True)
class Posting:
    """A raw quantity that is added to (+) or taken from (−) a lot at a location."""

    product_id: int
    lot_id: int
    location_id: int
    quantity: int
    document: str = ""


@dataclass(frozen=True)
class Taking:
    """A quantity that leaves the warehouse for `document`; `from_allocated` says that it was allocated until now."""

    balance_id: int
    quantity: Decimal
    from_allocated: bool
    document: str


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
    keys = _keys(session, takings)
    _move(session, [(taking, -to_raw(taking.quantity)) for taking in takings], keys, MoveKind.pack)


def put_back(session: Session, takings: Sequence[Taking], *, reason: str) -> None:
    """Undo takings: the goods are on hand again, and allocated again where they were, one `pack reversal` move each.

    The caller has locked the products. Raises SerialInStock where a serial number came back into stock some other way.
    """
    keys = _keys(session, takings)
    for sku, number in serials_in_stock(session, {lot_id for _, lot_id, _ in keys.values()}):
        raise SerialInStock(sku=sku, number=number)
    moved = [(taking, to_raw(taking.quantity)) for taking in takings]
    _move(session, moved, keys, MoveKind.pack_reversal, reason=reason)


def _move(
    session: Session, moved: Sequence[tuple[Taking, int]], keys: Mapping[int, Key], kind: MoveKind, *, reason: str = ""
) -> None:
    """Change balances by signed raw quantities, and their allocated by those of takings from allocated stock."""
    require_lock(session, Product, {product_id for product_id, _, _ in keys.values()})
    on_hand = [(taking.balance_id, quantity) for taking, quantity in moved]
    allocated = [(taking.balance_id, quantity) for taking, quantity in moved if taking.from_allocated]
    _add(session, {"on_hand": on_hand, "allocated": allocated})
    postings = [Posting(*keys[taking.balance_id], quantity, taking.document) for taking, quantity in moved]
    _write_moves(session, postings, kind, reason=reason)


def _keys(session: Session, takings: Sequence[Taking]) -> dict[int, Key]:
    rows = select(Balance.id, Balance.product_id, Balance.lot_id, Balance.location_id)
    found = session.execute(rows.where(is_one_of(session, Balance.id, {taking.balance_id for taking in takings})))
    return {id_: (product_id, lot_id, location_id) for id_, product_id, lot_id, location_id in found}


def post(session: Session, postings: Sequence[Posting], kind: MoveKind, *, reason: str = "") -> list[int]:
    """Change balances and write the moves; balances that do not exist are made. Returns each posting's balance id.

    A posting of 0 makes its balance where that does not exist, and writes no move. The caller has locked the products.
    """
    require_lock(session, Product, {posting.product_id for posting in postings})
    changes: Counter[Key] = Counter()
    for posting in postings:
        changes[posting.product_id, posting.lot_id, posting.location_id] += posting.quantity
    balances = _change(session, changes)
    _write_moves(session, [posting for posting in postings if posting.quantity], kind, reason=reason)
    return [balances[posting.lot_id, posting.location_id] for posting in postings]


def _write_moves(session: Session, postings: Sequence[Posting], kind: MoveKind, *, reason: str = "") -> None:
    at, user_name = raw_instant(clock.now()), current_run(session).user_name
    rows = [
        (at, of.product_id, of.lot_id, of.location_id, of.quantity, kind.value, of.document, user_name, reason)
        for of in postings
    ]
    bulk_insert(session, MOVE, MOVE_COLUMNS, rows)


def _change(session: Session, changes: Mapping[Key, int]) -> dict[tuple[int, int], int]:
    """Add to balances, or insert them; returns their ids by lot and location."""
    found = _ids(session, changes)
    _add(session, {"on_hand": [(found[key[1:]], raw) for key, raw in changes.items() if key[1:] in found]})
    new = {key: raw for key, raw in changes.items() if key[1:] not in found}
    if new:
        rows = [(*key, raw, 0) for key, raw in new.items()]
        bulk_insert(session, BALANCE, ("product_id", "lot_id", "location_id", "on_hand", "allocated"), rows)
        found |= _ids(session, new)
    return found


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
