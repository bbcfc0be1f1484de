"""Where lists and exports are read: from the replica where there is one, but never before one's own last change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TypeVar

from flask import Flask, request
from flask import session as cookie
from flask_login import current_user
from werkzeug.wrappers import Response

from erp import clock
from erp.db import from_replica, has_replica, on_replica
from erp.options import options

T = TypeVar("T")

_CHANGED = "erp_changed"


def read_list(read: Callable[[], T]) -> T:
    """Return `read()`, which may be done on the replica."""
    return read() if _reads_primary() else from_replica(options.erp.replica_lag, read)


def read_lines(lines: Callable[[], Iterator[str]]) -> Iterator[str]:
    """Yield the lines of an export, which may be read from the replica; call it in the request, read it later."""
    is_primary, lag = _reads_primary(), options.erp.replica_lag
    return _read_lines(lines, None if is_primary else lag)


def _read_lines(lines: Callable[[], Iterator[str]], lag: timedelta | None) -> Iterator[str]:
    if lag is None:
        yield from lines()
        return
    with on_replica(lag):
        yield from lines()


def _reads_primary() -> bool:
    """Say whether this browser has changed something that the replica may not have yet."""
    if not has_replica():
        return True
    changed = cookie.get(_CHANGED)
    if changed is None:
        return False
    age = clock.now().timestamp() - changed
    return bool(abs(age) <= options.erp.replica_lag.total_seconds() + 1)


def _note_change(response: Response) -> Response:
    if request.method == "POST" and current_user.is_authenticated:
        cookie[_CHANGED] = int(clock.now().timestamp())
    return response


def init_app(app: Flask) -> None:
    """Note each change of a browser, where there is a replica."""
    with app.app_context():
        if has_replica():
            app.after_request(_note_change)
