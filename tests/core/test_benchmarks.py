"""The benchmarks run: each is measured once on a very small book, so that none is found broken when it is wanted."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from bench.goals import goals_met
from bench.pages import Measured, misses

RUNS = {
    "allocate": "--size 100 --turns 1",
    "atp": "--size 100 --turns 1",
    "emails": "--size 10",
    "import": "--size 100 --turns 1",
    "pages": "--size 10000 --turns 1 --only /sales/customers",
    "orders": "--processes 2 --products 10 --size 1 --turns 1",
    "preview": "--size 100 --turns 1",
    "rebalance": "--size 100 --turns 1",
    "receive": "--size 50 --turns 1",
    "start": "--size 1 --turns 1",
    "what-if": "--size 100 --turns 1",
}


@pytest.mark.parametrize("name", RUNS)
def test_a_benchmark_runs_and_prints_what_it_found(name, tmp_path):
    command = [sys.executable, "-m", "bench", name, "--db", "sqlite", *RUNS[name].split()]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "ERP_INSTANCE": str(tmp_path), "ERP_DATABASE_URL": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("sqlite, ")


def test_the_page_says_which_goals_are_met_by_which_database():
    blocks = (
        f"```text\n{kind}, 10,000 purchase lines\nratio  {ratio}\n```"
        for kind, ratio in (("sqlite", 2.1), ("postgres", 2.0))
    )
    page = goals_met({"Receive": "\n".join(blocks)})
    assert "| receive: twice its floor | **2.1**, missed | 2.0 |" in page


def test_a_goal_is_judged_by_the_size_that_it_speaks_of():
    blocks = (
        f"```text\nsqlite, {size} lines\nratio  {ratio}\n```" for size, ratio in (("100,000", 1.4), ("1,000,000", 1.6))
    )
    page = goals_met({"Allocate": "\n".join(blocks)})
    assert "| allocate: 1.5 times its floor | **1.6**, missed | – |" in page


def test_a_page_is_slow_by_the_floors_that_it_takes_and_not_by_the_speed_of_the_machine():
    small, large = (Measured(milliseconds, 1.0, 10, most_floors=90) for milliseconds in (30.0, 50.0))
    assert not misses(small, large)
    slower = [replace(each, milliseconds=3 * each.milliseconds, floor=3 * each.floor) for each in (small, large)]
    assert not misses(*slower)
    assert misses(small, replace(large, milliseconds=91.0))
    assert misses(small, replace(large, milliseconds=61.0))  # it grows more than twice
    assert misses(small, replace(large, statements=31))
