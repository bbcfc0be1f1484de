"""The program that breaks things finds what is broken; `make faults` runs all of it, here are a few kills."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.faults import kills
from tests.faults.clerks import Ledger, audit
from tests.faults.company import PASSWORD, Company, plain_environment
from tests.faults.report import Report
from tests.faults.works import WORKS

pytestmark = pytest.mark.real_clock
CHOSEN = tuple(work for work in WORKS if work.name in ("import receipts", "pack"))


@pytest.fixture
def stage(tmp_path):
    return kills.SqliteStage(tmp_path, {**plain_environment(), "ERP_ADMIN_PASSWORD": PASSWORD})


def test_what_is_killed_is_done_whole_or_not_at_all_and_what_is_lost_is_found(stage, tmp_path):
    report = Report("kills", 1)
    kills.run(stage, "sqlite", report, kills=6, seed=1, works=CHOSEN)
    assert report.failures == []
    assert report.counted["kills"] >= 4
    with closing(sqlite3.connect(tmp_path / "work.sqlite")) as database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        database.execute("UPDATE inventory_lots_balance SET on_hand = on_hand - 10000 WHERE id = 1")
        database.commit()
    ledger = Ledger()
    ledger.placed["clerk 1 order 1"] = True
    ledger.packs.add("PK99999")
    audit(Company(tmp_path, stage.url()), ledger, report)
    assert (report.counted["lost"], report.counted["doubled"], report.counted["oversold"]) == (2, 0, 1)
    assert any("erp check" in failure for failure in report.failures)
