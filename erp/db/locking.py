"""Row locks: taken once a transaction, at its door."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from erp.db.base import ErpSession, Model, is_reading
from erp.db.bulk import chunks

# What everybody who locks rows shares, and who switches modules takes alone.
_SWITCHES = 0x6D6F6473

# Called whenever locks were taken: what was read while they were waited for may not hold any more.
after_locking: list[Callable[[Session], None]] = []


def lock_rows(session: Session, model: type[Model], ids: Iterable[int]) -> None:
    """Lock rows of `model` in id order until the transaction ends, then forget what was read before.

    Call it once a transaction, before deciding anything (domain: concurrency). A second call may only name
    rows that are locked already: a later lock could deadlock with another transaction's order.
    """
    wanted = set(ids)
    held = _locks(session).get(model)
    if held is not None and wanted <= held:
        return
    if held:
        raise RuntimeError(f"{model.__name__} rows are locked once a transaction, at its door")
    if is_reading():
        raise RuntimeError("a reading transaction cannot lock")
    session.flush()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock_shared(_SWITCHES)))
        key = model.__mapper__.primary_key[0]
        for chunk in chunks(sorted(wanted), 5000):
            # Only against each other: a new row that refers to one of these rows need not wait.
            session.execute(select(key).where(key.in_(chunk)).order_by(key).with_for_update(key_share=True))
    else:
        session.connection()  # BEGIN IMMEDIATE has made this the only writer
    session.expire_all()
    for check_again in after_locking:
        check_again(session)
    _locks(session)[model] = wanted


def lock_switches(session: Session) -> None:
    """Wait until everybody who holds row locks is done, and let nobody take any until this transaction ends.

    Call it before anything else is locked. On SQLite a writing transaction is alone anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_SWITCHES)))


def require_lock(session: Session, model: type[Model], ids: Iterable[int]) -> None:
    """Assert that the caller holds the locks that it promised; inner services never take them."""
    missing = set(ids) - _locks(session).get(model, set())
    if missing:
        raise RuntimeError(f"{model.__name__} {sorted(missing)} must be locked at the door of the transaction")


def require_any_lock(session: Session, model: type[Model]) -> None:
    """Assert that the caller came through a door at all, where which rows it locked would cost a question."""
    if not _locks(session).get(model):
        raise RuntimeError(f"{model.__name__} rows must be locked at the door of the transaction")


def _locks(session: Session) -> dict[type[Model], set[int]]:
    locks: dict[type[Model], set[int]] = session.info.setdefault("erp_locks", {})
    return locks


@event.listens_for(ErpSession, "after_transaction_end")
def _forget_locks(session: Session, transaction: Any) -> None:
    if transaction.parent is None:
        session.info.pop("erp_locks", None)
