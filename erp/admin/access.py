"""The user at the screen: their rights, their session, and the transaction in which an action runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from flask import flash, g
from flask_login import current_user
from sqlalchemy.orm import Session

from erp import events
from erp.db import db
from erp.models import RunKind

T = TypeVar("T")

MAX_CHARACTERS = 1000


def may(permission: str) -> bool:
    """Say whether the user has a right; an empty one asks for none."""
    return not permission or bool(current_user.may(permission))


def permitted(things: Iterable[T]) -> list[T]:
    """Return the actions, panels or cards that the user may use."""
    return [thing for thing in things if may(thing.permission)]  # type: ignore[attr-defined]


def user_name() -> str:
    """Return the user's name as history keeps it, empty where nobody is signed in."""
    return str(getattr(current_user, "username", ""))


def screen_session() -> Session:
    """Return the session of this request."""
    return db.session()


def run_and_commit(name: str, work: Callable[[Session], Any]) -> Any:
    """Do `work(session)` as one run and one transaction of the user, and return its result."""
    return events.run_once(RunKind.screen, name, user_name(), work)


def run_in_parts(name: str, work: Callable[[Session], Any]) -> Any:
    """Do `work(session)`, which commits itself part by part, as one run of the user, and return its result."""
    user = user_name()
    with events.run(RunKind.screen, name, user):
        return work(screen_session())


def flash_sentence(message: str, category: str = "success") -> None:
    """Show a sentence on the next page. It travels in the session's cookie, which has no room for a long one."""
    flash(message if len(message) <= MAX_CHARACTERS else f"{message[:MAX_CHARACTERS]}…", category)


def only_read() -> None:
    """Undo what the request began to write; the page that answers it only reads, and keeps no writer waiting."""
    screen_session().rollback()
    g.erp_reading = True
