"""The benchmarks run: each is measured once on a very small book, so that none is found broken when it is wanted."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

RUNS = {
    "allocate": "--lines 100 --turns 1",
    "atp": "--lines 100 --turns 1",
    "emails": "--messages 10",
    "import": "--lines 100 --turns 1",
    "pages": "--lines 10000 --turns 1 --only /sales/customers",
    "orders": "--processes 2 --products 10 --orders 1 --turns 1",
    "preview": "--lines 100 --turns 1",
    "rebalance": "--lines 100 --turns 1",
    "receive": "--lines 50 --turns 1",
    "what-if": "--lines 100 --turns 1",
}


@pytest.mark.parametrize("name", RUNS)
def test_a_benchmark_runs_and_prints_what_it_found(name, tmp_path):
    both = [] if name == "what-if" else ["--db", "sqlite"]
    command = [sys.executable, "-m", "bench", name, *both, *RUNS[name].split()]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "ERP_INSTANCE": str(tmp_path), "ERP_DATABASE_URL": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("sqlite, ")
