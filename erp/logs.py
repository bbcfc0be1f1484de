"""One form for the log of every process: when, how grave, in which request, job or command, by whom, and what.

`ERP_LOG_FORMAT` is `text` (the default) or `json`, `ERP_LOG_LEVEL` the least grave level that is written. Addresses are
written without their query, and statements without their values.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from flask import Flask, Response, g, has_request_context, request

from erp.errors import ConfigError

FORMATS = ("text", "json")
LEVELS = ("debug", "info", "warning", "error")

log = logging.getLogger("erp.requests")

_work: ContextVar[str] = ContextVar("work", default="")
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


@contextmanager
def within(work: str) -> Iterator[None]:
    """Name what is done inside, such as a job with the number of its run, in each line of the log."""
    token = _work.set(work)
    try:
        yield
    finally:
        _work.reset(token)


class _Context(logging.Filter):
    """Gives a record the request or work in which it is made, and the user."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.work, record.user = _work.get(), ""
        if has_request_context():
            record.work = g.get("erp_request_id", "")
            # What is loaded already: a line of the log must not ask the database.
            record.user = vars(g.get("_login_user", None) or object).get("username") or ""
        return True


class _Text(logging.Formatter):
    """A line for people; line breaks inside a traceback stay, other control characters go."""

    def format(self, record: logging.LogRecord) -> str:
        about = " ".join(part for part in (vars(record).get("work", ""), vars(record).get("user", "")) if part)
        text = f"{_instant(record)} {record.levelname.lower():7} {record.name}{f' [{about}]' if about else ''}: "
        trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return _CONTROL.sub("?", text + record.getMessage().replace("\n", " ") + trace)


class _Json(logging.Formatter):
    """An object on a line, for programs."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": _instant(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "id": vars(record).get("work", ""),
            "user": vars(record).get("user", ""),
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)
        return json.dumps(fields)


def _instant(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def configure(environment: Mapping[str, str], *, level: str) -> None:
    """Write the log of this process to stderr; raise ConfigError for a form or a level that there is not."""
    form = _setting(environment, "ERP_LOG_FORMAT", "text", FORMATS)
    least = _setting(environment, "ERP_LOG_LEVEL", level, LEVELS)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    handler.addFilter(_Context())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(least.upper())
    for noisy in ("apscheduler", "alembic", "waitress"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


def _setting(environment: Mapping[str, str], name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = environment.get(name) or default
    if value not in allowed:
        raise ConfigError(f"{name}: {value!r} is refused; one of {', '.join(allowed)} is allowed.")
    return value


def init_app(app: Flask) -> None:
    """Give each request an id, which its answer and its lines of the log carry, and log each request."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    given = request.headers.get("X-Request-ID", "")
    g.erp_request_id = given if _GIVEN_ID.fullmatch(given) else secrets.token_hex(8)
    begun = time.monotonic()
    g.erp_seconds = lambda: time.monotonic() - begun


def _end(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.erp_request_id
    log.info("%s %s %d %.0f ms", request.method, request.path, response.status_code, g.erp_seconds() * 1000)
    return response
