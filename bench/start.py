"""`python -m bench start`: what it costs to begin: a command, the server until its first answer, and its memory.

The floor of a command is Python that imports the two libraries on which everything stands.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.databases import KINDS

COMMAND = ("-m", "erp", "options", "get", "sales.backorders")
FLOOR = ("-c", "import flask, sqlalchemy.orm")


def main(arguments: Sequence[str]) -> None:
    """Measure and print seconds of the processor, seconds to the first answer, and memory."""
    parser = argparse.ArgumentParser(prog="python -m bench start", description=__doc__)
    parser.add_argument("--db", choices=sorted(KINDS), default="sqlite")
    parser.add_argument("--size", type=int, default=1000, help="requests before memory is measured (default 1,000)")
    parser.add_argument("--turns", type=int, default=5, help="how many turns; the best of each counts (default 5)")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        bench = KINDS[chosen.db](Path(folder))
        try:
            bench.create("empty")
            environment = {**os.environ, "ERP_INSTANCE": folder, "ERP_DATABASE_URL": bench.url("empty")}
            subprocess.run([sys.executable, "-m", "erp", "init"], env=environment, check=True, capture_output=True)
            _measure(environment, chosen)
        finally:
            bench.stop()


def _measure(environment: Mapping[str, str], chosen: argparse.Namespace) -> None:
    # In turns, so that other work of the machine slows all alike.
    taken = [
        (*(_processor(each, environment) for each in (COMMAND, FLOOR)), _first_answer(environment, requests=0)[0])
        for _ in range(chosen.turns)
    ]
    command, floor, first = (min(each[place] for each in taken) for place in range(3))
    _, (resident, share) = _first_answer(environment, requests=chosen.size)
    print(f"{chosen.db}, best of {chosen.turns}")
    print(f"a command that reads one option {command:6.2f} s of the processor")
    print(f"first answer                    {first:6.2f} s")
    print(f"floor                           {floor:6.2f} s of the processor to import Flask and SQLAlchemy")
    print(f"ratio                           {command / floor:6.2f}  (the answer: {first / floor:.2f})")
    print(f"web process                     {resident:6.0f} MB after {chosen.size:,} requests")
    print(f"its share                       {share:6.0f} MB: its own, and half of what its parent has too")


def _processor(arguments: Sequence[str], environment: Mapping[str, str]) -> float:
    """Return the seconds of the processor that Python takes for these arguments."""
    process = subprocess.Popen([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed")
    return used.ru_utime + used.ru_stime


def _first_answer(environment: Mapping[str, str], *, requests: int) -> tuple[float, tuple[float, float]]:
    """Start the server with one process; return the seconds to its first answer, and its memory after more."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    began = time.perf_counter()
    command = [sys.executable, "-m", "erp", "serve", "--workers", "1", "--port", str(port)]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}/login"
        while not _answers(address):
            time.sleep(0.005)
        seconds = time.perf_counter() - began
        for _ in range(requests):
            _answers(address)
        return seconds, _megabytes(server.pid)
    finally:
        server.terminate()
        server.wait()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            answer.read()
            return True
    except OSError:
        return False


def _megabytes(parent: int) -> tuple[float, float]:
    """Return the resident memory of the only child of a process, and its share, in which what two have counts half."""
    child = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()[0]
    lines = Path(f"/proc/{child}/smaps_rollup").read_text().splitlines()
    found = {line.split()[0]: int(line.split()[1]) / 1024 for line in lines[1:]}
    return found["Rss:"], found["Pss:"]
