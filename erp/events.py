"""Facts that modules announce, questions they ask, and the run in which they do it."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial, update_wrapper
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from flask import current_app
from sqlalchemy import Table, event, update
from sqlalchemy.orm import Session

from erp import clock
from erp.db import (
    ErpSession,
    NewId,
    carried,
    commit,
    db,
    insert_new,
    is_reading,
    raw_instant,
    reading,
    refusing_writes,
)
from erp.models import RunEntry, RunKind

P = ParamSpec("P")
R = TypeVar("R")

RUN = cast(Table, RunEntry.__table__)
_HOOK = "is_erp_hook"


@dataclass
class _Watch:
    """The facts that were published while somebody watches."""

    facts: list[object] | None = None


@contextmanager
def watching(session: Session) -> Iterator[list[object]]:
    """Give the list of the facts that are published inside."""
    watch = carried(session, _Watch)
    watch.facts = []
    try:
        yield watch.facts
    finally:
        watch.facts = None


def publish(session: Session, fact: object) -> None:
    """Call the live subscribers in the caller's transaction, in dependency order.

    A subscriber that raises undoes the whole action: what must not fail with it writes a row here and leaves what
    follows to a job.
    """
    if (watched := carried(session, _Watch).facts) is not None:
        watched.append(fact)
    registry = current_app.extensions["erp"]
    for handle in registry.handlers(type(fact)):
        what = f"handler of {type(fact).__name__}"
        if is_reading():  # all is committed: the handler of a third party that fails fails alone
            registry.contained(handle, what, partial(handle, session, fact), lambda _: None)
        else:
            with registry.blaming(handle, what):
                handle(session, fact)


def hook(question: Callable[Concatenate[Session, P], R]) -> Callable[Concatenate[Session, P], list[R]]:
    """Turn a signature into a question to the modules that are on: returns the answers in dependency order.

    The body is never run; the docstring says how the answers combine. No answer is a normal case.
    """
    return _asking(question, lambda _: nullcontext())


def reading_hook(
    question: Callable[Concatenate[Session, P], R],
) -> Callable[Concatenate[Session, P], list[R]]:
    """Turn a signature into a question as `hook` does, the answers to which must not write: one that does fails."""
    return _asking(question, refusing_writes)


def _asking(
    question: Callable[Concatenate[Session, P], R], guard: Callable[[Session], AbstractContextManager[None]]
) -> Callable[Concatenate[Session, P], list[R]]:
    def ask(session: Session, /, *args: P.args, **kwargs: P.kwargs) -> list[R]:
        registry, found = current_app.extensions["erp"], []
        for answer in registry.answers(ask):
            with registry.blaming(answer, f"answer to {question.__name__}"), guard(session):
                found.append(answer(session, *args, **kwargs))
                if registry.foreign_owner(answer):  # those of shipped modules are checked before they ship
                    _require_kind(question, found[-1])
        return found

    update_wrapper(ask, question)
    ask.__dict__[_HOOK] = True
    return ask


def _require_kind(question: Callable[..., Any], answer: object) -> None:
    """Raise TypeError for an answer of another kind than the question declares, such as None for a mapping."""
    name = str(question.__annotations__.get("return", "")).partition("[")[0]
    kind = question.__globals__.get(name) or getattr(builtins, name, None)
    if isinstance(kind, type) and not isinstance(answer, kind):
        raise TypeError(f"it answered with a {type(answer).__name__}, and a {kind.__name__} is asked for")


def is_hook(thing: object) -> bool:
    """Say whether a thing is a question that was made by `hook`."""
    return bool(getattr(thing, _HOOK, False))


@dataclass
class Run:
    """One action of a screen, a command or a job: what is written in it has its `id`.

    A run that `is_one_transaction` ends with it. It `is_awaited` where it wrote something that is composed at its end.
    """

    kind: RunKind
    name: str
    user_name: str = ""
    is_one_transaction: bool = False
    row: NewId | None = None
    is_committed: bool = False
    is_awaited: bool = False

    @property
    def saved_id(self) -> int | None:
        """The id of this run's row, once that is written."""
        return None if self.row is None else self.row.value

    def id(self, session: Session) -> int:
        """Return the id of this run's row, which is written when it is first asked for.

        Call it after the product locks are taken.
        """
        new_id = self.new_id(session)
        if new_id.value is None:
            session.flush()
        return new_id.id

    def new_id(self, session: Session) -> NewId:
        """Return the id of this run's row as `id` does, for rows that are written together with it."""
        if self.row is None:
            now = raw_instant(clock.now())
            ended_at = now if self.is_one_transaction else None
            values = {"kind": self.kind.value, "name": self.name, "user_name": self.user_name}
            self.row = insert_new(session, RUN, {**values, "started_at": now, "ended_at": ended_at})
        return self.row


@dataclass
class Current:
    """The run that a session works in, if one was opened."""

    run: Run | None = None


@dataclass(frozen=True)
class RunEnded:
    """A run that changed something has ended. Published when all of it is committed: a handler commits by itself."""

    run_id: int


@dataclass(frozen=True)
class OptionsChanged:
    """The effective values of these options (`section.name`) changed, all at once.

    Nobody else holds row locks until the transaction that publishes it ends.
    """

    keys: tuple[str, ...]


def current_run(session: Session) -> Run:
    """Return the run in which `session` works; a shell or a test that opened none gets one for the session."""
    current = carried(session, Current)
    if current.run is None:
        current.run = Run(RunKind.command, "shell")
    return current.run


def run_once(kind: RunKind, name: str, user_name: str, work: Callable[[Session], R]) -> R:
    """Do `work(session)` as one run and one transaction, with which the run ends."""
    with run(kind, name, user_name, is_one_transaction=True):
        return commit(work)


@contextmanager
def run(kind: RunKind, name: str, user_name: str = "", *, is_one_transaction: bool = False) -> Iterator[Run]:
    """Do the work inside as one run, and announce its end, even where it fails after its last commit."""
    session = db.session()
    outer = carried(session, Current).run
    current = carried(session, Current).run = Run(kind, name, user_name, is_one_transaction)
    try:
        yield current
    except BaseException as error:  # what came through the code of a third party names it
        failure = current_app.extensions["erp"].as_failure(error, f"{kind} {name}")
        if failure is error:
            raise
        raise failure from error
    finally:
        session.rollback()
        if current.saved_id is not None:
            if not is_one_transaction:
                commit(lambda session: _end(session, current))
            with reading():
                publish(session, RunEnded(current.saved_id))
            session.rollback()
        carried(session, Current).run = outer


def _end(session: Session, ended: Run) -> None:
    assert ended.saved_id is not None
    session.execute(update(RunEntry).where(RunEntry.id == ended.saved_id).values(ended_at=clock.now()))


@event.listens_for(ErpSession, "after_commit")
def _keep_run(session: Session) -> None:
    current = carried(session, Current).run
    if current is not None and current.saved_id is not None:
        current.is_committed = True


@event.listens_for(ErpSession, "after_rollback")
def _forget_run(session: Session) -> None:
    current = carried(session, Current).run
    if current is not None and not current.is_committed:
        current.row, current.is_awaited = None, False
