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
from erp.text import plural

Check = Callable[[Session], Iterable[str]]

_MOST_SHOWN = 20


class BreachesFound(ErpError):
    """Some rows break an invariant."""

    def __init__(self, count: int, shown: str = "; each is printed above") -> None:
        super().__init__(f"{plural(count, 'breach', 'breaches')} found{shown}.")


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
        more = f" and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
        raise BreachesFound(len(found), f": {' '.join(found[:_MOST_SHOWN]).rstrip('.')}{more}")
    return f"No breach found by {count()} checks."
