"""Processes of the product that begin together, or die in the middle of a request.

`python -m tests.support.forks` loads the product once and forks a process for each task that it reads, as JSON, from
its input. It prints, as JSON, what became of each: what the task returned, or the signal of which the process died.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
Task = Mapping[str, Any]


def run(app: Any, folder: Path, tasks: Sequence[Task], *, at_once: bool = False) -> list[Any]:
    """Do each task in a process of its own, one after the other or all at once; return what became of each."""
    given = {"url": str(app.config["SQLALCHEMY_DATABASE_URI"]), "folder": str(folder), "tasks": list(tasks)}
    command = [sys.executable, "-m", "tests.support.forks"]
    done = subprocess.run(
        command, input=json.dumps({**given, "at_once": at_once}), cwd=ROOT, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Read the tasks, do them, and print what became of them."""
    from tests.conftest import make_app

    given = json.loads(sys.stdin.read())
    app = make_app(given["url"], Path(given["folder"]))
    begins = time.time() + 1 if given["at_once"] else 0.0
    started = []
    for task in given["tasks"]:
        started.append(_fork(app, task, begins))
        if not given["at_once"]:
            started[-1] = _ended(*started[-1])
    print(json.dumps([_ended(*each) if given["at_once"] else each for each in started]))


def _fork(app: Any, task: Task, begins: float) -> tuple[int, int]:
    """Start a process for a task; return its id, and where it writes."""
    reading, writing = os.pipe()
    process = os.fork()
    if process:
        os.close(writing)
        return process, reading
    time.sleep(max(0.0, begins - time.time()))
    try:
        found: Any = TASKS[task["do"]](app, task)
    except BaseException:
        found = traceback.format_exc()
    with suppress(BrokenPipeError):
        os.write(writing, json.dumps(found).encode())
    os._exit(0)


def _ended(process: int, reading: int) -> Any:
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    _, status = os.waitpid(process, 0)
    return f"killed by {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else json.loads(text)


def _die(*_args: object, **_more: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _send(app: Any, task: Task) -> int:
    """Send a request, and die when its change is committed or just before that."""
    from modules.api.http import writing

    if task["dies"] == "after the commit":
        writing.response_of = _die  # type: ignore[assignment]
    else:
        keep = writing._do_and_keep

        def keep_and_die(*args: Any, **more: Any) -> Any:
            keep(*args, **more)
            args[0].flush()
            _die()

        writing._do_and_keep = keep_and_die
    with app.app_context():
        answer = app.test_client().post(task["address"], headers=task["headers"], json=task["body"])
    return int(answer.status_code)


def _quote(app: Any, task: Task) -> int:
    """Quote one piece; return the raw quantity that is held."""
    from erp.db import commit
    from modules.sales.hooks import WantedQuantity
    from modules.sales.services import make_quote

    with app.app_context():
        made = commit(lambda session: make_quote(session, [WantedQuantity(task["product"], Decimal(1))]))
        return sum(part.quantity for promise in made.promises for part in promise.parts)


TASKS: Mapping[str, Callable[[Any, Task], Any]] = {"send": _send, "quote": _quote}

if __name__ == "__main__":
    main()
