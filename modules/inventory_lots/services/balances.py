"""What every change of stock goes through: locks, counters and the ledger, each in a few statements for any number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from sqlalchemy import Table, inspect, select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import bulk_add, bulk_insert, is_one_of, lock_rows, raw_instant, require_any_lock, require_lock, to_raw
from erp.events import current_run
from modules.inventory_lots.models import Balance, Product, StockMove
from modules.inventory_lots.states import MoveKind

BALANCE = cast(Table, Balance.__table__)
MOVE = cast(Table, StockMove.__table__)
Place = tuple[int, int, int]  # the ids of a product, its lot and a location
MOVE_COLUMNS = ("at", "product_id", "lot_id", "location_id", "quantity", "kind", "document", "user_name", "reason")


@dataclass(frozen=True)
class Posting:
    """A raw quantity that comes to (+) or leaves (−) a lot at a location."""

    product_id: int
    lot_id: int
    location_id: int
    quantity: int
    document: str = ""


@dataclass(frozen=True)
class Taking:
    """A quantity that leaves a balance for good; `from_allocated` says that it was allocated until now."""

    balance_id: int
    quantity: Decimal
    from_allocated: bool


def lock_products(session: Session, product_ids: Iterable[int]) -> None:
    """Lock products until the transaction ends: the door of everything that changes stock or its allocations."""
    lock_rows(session, Product, product_ids)


def reserve(session: Session, amounts: Sequence[tuple[int, int]]) -> None:
    """Count (balance id, raw quantity) as allocated. The caller holds the products' locks."""
    require_any_lock(session, Product)
    _add(session, {"allocated": amounts})


def unreserve(session: Session, amounts: Sequence[tuple[int, int]]) -> None:
    """Count (balance id, raw quantity) as allocated no more. The caller holds the products' locks."""
    require_any_lock(session, Product)
    _add(session, {"allocated": [(balance_id, -quantity) for balance_id, quantity in amounts]})


def take(session: Session, takings: Sequence[Taking], *, document: str) -> None:
    """Let goods leave for `document`: one `pack` move each, and the counters with it."""
    places = places_of(session, [taking.balance_id for taking in takings])
    require_lock(session, Product, {product_id for product_id, _, _ in places.values()})
    raw = [(taking.balance_id, -to_raw(taking.quantity)) for taking in takings]
    freed = [pair for pair, taking in zip(raw, takings, strict=True) if taking.from_allocated]
    _add(session, {"on_hand": raw, "allocated": freed})
    write_moves(session, [Posting(*places[id_], quantity, document) for id_, quantity in raw], MoveKind.pack)


def places_of(session: Session, balance_ids: Iterable[int]) -> dict[int, Place]:
    """Return what lies where of balances by id."""
    rows = select(Balance.id, Balance.product_id, Balance.lot_id, Balance.location_id)
    found = session.execute(rows.where(is_one_of(session, Balance.id, set(balance_ids))))
    return {id_: (product_id, lot_id, location_id) for id_, product_id, lot_id, location_id in found}


def post(session: Session, postings: Sequence[Posting], kind: MoveKind, *, reason: str = "") -> list[int]:
    """Move stock and write the ledger; balances that do not exist yet are made. Returns each posting's balance id.

    A posting of 0 makes sure that its balance exists and writes no move.
    """
    require_lock(session, Product, {posting.product_id for posting in postings})
    changes: Counter[Place] = Counter()
    for posting in postings:
        changes[posting.product_id, posting.lot_id, posting.location_id] += posting.quantity
    balances = _change(session, changes)
    write_moves(session, [posting for posting in postings if posting.quantity], kind, reason=reason)
    return [balances[posting.lot_id, posting.location_id] for posting in postings]


def write_moves(session: Session, postings: Sequence[Posting], kind: MoveKind, *, reason: str = "") -> None:
    """Write one line of the ledger for each posting, signed with the person of the run."""
    at, user_name = raw_instant(clock.now()), current_run(session).user_name
    rows = [
        (at, of.product_id, of.lot_id, of.location_id, of.quantity, kind.value, of.document, user_name, reason)
        for of in postings
    ]
    bulk_insert(session, MOVE, MOVE_COLUMNS, rows)


def _change(session: Session, changes: Mapping[Place, int]) -> dict[tuple[int, int], int]:
    """Add to balances, or make them with what comes to them; returns their ids by lot and location."""
    found = _ids(session, changes)
    _add(session, {"on_hand": [(found[place[1:]], raw) for place, raw in changes.items() if place[1:] in found]})
    new = {place: raw for place, raw in changes.items() if place[1:] not in found}
    if new:
        rows = [(*place, raw, 0) for place, raw in new.items()]
        bulk_insert(session, BALANCE, ("product_id", "lot_id", "location_id", "on_hand", "allocated"), rows)
        found |= _ids(session, new)
    return found


def _ids(session: Session, places: Iterable[Place]) -> dict[tuple[int, int], int]:
    rows = select(Balance.lot_id, Balance.location_id, Balance.id)
    found = session.execute(rows.where(is_one_of(session, Balance.lot_id, {lot_id for _, lot_id, _ in places})))
    return {(lot_id, location_id): id_ for lot_id, location_id, id_ in found}


def _add(session: Session, counters: Mapping[str, Sequence[tuple[int, int]]]) -> None:
    sums = {name: Counter[int]() for name in counters}
    for name, amounts in counters.items():
        for balance_id, quantity in amounts:
            sums[name][balance_id] += quantity
    ids = sorted({balance_id for amounts in sums.values() for balance_id in amounts})
    rows = [(id_, *(amounts[id_] for amounts in sums.values())) for id_ in ids]
    bulk_add(session, BALANCE, tuple(sums), [row for row in rows if any(row[1:])])
    _forget(session, ids)


def _forget(session: Session, balance_ids: Iterable[int]) -> None:
    """Let the balances that the session has loaded be read again; everything else it knows still holds."""
    loaded = {inspect(each).identity: each for each in session.identity_map.values() if isinstance(each, Balance)}
    for balance_id in balance_ids if loaded else ():
        if (balance_id,) in loaded:
            session.expire(loaded[balance_id,], ("on_hand", "allocated"))
