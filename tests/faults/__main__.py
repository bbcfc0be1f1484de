"""`python -m tests.faults`: break things on purpose, and count what was lost, doubled, oversold or leaked."""

from __future__ import annotations

import argparse
import random
import secrets
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.faults import composed, cuts, disk, failover, hostile, kills, mails, soak
from tests.faults.company import PASSWORD, plain_environment
from tests.faults.report import Report
from tests.faults.works import WORKS
from tests.support import postgres

Part = Callable[[Path, Report, "Size"], None]


def run_kills(folder: Path, report: Report, size: Size) -> None:
    """Kill works on both databases at once."""
    with postgres.running(folder / "server", {"fsync": "off"}) as server:
        stages = {}
        for kind in ("sqlite", "postgres"):
            (folder / kind).mkdir()
            given = {**plain_environment(), "ERP_ADMIN_PASSWORD": PASSWORD}
            stages[kind] = (
                kills.SqliteStage(folder / kind, given)
                if kind == "sqlite"
                else kills.PostgresStage(folder / kind, given, server)
            )

        works = [work for work in WORKS if any(name in work.name for name in size.only.split(","))]
        works = random.Random(report.seed).sample(works, min(size.works, len(works)))

        def work(kind: str) -> None:
            try:
                kills.run(stages[kind], kind, report, kills=-(-size.kills // 2), seed=report.seed, works=works)
            except Exception as error:
                report.fail(f"{kind}: {error!r}")

        threads = [threading.Thread(target=work, args=[kind]) for kind in stages]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


@dataclass(frozen=True)
class Size:
    """How much `SHORT=1`, `make faults` and `FULL=1` break; the first kills a few works that the seed chooses."""

    works: int
    kills: int
    cuts: int
    process_kills: int
    restarts: int
    failovers: int
    full_disks: int
    requests: int
    mails: int
    mail_kills: int
    soak_seconds: float
    only: str = ""


SIZES = {
    "short": Size(10, 40, 60, 6, 1, 1, 1, 1_200, 300, 12, 20),
    "usual": Size(99, 230, 750, 20, 4, 2, 2, 20_000, 2_000, 40, 120),
    "full": Size(99, 900, 3_000, 80, 8, 5, 4, 100_000, 10_000, 100, 900),
}
PARTS: dict[str, Part] = {
    "kills": run_kills,
    "cuts": lambda folder, report, size: cuts.run(
        folder, report, cuts=size.cuts, kills=size.process_kills, restarts=size.restarts
    ),
    "processes": lambda folder, report, size: cuts.run_sqlite(folder, report, kills=size.process_kills),
    "failover": lambda folder, report, size: failover.run(folder, report, failovers=size.failovers),
    "disk": lambda folder, report, size: disk.run(folder, report, times=size.full_disks),
    "hostile": lambda folder, report, size: hostile.run(folder, report, requests=size.requests),
    "mails": lambda folder, report, size: mails.run(folder, report, mails=size.mails, kills=size.mail_kills),
    "compose": lambda folder, report, size: composed.run(folder, report),
    "soak": lambda folder, report, size: soak.run(folder, report, seconds=size.soak_seconds),
}


def run_part(name: str, seed: int, size: Size) -> Report:
    """Run one part in a folder of its own; whatever it raises is a failure of it."""
    report = Report(name, seed)
    with tempfile.TemporaryDirectory(prefix="erp-faults-", ignore_cleanup_errors=True) as folder:
        try:
            PARTS[name](postgres.reachable(folder), report, size)
        except Exception:
            report.fail(traceback.format_exc())
    return report


def main() -> int:
    """Run the parts that are named, all of them by default; return 1 where anything failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--size", choices=SIZES, default="usual")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--less", type=int, default=1, help="divide every figure by this")
    parser.add_argument(
        "--only", default="", help="of the kills, only works whose name has this in it; several with commas"
    )
    chosen = parser.parse_args()
    size = SIZES[chosen.size]
    amounts = {name: max(1, value // chosen.less) for name, value in asdict(size).items() if name != "only"}
    size = Size(**amounts, only=chosen.only)
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))  # what was started is ended
    finished = []
    for name in chosen.parts or PARTS:
        finished.append(run_part(name, chosen.seed, size))
        print(finished[-1], flush=True)
    return int(any(report.failures for report in finished))


if __name__ == "__main__":
    sys.exit(main())
