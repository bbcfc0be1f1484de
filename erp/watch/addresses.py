"""`/health`, `/ready` and `/metrics`, which ask for no sign-in."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from flask import Flask, Response, abort, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import DBAPIError

from erp import jobs, migrations
from erp.db import db
from erp.errors import ConfigError, DatabaseTooNew, ErpError, NotInitialized, UpgradeNeeded
from erp.options import OptionTable
from erp.registry import current_registry

# A worker that takes over from one that died needs a moment.
WORKER_MAY_BE_AWAY_SECONDS = 30.0
_HERE = ("127.0.0.1", "::1")

_ALONE = threading.Lock()


@dataclass
class _Seen:
    """When this process last saw a worker, in monotonic seconds."""

    worker_at: float = -WORKER_MAY_BE_AWAY_SECONDS


def init_app(app: Flask) -> None:
    """Add the addresses; the numbers of requests are counted where `[erp] metrics` is on."""
    app.extensions["erp_seen"] = _Seen()
    app.add_url_rule("/health", "health", _health)
    app.add_url_rule("/ready", "ready", _ready)
    table: OptionTable = app.extensions["erp"].option_table
    if table.effective({})["erp.metrics"].value:
        _count_requests(app)
        app.add_url_rule("/metrics", "metrics", _metrics)


def _count_requests(app: Flask) -> None:
    if find_spec("prometheus_client") is None:
        raise ConfigError("[erp] metrics needs prometheus-client: install modular-erp[metrics].")
    app.after_request(_count)


def _count(response: Response) -> Response:
    _counted().count(response)
    return response


def _counted() -> Any:
    """Return what this process counts. Its library asks when it is imported where several processes count."""
    extensions = current_app.extensions
    with _ALONE:
        if "erp_metrics" not in extensions:
            extensions["erp_metrics"] = import_module("erp.watch.metrics").Metrics()
        return extensions["erp_metrics"]


def _health() -> ResponseReturnValue:
    """Say that this process answers; nothing else is asked."""
    return jsonify(status="ok")


def _ready() -> ResponseReturnValue:
    """Say whether database, schema and a worker are there: 200 or 503. `?without=worker` leaves the worker out."""
    found = _database()
    if request.args.get("without") != "worker" and found["database"] == "ok":
        found["worker"] = "ok" if _worker_seen() else "none seen lately"
    is_ready = set(found.values()) == {"ok"}
    return jsonify(status="ok" if is_ready else "not ready", **found), 200 if is_ready else 503


def _database() -> dict[str, str]:
    try:
        migrations.require_current()
    except NotInitialized:
        return {"database": "ok", "schema": "missing"}
    except UpgradeNeeded:
        return {"database": "ok", "schema": "older than this program"}
    except DatabaseTooNew:
        return {"database": "ok", "schema": "newer than this program"}
    except (DBAPIError, ErpError):
        return {"database": "cannot be used"}
    return {"database": "ok", "schema": "ok"}


def _worker_seen() -> bool:
    seen: _Seen = current_app.extensions["erp_seen"]
    if jobs.is_led():
        seen.worker_at = time.monotonic()
    return time.monotonic() - seen.worker_at < WORKER_MAY_BE_AWAY_SECONDS


def _metrics() -> Response:
    """Give what Prometheus reads, to those who have the token; without one, to this machine alone."""
    _require_token(current_app.config["ENVIRONMENT"].get("ERP_METRICS_TOKEN", ""))
    current_registry().refresh()
    return Response(_counted().text(db.session()), mimetype="text/plain; version=0.0.4")


def _require_token(token: str) -> None:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token:
        if not secrets.compare_digest(given.encode(), token.encode()):
            abort(403)
    elif request.remote_addr not in _HERE or "X-Forwarded-For" in request.headers:
        abort(403)
