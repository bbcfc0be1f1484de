"""An installation of its own: its processes, as an administrator starts them, and what its tables say."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text

from tests.support.postgres import free_port

ADMIN, PASSWORD = "admin", "a password of the tests"
PATIENCE_SECONDS = 90


def plain_environment() -> dict[str, str]:
    """Return the environment of this machine without settings of an installation."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ERP_")}


class Company:
    """One database, one instance folder, and the processes that use them."""

    def __init__(self, folder: Path, url: str, **settings: str) -> None:
        self.folder, self.url = folder, url
        folder.mkdir(parents=True, exist_ok=True)
        self.environment = {
            **plain_environment(),
            "ERP_DATABASE_URL": url,
            "ERP_INSTANCE": str(folder / "instance"),
            "ERP_ADMIN_PASSWORD": PASSWORD,
            "ERP_SECRET_KEY": "a key of the tests that is long enough",
            **settings,
        }

    def erp(self, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "erp", *arguments],
            env=self.environment, capture_output=True, text=True, check=False, **more,
        )  # fmt: skip

    def done(self, *arguments: str) -> str:
        """Run a command that must succeed; return what it printed."""
        answer = self.erp(*arguments)
        if answer.returncode:
            raise RuntimeError(f"erp {' '.join(arguments)}: {answer.stdout}{answer.stderr}")
        return answer.stdout

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command that runs until it is stopped, in a process group of its own."""
        log = (self.folder / f"{arguments[0]}.log").open("ab")
        command = [sys.executable, "-m", "erp", *arguments]
        return subprocess.Popen(
            command, env=self.environment, start_new_session=True, stdout=log, stderr=subprocess.STDOUT
        )

    @contextmanager
    def serving(self, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
        """Serve the screens; give the process and its port when it answers."""
        port = free_port()
        server = self.start("serve", "--port", str(port), *arguments)
        try:
            wait_until(lambda: answers(port))
            yield server, port
        finally:
            end(server)

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        url = make_url(self.url)
        engine = create_engine(url.set(drivername="postgresql+psycopg") if "postgres" in url.drivername else url)
        try:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(text(statement), values)]
        finally:
            engine.dispose()

    def log(self, name: str) -> str:
        """Return what a process has printed."""
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""


def answers(port: int) -> bool:
    """Say whether a server answers at a port."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def wait_until(what: Any, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until `what()` holds; raise TimeoutError where it does not in time."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s in vain")
        time.sleep(0.1)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def children(pid: int) -> list[int]:
    """Return the processes that a process started."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
