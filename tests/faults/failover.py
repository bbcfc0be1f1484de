"""A leader is killed under load and its synchronous standby promoted; the application finds it by itself."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

from tests.faults.clerks import Ledger, audit, furnish
from tests.faults.company import Company, end, wait_until
from tests.faults.cuts import at_work
from tests.faults.report import Report
from tests.support.postgres import Server

SETTINGS = {"synchronous_commit": "on", "wal_keep_size": "'256MB'"}


def _address(*servers: Server) -> str:
    hosts = "&".join(f"host=127.0.0.1:{server.port}" for server in servers)
    return f"postgresql://postgres@/company?{hosts}&target_session_attrs=read-write"


def follow(leader: Server, folder: Path, port: int | None = None) -> Server:
    """Start a standby, and let the leader wait for it with every commit."""
    standby = Server(folder, of=leader, port=port)
    standby.start()
    leader.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{folder.name}'")
    leader.execute("SELECT pg_reload_conf()")
    wait_until(lambda: leader.execute("SELECT sync_state FROM pg_stat_replication") == [("sync",)])
    return standby


def _lead(standby: Server) -> None:
    """Promote a standby, which waits for nobody until it has a standby of its own."""
    standby.execute("SELECT pg_promote()")
    wait_until(lambda: standby.execute("SELECT pg_is_in_recovery()") == [(False,)])


def run(folder: Path, report: Report, *, failovers: int) -> None:
    """Kill the leader and promote its standby, again and again, while clerks work and a worker runs."""
    chance = random.Random(f"{report.seed} failover")
    leader = Server(folder / "db0")
    leader.set(SETTINGS)
    leader.start()
    servers = [leader]
    try:
        leader.create("company")
        company = Company(folder / "company", leader.url("company"))
        furnish(company)
        standby = follow(leader, folder / "db1")
        servers.append(standby)
        company.environment["ERP_DATABASE_URL"] = company.url = _address(leader, standby)
        ledger = Ledger()
        worker = company.start("worker")
        with company.serving("--workers", "2") as (_, port), at_work(company, port, ledger, report):
            for number in range(failovers):
                time.sleep(chance.uniform(4, 9))
                leader.stop(signal.SIGKILL)
                began, before = time.monotonic(), ledger.statuses[302]
                time.sleep(chance.uniform(0, 2))
                _lead(standby)
                report.count("failovers")
                _measure_recovery(ledger, report, began, before)
                if number + 1 < failovers:
                    leader, standby = standby, follow(standby, folder / f"db{number + 2}", leader.port)
                    servers.append(standby)
        end(worker)
        audit(company, ledger, report)
    finally:
        for server in servers:
            server.stop(signal.SIGKILL)


def _measure_recovery(ledger: Ledger, report: Report, began: float, before: int) -> None:
    """Note how long it took from the death of the leader until the next form was acknowledged."""
    wait_until(lambda: ledger.statuses[302] > before)
    slowest = max(time.monotonic() - began, float(report.measured.get("slowest recovery in s", "0")))
    report.measure("slowest recovery in s", f"{slowest:.1f}")
