"""Quotes over HTTP: the server as users start it, and clients that keep their connections open."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

LINES = 3
HOST = "127.0.0.1"
# What the measured requests may not run into.
_LIMIT = ("options", "set", "api.requests_per_minute", "1000000")
_TOKEN = ("tokens", "add", "admin", "bench")


def over_http(url: str, products: int, chosen: argparse.Namespace) -> None:
    """Measure and print quotes per second over HTTP, and how long one takes.

    `chosen` has the size of the book and the numbers of quotes, clients, workers and turns.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "ERP_INSTANCE": folder, "ERP_DATABASE_URL": url}
        _command(environment, "users", "add", "admin", "--role", "Administrator")
        _command(environment, *_LIMIT)
        token = _command(environment, *_TOKEN).strip()
        server, port = _start(environment, chosen.workers)
        try:
            _ask(port, token, _requests(products, 20, 0))  # the first ones find nothing prepared
            turns = [_turn(port, token, products, chosen, number) for number in range(1, chosen.turns + 1)]
        finally:
            server.terminate()
            server.wait(30)
    seconds, times = min(turns)
    slow = sorted(times)[len(times) * 95 // 100] * 1000
    print(
        f"postgres, {chosen.size:,} lines, quotes of {LINES} lines over HTTP, {chosen.clients} clients,"
        f" {chosen.workers} processes, best of {chosen.turns}"
    )
    print(f"product  {len(times) / seconds:8.0f} quotes/s, p95 {slow:6.2f} ms", flush=True)


def _turn(port: int, token: str, products: int, chosen: argparse.Namespace, turn: int) -> tuple[float, list[float]]:
    """Return the seconds of a turn and those of each of its requests."""
    each = chosen.quotes // chosen.clients
    asked = [_requests(products, each, turn * 1000 + client) for client in range(chosen.clients)]
    began = time.perf_counter()
    with ThreadPoolExecutor(chosen.clients) as clients:
        found = list(clients.map(lambda requests: _ask(port, token, requests), asked))
    return time.perf_counter() - began, [seconds for times in found for seconds in times]


def _requests(products: int, count: int, seed: int) -> list[tuple[str, bytes]]:
    """Return the keys and the bodies of requests."""
    dice = random.Random(seed)
    bodies = (
        {"lines": [{"sku": f"P{number:06d}", "quantity": "1"} for number in dice.sample(range(1, products + 1), LINES)]}
        for _ in range(count)
    )
    return [(f"bench-{seed}-{place}", json.dumps(body).encode()) for place, body in enumerate(bodies)]


def _ask(port: int, token: str, requests: Sequence[tuple[str, bytes]]) -> list[float]:
    """Send requests one after the other over one connection; return how long each took."""
    connection, times = http.client.HTTPConnection(HOST, port), []
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    for key, body in requests:
        began = time.perf_counter()
        connection.request("POST", "/api/v1/quotes", body, {**headers, "Idempotency-Key": key})
        answer = connection.getresponse()
        shown = answer.read()
        times.append(time.perf_counter() - began)
        if answer.status != 201 or not all(line["promise_date"] for line in json.loads(shown)["lines"]):
            raise SystemExit(f"a quote was not made or not covered: {shown[:500]!r}")
    connection.close()
    return times


def _command(environment: Mapping[str, str], *arguments: str) -> str:
    command = (sys.executable, "-m", "erp", *arguments)
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def _start(environment: Mapping[str, str], workers: int) -> tuple[subprocess.Popen[bytes], int]:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])
    command = (sys.executable, "-m", "erp", "serve", "--port", str(port), "--workers", str(workers))
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(600):
        try:
            socket.create_connection((HOST, port), 1).close()
            return server, port
        except OSError:
            time.sleep(0.1)
    server.terminate()
    raise SystemExit("the server has not begun to answer")
