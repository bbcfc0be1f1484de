"""`python -m bench http`: what clerks open all day, through the real server, against a Flask view that is a constant.

Several clients, each signed in and on a connection of its own, open lists, documents, the search and the dashboard in
turn. The floor is an application of one view that returns a constant, served by the same server with as many processes.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from bench import search
from bench.databases import KINDS
from erp.app import create_app
from erp.db import db

# Out of ten requests of a clerk; {order} is the id of a sales order.
TRAFFIC = (
    *("/", "/sales/orders/", "/sales/orders/{order}/", "/sales/orders/{order}/", "/search/?q=SO000"),
    *("/sales/orders/?search=C0000", "/procurement/purchase-orders/", "/inventory/stock/", "/preorder/late/"),
    "/preorder/waiting/",
)
CONSTANT = """
import sys
from flask import Flask
from erp.buffering import BufferedWorker
from erp.cli.serve import Server
app = Flask("constant")
app.add_url_rule("/", view_func=lambda: "constant")
Server(app, {"bind": sys.argv[1], "workers": int(sys.argv[2]), "worker_class": BufferedWorker,
             "loglevel": "warning", "preload_app": True}).run()
"""


def main(arguments: Sequence[str]) -> None:
    """Measure and print requests a second and how long they take."""
    parser = argparse.ArgumentParser(prog="python -m bench http", description=__doc__)
    parser.add_argument("--db", choices=sorted(KINDS), default="sqlite")
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2, help="processes of the server")
    parser.add_argument("--requests", type=int, default=200, help="requests of each client")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        bench = KINDS[chosen.db](Path(folder))
        try:
            bench.create("book")
            environment = {**os.environ, "ERP_INSTANCE": folder, "ERP_DATABASE_URL": bench.url("book")}
            with create_app(environment=environment).app_context():
                search.fill(chosen.size)
                db.session.remove()
                db.engine.dispose()
            print(f"{chosen.db}, {chosen.size:,} lines, {chosen.clients} clients, {chosen.workers} processes")
            _measure(chosen, environment)
        finally:
            bench.stop()


def _measure(chosen: argparse.Namespace, environment: Mapping[str, str]) -> None:
    port = _free_port()
    served = ("-m", "erp", "serve", "--workers", str(chosen.workers), "--port", str(port))
    with _running(served, environment, port):
        rate = _traffic(port, chosen.clients, chosen.requests, TRAFFIC)
    _print("clerks", rate)
    port = _free_port()
    with _running(("-c", CONSTANT, f"127.0.0.1:{port}", str(chosen.workers)), environment, port):
        lowest = _traffic(port, chosen.clients, chosen.requests, ("/",))
    _print("floor", lowest)
    print(f"ratio  {lowest[0] / rate[0]:8.1f}", flush=True)


def _print(name: str, found: tuple[float, list[float]]) -> None:
    rate, taken = found
    slow = statistics.quantiles(taken, n=20)[-1]
    print(
        f"{name:6} {rate:8,.0f} requests/s, median {statistics.median(taken):7.1f} ms, p95 {slow:7.1f} ms", flush=True
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _running(arguments: Sequence[str], environment: Mapping[str, str], port: int) -> Iterator[None]:
    """Run a server in a process of its own, from the moment at which it answers."""
    server = subprocess.Popen([sys.executable, *arguments], env=dict(environment), stdout=subprocess.DEVNULL)
    try:
        while True:
            if server.poll() is not None:
                raise SystemExit("the server ended")
            try:
                socket.create_connection(("127.0.0.1", port), timeout=30).close()
                break
            except OSError:
                time.sleep(0.05)
        yield
    finally:
        server.terminate()
        server.wait()


def _traffic(port: int, clients: int, requests: int, paths: Sequence[str]) -> tuple[float, list[float]]:
    """Return the requests a second of all clients together, and the milliseconds of each request."""
    taken: list[float] = []
    failed: list[str] = []
    signed_in = threading.Barrier(clients + 1)
    threads = [
        threading.Thread(target=_client, args=(port, number, requests, paths, taken, failed, signed_in))
        for number in range(clients)
    ]
    for each in threads:
        each.start()
    signed_in.wait()
    began = time.perf_counter()
    for each in threads:
        each.join()
    seconds = time.perf_counter() - began
    if failed:
        raise SystemExit(failed[0])
    return len(taken) / seconds, taken


def _client(
    port: int,
    number: int,
    requests: int,
    paths: Sequence[str],
    taken: list[float],
    failed: list[str],
    signed_in: threading.Barrier,
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    headers = {"Cookie": _sign_in(connection)} if len(paths) > 1 else {}
    signed_in.wait()
    for count in range(requests):
        path = paths[(number + count) % len(paths)].format(order=1 + (number * requests + count) % 1000)
        began = time.perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            failed.append(f"{path} answers with {answer.status}")
            return
        taken.append((time.perf_counter() - began) * 1000)


def _sign_in(connection: http.client.HTTPConnection) -> str:
    """Return the cookie of a session of the administrator."""
    connection.request("GET", "/login")
    page = connection.getresponse()
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.read().decode())
    cookie = _cookies(page)
    if token is None:
        raise SystemExit("/login has no form")
    typed = urlencode({"username": "admin", "password": search.PASSWORD, "csrf_token": token[1]})
    sent = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
    connection.request("POST", "/login", typed, sent)
    answer = connection.getresponse()
    answer.read()
    return _cookies(answer)


def _cookies(answer: http.client.HTTPResponse) -> str:
    return "; ".join(each.partition(";")[0] for each in answer.msg.get_all("Set-Cookie") or ())
