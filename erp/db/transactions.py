"""Committing work as one transaction, and the refusals that the database's errors become."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from flask import g
from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from erp.db.carried import carried
from erp.db.session import db, is_postgresql, is_reading, reading
from erp.errors import (
    AlreadyMade,
    DatabaseBusy,
    DatabaseFailed,
    DatabaseUnreachable,
    ErpError,
    NotInitialized,
    StaleRecord,
)

T = TypeVar("T")

log = logging.getLogger(__name__)

# On SQLite every reading transaction is of one moment.
_ONE_MOMENT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
LOST_RACES = {"40001", "40P01", "55P03"}
MOST_PREPARATIONS = 20


def is_lost_race(error: DBAPIError) -> bool:
    """Say whether another try may succeed: a deadlock, a serialization failure or a busy SQLite file."""
    state = getattr(error.orig, "sqlstate", None)
    return state in LOST_RACES or "database is locked" in str(error.orig)


def is_duplicate(error: DBAPIError) -> bool:
    """Say whether a row breaks a unique constraint."""
    return getattr(error.orig, "sqlstate", "") == "23505" or "UNIQUE constraint failed" in str(error.orig)


def unusable_database(error: DBAPIError) -> Exception:
    """Return the refusal for an error of the first query: unreachable or without tables; else `error` itself."""
    if error.statement is None:
        return as_refusal(error)
    return error if inspect(db.engine).has_table("erp_revision") else NotInitialized()


def as_refusal(error: DBAPIError) -> ErpError:
    """Return the refusal for a database that cannot be reached, is busy or fails."""
    reason = str(error.orig).strip().splitlines()[0]
    if is_lost_race(error):
        return DatabaseBusy(1)
    if is_duplicate(error):
        return AlreadyMade()
    if error.statement is not None:
        return DatabaseFailed(reason)
    return DatabaseUnreachable(db.engine.url.render_as_string(hide_password=True), reason)


class NotPrepared(Exception):
    """What the work needs takes long and no transaction: `commit` undoes the work, prepares it, and begins again."""

    def __init__(self, prepare: Callable[[], None]) -> None:
        super().__init__()
        self.prepare = prepare


@dataclass
class _Committing:
    """Whether the work of a session is done by `commit`, which can begin it again."""

    here: bool = False


def prepare(session: Session, work: Callable[[], None]) -> None:
    """Do slow work that needs no transaction, and hold none meanwhile.

    Inside of `commit` this does not return: all is undone, `work()` is done, and the whole begins again, so that what
    `work` made must be found then. A transaction that only reads is ended. Work outside of `commit` cannot begin again
    and waits.
    """
    if carried(session, _Committing).here:
        raise NotPrepared(work)
    if is_reading():
        end_reading(session)
    work()


def commit(work: Callable[[Session], T], *, attempts: int = 5) -> T:
    """Run `work(session)` and commit it as one transaction; a lost race is tried again from the start.

    Raises DatabaseBusy after `attempts` lost races and StaleRecord where somebody else saved a record after it
    was read. Whatever `work` raises undoes all of it. Where the caller only reads, as a request does before and
    after its work, the transaction that may write begins and ends here.
    """
    session = db.session()
    with _writing(session):
        for _ in range(MOST_PREPARATIONS):
            try:
                return _commit(session, work, attempts)
            except NotPrepared as needed:
                needed.prepare()
    raise DatabaseBusy(MOST_PREPARATIONS)


@contextmanager
def _writing(session: Session) -> Iterator[None]:
    was_reading, committing = is_reading(), carried(session, _Committing)
    g.pop("erp_engine", None)
    if was_reading:
        end_reading(session)
        g.erp_reading = False
    was_committing, committing.here = committing.here, True
    try:
        yield
    finally:
        committing.here = was_committing
        if was_reading:
            g.erp_reading = True


@contextmanager
def one_moment(session: Session) -> Iterator[None]:
    """Let all that is read inside be of one moment, whatever others write since; nothing inside can lock or write.

    Ends the transaction before it and its own, and keeps what was loaded: call it where nothing is locked or written
    yet.
    """
    with reading():
        end_reading(session)
        if is_postgresql(session):
            session.connection(execution_options=_ONE_MOMENT)
        try:
            yield
        except BaseException:
            session.rollback()
            raise
        end_reading(session)


def end_reading(session: Session) -> None:
    """End the transaction in which a form was read, and keep what it loaded: the work reads what it decides on."""
    if session.new or session.dirty or session.deleted:
        session.rollback()
        return
    session.expire_on_commit = False
    try:
        session.commit()
    finally:
        session.expire_on_commit = True


def _commit(session: Session, work: Callable[[Session], T], attempts: int) -> T:
    for attempt in range(attempts):
        try:
            result = work(session)
            session.commit()
            return result
        except OperationalError as error:
            session.rollback()
            if not is_lost_race(error):
                raise
            time.sleep(0.05 * 2**attempt)
        except StaleDataError:
            session.rollback()
            raise StaleRecord from None
        except BaseException:
            session.rollback()
            raise
    raise DatabaseBusy(attempts)


def commit_parts(
    parts: Iterable[Sequence[int]], work: Callable[[Session, Sequence[int]], T]
) -> tuple[list[T], dict[int, Exception]]:
    """Run `work(session, ids)` for each part as a transaction of its own; return the results, and the errors by id.

    Where a part fails, its records are tried one by one, so that one bad record stops no other. Raises
    OperationalError where the database fails.
    """
    results: list[T] = []
    failed: dict[int, Exception] = {}
    for ids in parts:
        try:
            results.append(commit(partial(_on, ids, work)))
        except OperationalError:
            raise
        except Exception as error:  # any error of a record is reported at the end, and the others are served
            if len(ids) == 1 or isinstance(error, DatabaseBusy):
                log.exception("record %s failed", ", ".join(map(str, ids)))
                failed |= dict.fromkeys(ids, error)
            else:
                alone = commit_parts([[id_] for id_ in ids], work)
                results += alone[0]
                failed |= alone[1]
    return results, failed


def _on(ids: Sequence[int], work: Callable[[Session, Sequence[int]], T], session: Session) -> T:
    return work(session, ids)
