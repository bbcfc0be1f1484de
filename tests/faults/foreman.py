"""`python -m tests.faults.foreman URL INSTANCE`: one process forks others, each of which carries out one order.

An order is a line of JSON: `arguments` of the `erp` command, or `look` or `post ADDRESS FIELDS`; `die_at`, the point
at which the process kills itself, 0 for none; `seconds`, after which it is killed; `output`, the file for what it
prints. Points are the beginnings and ends of statements and commits. The answer has the exit status, the number of
points that were passed, and the seconds that it took.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import re
import signal
import struct
import sys
import time
import traceback
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from sqlalchemy import event, inspect, text
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from erp import checks, cli, clock
from erp.app import create_app
from erp.cli import wrapping
from erp.db import db, reading
from erp.exchange import export_csv
from erp.migrations import is_initialized
from erp.registry import current_registry

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
# Rows that say how often something was tried, not what was done.
OF_TRIES = {"erp_run", "erp_job_run", "erp_job", "erp_session", "erp_form_token", "erp_revision", "erp_sequence"}
POINTS = ("before_cursor_execute", "after_cursor_execute", "commit")


class Points:
    """Counts the points that a process passes, where another can read it, and kills it at one of them."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 8)
        self.die_at = 0

    @property
    def passed(self) -> int:
        return int(struct.unpack("q", self._shared[:8])[0])

    def start(self, die_at: int) -> None:
        self._shared[:8] = struct.pack("q", 0)
        self.die_at = die_at

    def listen(self) -> None:
        """Count from here on, in this process."""
        for name in POINTS:
            event.listen(Engine, name, self.pass_one)
        event.listen(Session, "after_commit", self.pass_one)

    def pass_one(self, *_arguments: Any) -> None:
        passed = self.passed + 1
        self._shared[:8] = struct.pack("q", passed)
        if passed == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)


def contents(app: Flask, *, tables_too: bool) -> dict[str, Any]:
    """Return what the database holds: a digest of every export, the rows of every table, and what is wrong.

    Whether the tables themselves are as the revisions make them takes long to find out.
    """
    with app.app_context(), reading():
        if not is_initialized():
            return {}
        session = db.session()
        current_registry().refresh()
        tables = set(inspect(session.connection()).get_table_names()) - OF_TRIES
        exports = {name: _without_ids("".join(export_csv(session, name))) for name in _live_exports()}
        return {
            "exports": {name: hashlib.sha256(content.encode()).hexdigest()[:16] for name, content in exports.items()},
            "counts": {name: session.scalar(text(f'SELECT count(*) FROM "{name}"')) for name in sorted(tables)},
            "modules": [list(row) for row in session.execute(text("SELECT name, state FROM erp_module ORDER BY name"))],
            "breaches": list(checks.breaches(session)) if tables_too else _breaches_of_rows(session),
        }


def _breaches_of_rows(session: Session) -> list[str]:
    registry = current_registry()
    return [breach for check in registry.live(registry.checks) for breach in check(session)]


def _live_exports() -> list[str]:
    registry = current_registry()
    return [name for name, owned in registry.exports.items() if registry.is_live(owned.module)]


def _without_ids(content: str) -> str:
    """Leave out the ids of rows: a sequence goes on where a transaction was undone."""
    return re.sub(r"^\d+,", "", content, flags=re.M) if content.startswith("id,") else content


def post(app: Flask, address: str, fields: str, points: Points) -> int:
    """Send a form as the administrator; return 0 where it was answered with a page: what it did is looked at."""
    from tests.conftest import browser_of

    app.config["WTF_CSRF_ENABLED"] = False
    with app.app_context():
        browser = browser_of(app, "Administrator")
        db.session.remove()
    points.listen()
    answer = browser.post(address, data=json.loads(fields))
    if answer.status_code >= 400:
        print(answer.status_code, re.sub(r"<[^>]+>|\s+", " ", answer.text)[:2000])
    return int(answer.status_code >= 400)


def carry_out(app: Flask, arguments: list[str], points: Points) -> int:
    """Carry out an order in this process; return its exit code."""
    if arguments[0] == "look":
        print(json.dumps(contents(app, tables_too="tables" in arguments)))
        return 0
    if arguments[0] == "post":
        return post(app, arguments[1], arguments[2], points)
    wrapping.create_app = lambda **_: app
    points.listen()
    return cli.run(arguments)


def fork(app: Flask, order: dict[str, Any], points: Points) -> dict[str, Any]:
    """Carry out an order in a process of its own, which may be killed."""
    points.start(order.get("die_at", 0))
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        _be_a_command(app, order, points)
    if order.get("seconds") is not None:
        time.sleep(order["seconds"])
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return {
        "status": os.waitstatus_to_exitcode(status),
        "points": points.passed,
        "seconds": time.monotonic() - began,
    }


def _be_a_command(app: Flask, order: dict[str, Any], points: Points) -> None:
    code = 70
    try:
        output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        code = carry_out(app, order["arguments"], points)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main(url: str, instance: str) -> None:
    """Take orders until there are no more."""
    if "FAULTS_REAL_CLOCK" not in os.environ:
        clock._read = lambda: NOW
    environment = {"ERP_INSTANCE": instance, "ERP_DATABASE_URL": url}
    app = create_app(environment=environment)
    points = Points()
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(fork(app, json.loads(line), points)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
