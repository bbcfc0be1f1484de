"""Row locks: taken once a transaction, before anything is decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import CTE, Select, event, func, select, true
from sqlalchemy.orm import Session

from erp.db.carried import carried
from erp.db.prepared import Build, is_among, read_prepared, typed_rows
from erp.db.session import ErpSession, Model, is_postgresql, is_reading

# The advisory lock that all who lock rows share; switching a module takes it alone.
_SWITCHES = 0x6D6F6473

# Called whenever locks were taken: what was read while they were waited for may not hold any more.
after_locking: list[Callable[[Session], None]] = []


@dataclass
class _Locks:
    """The ids of the rows that the transaction has locked, by model."""

    ids: dict[type[Model], set[int]] = field(default_factory=dict)


@dataclass
class _Checks:
    """What the current work wants to check once it has its locks."""

    calls: list[Callable[[], None]] = field(default_factory=list)


@dataclass
class _Trying:
    """Whether the current work is undone and changes no row that is there: it need not lock."""

    here: bool = False


@contextmanager
def without_locks(session: Session) -> Iterator[None]:
    """Let `lock_and_read` inside only read: the work adds rows alone, and is undone."""
    trying = carried(session, _Trying)
    trying.here = True
    try:
        yield
    finally:
        trying.here = False


@contextmanager
def when_locked(session: Session, check: Callable[[], None]) -> Iterator[None]:
    """Call `check` whenever the work inside has taken locks: another transaction may have changed what it read."""
    calls = carried(session, _Checks).calls
    calls.append(check)
    try:
        yield
    finally:
        calls.remove(check)


def lock_rows(session: Session, model: type[Model], ids: Iterable[int]) -> None:
    """Lock rows of `model` in id order until the transaction ends, then forget what was read before.

    Call it once a transaction, at the entry point and before deciding anything. A second call may only name rows
    that are locked already: a later lock could deadlock with another transaction's order. Raises RuntimeError then,
    and in a reading transaction.
    """
    wanted = set(ids)
    held = carried(session, _Locks).ids.get(model)
    if held is not None and wanted <= held:
        return
    _check_may_lock(model, held)
    session.flush()
    if not is_postgresql(session):
        session.connection()  # BEGIN IMMEDIATE has made this the only writer
    elif wanted:
        read_prepared(session, _locking, model, None, ids=wanted)
    else:
        session.execute(select(_switches().c.taken))
    _locked(session, model, wanted)


def lock_selected(
    session: Session, model: type[Model], build: Build, *, is_checked: bool = True, **values: Any
) -> set[int]:
    """Lock the rows of `model` whose ids a select returns, as `lock_rows` does, and return the ids.

    The select is built once by `build(session)`, and names `values`. On PostgreSQL it is one statement. Where the
    modules and options are not to be `is_checked` here, the caller checks them with what it reads next.
    """
    held = carried(session, _Locks).ids.get(model)
    if held is not None:
        found = _ids(read_prepared(session, build, **values))
        lock_rows(session, model, found)
        return found
    _check_may_lock(model, held)
    session.flush()
    rows = (
        read_prepared(session, _locking, model, build, **values)
        if is_postgresql(session)
        else read_prepared(session, build, **values)
    )
    found = _ids(rows)
    _locked(session, model, found, is_checked=is_checked)
    return found


def lock_and_read(session: Session, model: type[Model], build: Build, ids: Iterable[int]) -> list[Any]:
    """Lock rows of `model` as `lock_rows` does, and return what `build(session)` selects of them, by id.

    They are as `typed_rows` returns them; on PostgreSQL it is one statement. The caller checks modules and options with
    what it reads next.
    """
    wanted = set(ids)
    held = carried(session, _Locks).ids.get(model)
    if held is None or not wanted <= held:
        _check_may_lock(model, held)
    is_locking = not carried(session, _Trying).here
    rows = typed_rows(session, _locking_of, model, build, is_locking, ids=sorted(wanted))
    if held is None or not wanted <= held:
        _locked(session, model, wanted, is_checked=False)
    return rows


def _locking_of(session: Session, model: type[Model], build: Build, is_locking: bool) -> Select[*tuple[Any, ...]]:
    key: Any = model.__mapper__.primary_key[0]
    rows: Any = build(session).where(is_among(session, key, "ids")).order_by(key)  # type: ignore[union-attr]
    if not is_locking or not is_postgresql(session):
        return rows  # type: ignore[no-any-return]
    locking: Select[*tuple[Any, ...]] = rows.join(_switches(), true()).with_for_update(key_share=True, of=model)
    return locking


def _ids(rows: Iterable[tuple[Any, ...]]) -> set[int]:
    return {id_ for (id_,) in rows}


def _check_may_lock(model: type[Model], held: set[int] | None) -> None:
    if held:
        raise RuntimeError(f"{model.__name__} rows are locked once a transaction, at its entry point")
    if is_reading():
        raise RuntimeError("a reading transaction cannot lock")


def _locked(session: Session, model: type[Model], ids: set[int], *, is_checked: bool = True) -> None:
    """Forget what was read before the locks were taken, and let others check again."""
    session.expire_all()
    for check_again in after_locking if is_checked else ():
        check_again(session)
    carried(session, _Locks).ids[model] = ids
    for check in carried(session, _Checks).calls:
        check()


def _switches() -> CTE:
    return select(func.pg_advisory_xact_lock_shared(_SWITCHES).label("taken")).cte("switches")


def _locking(session: Session, model: type[Model], build: Build | None) -> Select[*tuple[Any, ...]]:
    """Return the statement that locks against switches first, then the rows in id order."""
    key: Any = model.__mapper__.primary_key[0]
    is_wanted = is_among(session, key, "ids") if build is None else key.in_(build(session))
    rows = select(key).join(_switches(), true()).where(is_wanted).order_by(key)
    # Only against each other: a new row that refers to one of these rows need not wait.
    return rows.with_for_update(key_share=True, of=model)


def lock_switches(session: Session) -> None:
    """Wait until no other transaction holds row locks, and let none take any until this transaction ends.

    Call it before anything else is locked. On SQLite a writing transaction is alone anyway.
    """
    if is_postgresql(session):
        session.execute(select(func.pg_advisory_xact_lock(_SWITCHES)))


def require_lock(session: Session, model: type[Model], ids: Iterable[int]) -> None:
    """Raise RuntimeError unless the caller holds these locks; inner services never take them."""
    missing = set(ids) - carried(session, _Locks).ids.get(model, set())
    if missing:
        raise RuntimeError(f"{model.__name__} {sorted(missing)} must be locked at the entry point")


def require_any_lock(session: Session, model: type[Model]) -> None:
    """Raise RuntimeError unless the caller holds some lock, where asking which rows would cost a query."""
    if not carried(session, _Locks).ids.get(model):
        raise RuntimeError(f"{model.__name__} rows must be locked at the entry point")


@event.listens_for(ErpSession, "after_transaction_end")
def _forget_locks(session: Session, transaction: Any) -> None:
    if transaction.parent is None:
        carried(session, _Locks).ids.clear()
