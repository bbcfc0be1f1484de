"""The disk is full for a while: what is refused says so, nothing acknowledged is lost, and then all goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from tests.faults.clerks import Ledger, audit, furnish
from tests.faults.company import Company, end
from tests.faults.cuts import at_work
from tests.faults.report import Report
from tests.support.postgres import Server, reachable

REQUESTS = 40
MOST_SECONDS = 30.0
RECOVERY_SECONDS = 10.0


def can_mount() -> bool:
    """Say whether this user may mount a small disk."""
    return (
        os.geteuid() == 0
        and subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0
    )


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Give a disk of a few megabytes."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0711", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def full(disk: Path, ledger: Ledger, server: Server | None) -> Iterator[None]:
    """Fill a disk to its last byte, and free it again when clerks have tried to work on it.

    PostgreSQL could live for long on what it has set aside: it is made to begin new files.
    """
    filler = disk / "filler"
    deadline, before = time.monotonic() + MOST_SECONDS, len(ledger.seconds)
    with filler.open("ab", buffering=0) as file:
        while time.monotonic() < deadline and len(ledger.seconds) < before + REQUESTS:
            try:
                file.write(b"\0" * 65536)
            except OSError:
                time.sleep(0.05)
                if server is not None:
                    with suppress(psycopg.Error):
                        server.execute("SELECT pg_switch_wal()")
    yield
    filler.unlink()


def run(folder: Path, report: Report, *, times: int) -> None:
    """Fill the disk of each kind of database while clerks work."""
    if not can_mount():
        report.note("left out: this user may not mount a small disk")
        report.measure("disk full", "not run, no right to mount")
        return
    with small_disk(folder / "small", 60) as disk:
        _run(Company(disk / "company", f"sqlite:///{disk}/company.sqlite"), disk, None, report, times)
    with small_disk(folder / "smaller", 400) as disk:
        server = Server(reachable(disk) / "server")
        server.set({"max_wal_size": "'64MB'", "min_wal_size": "'32MB'", "wal_recycle": "off", "fsync": "off"})
        server.start()
        try:
            server.create("company")
            _run(Company(folder / "company", server.url("company")), disk, server, report, times)
        finally:
            server.stop(signal.SIGKILL)


def _answers(server: Server) -> bool:
    """Say whether PostgreSQL answers, or does so soon.

    It stops where the disk is full in its recovery too; PostgreSQL 18 may then neither answer nor end, until somebody
    ends it.
    """
    deadline = time.monotonic() + RECOVERY_SECONDS
    while server.process.poll() is None and time.monotonic() < deadline:
        try:
            server.execute("SELECT 1")
            return True
        except psycopg.OperationalError:
            time.sleep(0.1)
    return False


def _run(company: Company, disk: Path, server: Server | None, report: Report, times: int) -> None:
    furnish(company)
    ledger = Ledger()
    worker = company.start("worker")
    with company.serving("--workers", "2") as (_, port), at_work(company, port, ledger, report):
        for _ in range(times):
            time.sleep(3)
            with full(disk, ledger, server):
                report.count("times the disk was full")
            if server is not None and not _answers(server):
                report.count("times PostgreSQL stopped for want of disk")
                server.stop(signal.SIGQUIT)
                server.start()
    end(worker)
    audit(company, ledger, report)
