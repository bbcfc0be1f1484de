"""`python -m tests.support.dump`: keep the demo company of this release, as SQL of both databases, for later upgrades.

It writes tests/releases/VERSION-sqlite.sql.xz and -postgres.sql.xz, which tests/core/test_upgrades.py upgrades ever
after. Run it once for each release, when its revisions are final and `make` has installed the version of setup.cfg.
"""

from __future__ import annotations

import lzma
import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from tests.support import postgres

RELEASES = Path(__file__).parents[1] / "releases"
HISTORY = (
    ("init", "--demo"),
    ("allocate",),
    ("pack", "SO00002"),
    ("unpack", "PK00002", "--why", "Wrong address"),
    ("send-emails",),
    ("modules", "install", "returns"),
    ("modules", "install", "api"),
    ("tokens", "add", "admin", "shop"),
    ("modules", "disable", "backorder_email", "--why", "Kept switched off, as a release finds it"),
)


def dump(url: str) -> str:
    """Return the SQL that makes a database and its rows again."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(make_url(url).database or "")) as database:
            return "\n".join(database.iterdump())
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    options = ("--no-owner", "--no-privileges", "--inserts", "--rows-per-insert=500", f"--dbname={address}")
    done = subprocess.run([postgres.program("pg_dump"), *options], check=True, capture_output=True, text=True)
    return "\n".join(line for line in done.stdout.splitlines() if _is_known_everywhere(line))


def _is_known_everywhere(line: str) -> bool:
    """Say whether a server of any version takes a line: psql's own commands are none, and one setting is new."""
    return not line.startswith(("\\", "SET transaction_timeout", "CREATE SCHEMA public", "COMMENT ON SCHEMA public"))


def load(text: str, url: str) -> None:
    """Make the database that `dump` returned, where none is."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(make_url(url).database or "")) as database:
            database.executescript(text)
        return
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(text.encode())


def make(url: str, instance: Path) -> str:
    """Make the demo company with a little history at an empty database, and return its SQL."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("ERP_")}
    environment = {**others, "ERP_DATABASE_URL": url, "ERP_INSTANCE": str(instance)}
    for arguments in HISTORY:
        subprocess.run([sys.executable, "-m", "erp", *arguments], env=environment, check=True)
    return dump(url)


def kept() -> list[Path]:
    """Return the dumps of all releases, oldest first."""
    return sorted(RELEASES.glob("*.sql.xz"))


def read(path: Path) -> str:
    """Return the SQL of a kept dump."""
    return lzma.decompress(path.read_bytes()).decode()


def main() -> None:
    """Keep this version on both databases."""
    RELEASES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, postgres.running(postgres.reachable(folder) / "server") as server:
        server.create("company")
        urls = {"sqlite": f"sqlite:///{folder}/company.sqlite", "postgres": server.url("company")}
        for kind, url in urls.items():
            path = RELEASES / f"{version('modular-erp')}-{kind}.sql.xz"
            path.write_bytes(lzma.compress(make(url, Path(folder) / kind).encode(), preset=9))
            print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
