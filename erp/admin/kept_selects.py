"""Selects of screens that are built once: large ones, whose text depends only on what is on and set, and on the day."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from erp import clock
from erp.admin.access import screen_session
from erp.db import Rows, read_kept, read_unprepared
from erp.registry import current_registry

# Addresses decide which there are: more than screens need are not kept.
MOST_KEPT = 200


def read_kept_select(key: Hashable, build: Callable[[], Rows]) -> list[tuple[Any, ...]]:
    """Return the rows of a select that is built once for a key, for the day, and for what is on and set.

    Nothing else may decide what the select is. What a third party adds to it may depend on more: with one of their
    modules on, it is built each time.
    """
    session, registry = screen_session(), current_registry()
    state = registry.state()
    kept = state.made_on(clock.today())
    is_full = len(kept) >= MOST_KEPT and key not in kept
    if is_full or any(map(registry.is_foreign, state.enabled)):
        return read_unprepared(session, lambda _: build())
    return read_kept(session, kept, key, build)
