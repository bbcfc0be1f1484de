"""Sixteen clerks work for a long time, through PgBouncer where it is installed, at half of what the server can do."""

from __future__ import annotations

import pwd
import shutil
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.clerks import Clerk, Ledger, audit, furnish
from tests.faults.company import Company, children, end, wait_until
from tests.faults.report import Report
from tests.support.postgres import Server, free_port, running

CLERKS = 16
# In less time than this, memory is still warming up and other work of the machine counts too much: both are measured.
LONG_ENOUGH_SECONDS = 600
SLOWER = 3.0
GROWTH = 1.10
POOLER = """
[databases]
company = host=127.0.0.1 port={database_port} dbname=company user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
auth_type = any
pool_mode = transaction
max_client_conn = 500
default_pool_size = 20
unix_socket_dir =
logfile = {folder}/pgbouncer.log
"""


@contextmanager
def pooler(folder: Path, server: Server) -> Iterator[int]:
    """Run PgBouncer in transaction mode; give its port."""
    folder.mkdir()
    port = free_port()
    text = POOLER.format(database_port=server.port, port=port, folder=folder)
    (folder / "pgbouncer.ini").write_text(text)
    with pooler_process(folder, server.account):
        yield port


@contextmanager
def pooler_process(folder: Path, account: str | None) -> Iterator[None]:
    """Run PgBouncer with the file pgbouncer.ini of a folder, as a user that may run it."""
    if account:
        shutil.chown(folder, pwd.getpwnam(account).pw_uid)
    process = subprocess.Popen(["pgbouncer", "-q", str(folder / "pgbouncer.ini")], user=account, cwd="/")
    try:
        time.sleep(1)
        if process.poll() is not None:
            raise RuntimeError("pgbouncer did not start")
        yield
    finally:
        process.kill()
        process.wait()


def percentile(seconds: list[float], share: float = 0.95) -> float:
    """Return the value below which that share of the values lies."""
    return sorted(seconds)[int(share * (len(seconds) - 1))] if seconds else 0.0


def resident_megabytes(pids: list[int]) -> float:
    """Return the memory of processes, in MB; those that are gone have none."""
    total = 0
    for pid in pids:
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
        except OSError:
            continue
    return total / 1e6


def run(folder: Path, report: Report, *, seconds: float) -> None:
    """Measure one clerk alone, all without a pause, all at half of that for most of the time, and one alone again."""
    with running(folder / "server") as server:
        server.create("company")
        company = Company(folder / "company", server.url("company"))
        furnish(company)
        if shutil.which("pgbouncer"):
            with pooler(folder / "pooler", server) as port:
                company.url = company.environment["ERP_DATABASE_URL"] = (
                    f"postgresql://postgres@127.0.0.1:{port}/company"
                )
                report.measure("pooler", "PgBouncer")
                _soak(company, report, seconds)
        else:
            report.measure("pooler", "none, PgBouncer is not installed")
            _soak(company, report, seconds)


def _soak(company: Company, report: Report, seconds: float) -> None:
    worker = company.start("worker")
    ledger = Ledger()
    try:
        with company.serving("--workers", "2") as (web, port):
            team = _Team(company, port, ledger, report.seed)
            alone, _ = team.work(1, 0.0, max(8, seconds * 0.05))
            _, busiest = team.work(CLERKS, 0.0, max(15, seconds * 0.1))
            with _memory(lambda: [web.pid, *children(web.pid)]) as sizes:
                taken, rate = team.work(CLERKS, 2 * CLERKS / busiest, seconds * 0.8)
            # Pages take longer when the clerks have filled the book: the clerk alone meets both books.
            alone += team.work(1, 0.0, max(8, seconds * 0.05))[0]
        audit(company, ledger, report)
    finally:
        end(worker)
    _judge(report, seconds, alone, busiest, taken, rate, sizes)


class _Team:
    def __init__(self, company: Company, port: int, ledger: Ledger, seed: int) -> None:
        self.company, self.port, self.ledger, self.seed = company, port, ledger, seed
        self.hired = 0

    def work(self, clerks: int, pause: float, seconds: float) -> tuple[list[float], float]:
        """Let so many clerks work; return the seconds of each request, and requests a second."""
        stop, first = threading.Event(), len(self.ledger.seconds)
        numbers = range(self.hired, self.hired + clerks)  # nobody else has had these, nor the names made of them
        self.hired += clerks
        team = [Clerk(number, self.company, self.port, self.ledger, stop, self.seed, pause) for number in numbers]
        for clerk in team:
            clerk.start()
        wait_until(lambda: len(self.ledger.seconds) >= first + 2 * clerks)  # all have signed in
        first = len(self.ledger.seconds)
        began = time.monotonic()
        stop.wait(seconds)
        taken = self.ledger.seconds[first:]
        rate = len(taken) / (time.monotonic() - began)
        stop.set()
        for clerk in team:
            clerk.join(120)
            if clerk.failure:
                raise RuntimeError(clerk.failure)
        return taken, rate


@contextmanager
def _memory(pids: object) -> Iterator[list[float]]:
    """Note the memory of the processes every few seconds."""
    sizes: list[float] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(3):
            sizes.append(resident_megabytes(pids()))  # type: ignore[operator]

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    yield sizes
    stop.set()
    thread.join()


def _judge(
    report: Report,
    seconds: float,
    alone: list[float],
    busiest: float,
    taken: list[float],
    rate: float,
    sizes: list[float],
) -> None:
    unloaded, loaded = percentile(alone), percentile(taken)
    report.measure("requests/s at most", f"{busiest:.0f}")
    report.measure("requests/s in the soak", f"{rate:.0f}")
    report.measure("p95 of one clerk alone", f"{unloaded * 1000:.0f} ms")
    report.measure("p95 in the soak", f"{loaded * 1000:.0f} ms")
    is_long = seconds >= LONG_ENOUGH_SECONDS
    if is_long and loaded > SLOWER * unloaded:
        report.fail(f"p95 in the soak is {loaded / unloaded:.1f} times that of one clerk alone")
    quarter = max(1, len(sizes) // 4)
    early, late = statistics.mean(sizes[quarter : 2 * quarter] or sizes), statistics.mean(sizes[-quarter:])
    report.measure("memory", f"{early:.0f} MB, then {late:.0f} MB")
    if is_long and late > GROWTH * early:
        report.fail(f"the memory of the server grew from {early:.0f} to {late:.0f} MB")
