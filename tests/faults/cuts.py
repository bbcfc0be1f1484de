"""Clerks work while connections are cut, processes are killed and the database is restarted or replaced."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from tests.faults.clerks import Clerk, Ledger, audit, furnish
from tests.faults.company import Company, children, end, wait_until
from tests.faults.report import Report
from tests.support.postgres import Server, running

CLERKS = 6
CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'company' AND pid <> pg_backend_pid()"
    " ORDER BY state = 'idle', random() LIMIT 3"
)
QUIET_SECONDS = 8


@contextmanager
def at_work(company: Company, port: int, ledger: Ledger, report: Report, clerks: int = CLERKS) -> Iterator[None]:
    """Let clerks work meanwhile and for a little longer, in which every one of them must be served again."""
    stop = threading.Event()
    team = [Clerk(number, company, port, ledger, stop, report.seed) for number in range(clerks)]
    for clerk in team:
        clerk.start()
    try:
        wait_until(lambda: len(ledger.seconds) >= clerks)
        yield
        before = ledger.statuses[200]
        time.sleep(QUIET_SECONDS)
        if ledger.statuses[200] == before:
            report.fail(f"nobody was served in the {QUIET_SECONDS} s after it")
    finally:
        stop.set()
        for clerk in team:
            clerk.join(120)
    for clerk in team:
        if clerk.is_alive() or clerk.failure:
            report.fail(clerk.failure or f"clerk {clerk.number} still waits for an answer")
    report.note(f"{dict(ledger.acts)}, answers {dict(ledger.statuses)}")


class Breaker:
    """Breaks one thing after another until enough has been broken."""

    def __init__(self, company: Company, server: Server | None, web: subprocess.Popen[bytes], report: Report) -> None:
        self.company, self.server, self.web, self.report = company, server, web, report
        self.chance = random.Random(f"{report.seed} breaker")
        self.worker = company.start("worker")

    def cut(self) -> None:
        """End a few of the database's sessions."""
        assert self.server is not None
        with suppress(psycopg.OperationalError):
            self.report.count("cut connections", len(self.server.execute(CUT)))

    def kill_web(self) -> None:
        """Kill one of the server's processes, which its watcher replaces."""
        if found := children(self.web.pid):
            with suppress(ProcessLookupError):
                os.kill(self.chance.choice(found), signal.SIGKILL)
                self.report.count("web processes killed")

    def kill_worker(self) -> None:
        """Kill the worker and start another, as a supervisor does."""
        end(self.worker)
        self.report.count("workers killed")
        self.worker = self.company.start("worker")

    def restart(self) -> None:
        """Restart the database: in order, or as after a crash."""
        assert self.server is not None
        by = self.chance.choice((signal.SIGINT, signal.SIGQUIT))
        self.server.stop(by)
        time.sleep(self.chance.uniform(0.2, 2))
        self.server.start()
        self.report.count("database restarts")

    def close(self) -> None:
        """End the worker."""
        end(self.worker)


def run(folder: Path, report: Report, *, cuts: int, kills: int, restarts: int) -> None:
    """On PostgreSQL: cut connections, kill processes and restart the server while clerks work."""
    with running(folder / "server") as server:
        server.create("company")
        company = Company(folder / "company", server.url("company"))
        furnish(company)
        ledger = Ledger()
        with company.serving("--workers", "2") as (web, port):
            breaker = Breaker(company, server, web, report)
            try:
                with at_work(company, port, ledger, report):
                    _break(breaker, cuts=cuts, kills=kills, restarts=restarts)
            finally:
                breaker.close()
        audit(company, ledger, report)


def _break(breaker: Breaker, *, cuts: int, kills: int, restarts: int) -> None:
    counted = breaker.report.counted
    while counted["cut connections"] < cuts:
        time.sleep(breaker.chance.uniform(0.05, 0.4))
        breaker.cut()
        done = counted["cut connections"] / cuts
        if counted["web processes killed"] < done * kills / 2:
            breaker.kill_web()
        if counted["workers killed"] < done * kills / 2:
            breaker.kill_worker()
        if counted["database restarts"] < done * restarts:
            breaker.restart()


def run_sqlite(folder: Path, report: Report, *, kills: int) -> None:
    """On SQLite: kill processes while clerks work."""
    company = Company(folder / "company", f"sqlite:///{folder}/company.sqlite")
    furnish(company)
    ledger = Ledger()
    with company.serving("--workers", "2") as (web, port):
        breaker = Breaker(company, None, web, report)
        try:
            with at_work(company, port, ledger, report):
                while report.counted["web processes killed"] + report.counted["workers killed"] < kills:
                    time.sleep(breaker.chance.uniform(0.3, 1.5))
                    breaker.chance.choice((breaker.kill_web, breaker.kill_worker))()
        finally:
            breaker.close()
    audit(company, ledger, report)
