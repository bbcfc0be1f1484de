"""The tables, and the invariants of everything that is on, checked on request and every night."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from sqlalchemy.orm import Session

from erp import progress, second_factor
from erp.db import reading
from erp.errors import ErpError
from erp.migrations import schema_breaches
from erp.registry import current_registry
from erp.text import joined, plural, say, without_stop

Check = Callable[[Session], Iterable[str]]

_MOST_SHOWN = 20


class BreachesFound(ErpError):
    """Some rows break an invariant."""

    def __init__(self, count: int, shown: str = "") -> None:
        found = plural(count, "breach", "breaches")
        super().__init__(
            say("{found} found: {shown}.", found=found, shown=shown)
            if shown
            else say("{found} found; each is printed above.", found=found)
        )


def _checks() -> list[Check]:
    registry = current_registry()
    return [_tables, second_factor.unknown_roles, *registry.live(registry.checks)]


def _tables(session: Session) -> Iterator[str]:
    return schema_breaches(session.connection())


def count() -> int:
    """Return how many checks the core and the modules that are on have."""
    return len(_checks())


def _breaches_of(check: Check, session: Session) -> list[str]:
    return list(check(session))


def breaches(session: Session) -> Iterator[str]:
    """Yield a sentence for each breach."""
    for check in progress.each(_checks(), "Checking"):
        yield from current_registry().contained(
            check, "check", partial(_breaches_of, check, session), lambda text: [text]
        )


def check_invariants(session: Session) -> str:
    """Check the tables and the invariants of everything that is on.

    Raises BreachesFound with the first ones.
    """
    session.rollback()  # what has been read so far began a transaction that may write
    with reading():
        found = list(breaches(session))
        session.rollback()
    if found:
        shown = without_stop(joined(found[:_MOST_SHOWN]))
        more = len(found) - _MOST_SHOWN
        raise BreachesFound(len(found), say("{shown} and {more} more", shown=shown, more=more) if more > 0 else shown)
    return say("No breach found by {count} checks.", count=count())
