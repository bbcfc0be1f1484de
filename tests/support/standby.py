"""A standby that follows the tests' PostgreSQL server, made from the wheel's own programs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.support import programs
from tests.support.databases import PostgresTemplate


class Standby:
    """A streaming standby of every database of the server."""

    def __init__(self, template: PostgresTemplate, folder: Path) -> None:
        server = template.server
        self.template, self.folder, self.port = template, folder / "standby", programs.free_port()
        self.programs, self.log = Path(server.bin_path), folder / "log"
        self.settled = {"user": server.system_user} if os.geteuid() == 0 else {}
        command = [self.programs / "pg_basebackup", "-D", self.folder, "-d", server.get_uri(), "-R", "-c", "fast"]
        subprocess.run(command, check=True, capture_output=True, **self.settled)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let it run."""
        command = [self.programs / "postgres", "-D", self.folder, "-k", self.folder, "-p", str(self.port)]
        with programs.running([*command, "-h", "127.0.0.1"], self.port, self.log, **self.settled):
            yield

    def url(self, database: str) -> str:
        """Return the address of a database at the standby."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str) -> object:
        """Run a statement at the standby; return the first value."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            return (connection.execute(statement).fetchone() or (None,))[0]

    def catch_up(self) -> None:
        """Wait until it has everything that the server has written."""
        with psycopg.connect(self.template.server.get_uri(), autocommit=True) as connection:
            written = connection.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()[0]
        programs.wait_until(lambda: self.run(f"SELECT pg_last_wal_replay_lsn() >= '{written}'"))
