"""Facts that modules announce, questions they ask, and the run in which they do it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any, Concatenate, ParamSpec, TypeVar

from flask import current_app
from sqlalchemy import event, update
from sqlalchemy.orm import Session

from erp import clock
from erp.db import ErpSession, commit, db
from erp.models import RunEntry, RunKind

P = ParamSpec("P")
R = TypeVar("R")


def publish(session: Session, fact: object) -> None:
    """Call the live subscribers in the caller's transaction, in dependency order.

    A subscriber that raises undoes the whole action: what must not fail with it writes a row here and leaves the
    rest to a job.
    """
    for handle in current_app.extensions["erp"].handlers(type(fact)):
        handle(session, fact)


def hook(question: Callable[Concatenate[Session, P], R]) -> Callable[Concatenate[Session, P], list[R]]:
    """Turn a signature into a question to whoever is installed: returns the answers in dependency order.

    The body is never run; the docstring says how the answers combine. No answer is a normal case.
    """

    def ask(session: Session, /, *args: P.args, **kwargs: P.kwargs) -> list[R]:
        return [answer(session, *args, **kwargs) for answer in current_app.extensions["erp"].answers(ask)]

    update_wrapper(ask, question)
    return ask


@dataclass
class Run:
    """One action of a screen, command or job: what is written in it bears its `id`."""

    kind: RunKind
    name: str
    user_name: str = ""
    saved_id: int | None = None
    is_committed: bool = False

    def id(self, session: Session) -> int:
        """Return the id of this run's row, which is written when it is first needed.

        Call it after the product locks are taken.
        """
        if self.saved_id is None:
            entry = RunEntry(kind=self.kind, name=self.name, user_name=self.user_name)
            session.add(entry)
            session.flush()
            self.saved_id = entry.id
        return self.saved_id


@dataclass(frozen=True)
class RunEnded:
    """A run that changed something is over. Published in a transaction of its own after its last batch."""

    run_id: int


def current_run(session: Session) -> Run:
    """Return the run in which `session` works; a shell or a test that opened none gets one for the session."""
    run: Run = session.info.setdefault("erp_run", Run(RunKind.command, "shell"))
    return run


@contextmanager
def run(kind: RunKind, name: str, user_name: str = "") -> Iterator[Run]:
    """Do the work inside as one run, and announce its end whatever happened after its last commit."""
    session = db.session()
    outer = session.info.get("erp_run")
    current = session.info["erp_run"] = Run(kind, name, user_name)
    try:
        yield current
    finally:
        session.rollback()
        if current.saved_id is not None:
            commit(lambda session: _end(session, current))
        if outer is None:
            session.info.pop("erp_run", None)
        else:
            session.info["erp_run"] = outer


def _end(session: Session, ended: Run) -> None:
    assert ended.saved_id is not None
    session.execute(update(RunEntry).where(RunEntry.id == ended.saved_id).values(ended_at=clock.now()))
    publish(session, RunEnded(ended.saved_id))


@event.listens_for(ErpSession, "after_commit")
def _keep_run(session: Session) -> None:
    current: Any = session.info.get("erp_run")
    if current is not None and current.saved_id is not None:
        current.is_committed = True


@event.listens_for(ErpSession, "after_rollback")
def _forget_run(session: Session) -> None:
    current: Any = session.info.get("erp_run")
    if current is not None and not current.is_committed:
        current.saved_id = None
