"""Slow clients, half requests and more requests than a process can take: nobody else waits for them."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from contextlib import ExitStack

import pytest
from waitress import wasyncore

from erp import buffering
from tests.core.test_serve import answers, company, free_port, served, wait_until  # noqa: F401

pytestmark = pytest.mark.real_clock

PATIENCE_SECONDS = 20
SLOW_CLIENTS = 40


class Process:
    """The server of one process, in a thread of the test."""

    def __init__(self, wsgi, threads, waiting):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.dispatcher = buffering.Dispatcher(threads, waiting)
        self.server = buffering.listening(self.listener, wsgi, self.dispatcher)
        self.is_stopping = False
        self.loop = threading.Thread(target=self.turn)
        self.loop.start()

    def turn(self):
        while not self.is_stopping:
            wasyncore.loop(timeout=0.05, map=self.server._map, use_poll=True, count=1)

    def stop(self):
        self.is_stopping = True
        self.loop.join()
        self.dispatcher.shutdown()
        wasyncore.close_all(self.server._map)

    def send(self, path="/"):
        """Send a request and return its connection."""
        client = socket.create_connection(self.listener.getsockname(), timeout=PATIENCE_SECONDS)
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        return client


def answer_of(client):
    with client, client.makefile("rb") as stream:
        return stream.read().decode()


def until(what):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


@pytest.fixture
def start():
    """Return a function that starts a process which answers with a WSGI function."""
    with ExitStack() as ends:

        def start_one(wsgi, *, threads=1, waiting=2):
            one = Process(wsgi, threads, waiting)
            ends.callback(one.stop)
            return one

        yield start_one


def say(text, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [text.encode()]


def test_what_is_too_much_is_refused_at_once_with_a_time_to_come_back(start):
    may_end = threading.Event()
    begun = []

    def slow(environ, start_response):
        if environ["PATH_INFO"] == "/health":
            return say("It lives.", start_response)
        begun.append(environ["PATH_INFO"])
        assert may_end.wait(PATIENCE_SECONDS)
        return say("done", start_response)

    one = start(slow)
    try:
        taken = [one.send("/first")]
        until(lambda: begun)
        taken += [one.send(f"/waiting-{number}") for number in range(2)]
        until(lambda: len(one.dispatcher.queue) == 2)
        before = time.monotonic()
        refused = [answer_of(one.send("/more")) for _ in range(5)]
        assert "It lives." in answer_of(one.send("/health"))
        assert time.monotonic() - before < 2
    finally:
        may_end.set()
    assert all(text.startswith("HTTP/1.1 503 Service Unavailable") for text in refused)
    assert all("Retry-After: 2" in text and "Try again in a moment." in text for text in refused)
    assert [answer_of(client).endswith("done") for client in taken] == [True] * 3
    assert "/more" not in begun


def test_connections_beyond_the_limit_are_refused_at_once(start, monkeypatch):
    monkeypatch.setattr(buffering, "MOST_CONNECTIONS", 3)
    one = start(lambda environ, start_response: say("done", start_response))
    idle = [socket.create_connection(one.listener.getsockname()) for _ in range(3)]
    until(lambda: len(one.server.active_channels) == 3)
    refused = answer_of(socket.create_connection(one.listener.getsockname(), timeout=PATIENCE_SECONDS))
    assert refused.startswith("HTTP/1.1 503 ") and "Retry-After: 2" in refused
    idle.pop().close()
    until(lambda: len(one.server.active_channels) == 2)
    assert answer_of(one.send()).endswith("done")
    for client in idle:
        client.close()


def test_a_client_that_does_not_read_its_answer_keeps_no_thread(start):
    large = b"x" * 1_000_000

    def pages(environ, start_response):
        if environ["PATH_INFO"] != "/large":
            return say("done", start_response)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return (large for _ in range(60))

    one = start(pages)
    reader = one.send("/large")
    until(lambda: any(channel.total_outbufs_len for channel in one.server.active_channels.values()))
    assert answer_of(one.send()).endswith("done")
    assert answer_of(reader).count("x") >= 60_000_000


def test_a_request_that_is_too_large_is_refused_before_it_is_sent(start):
    one = start(lambda environ, start_response: say("done", start_response))
    client = socket.create_connection(one.listener.getsockname(), timeout=PATIENCE_SECONDS)
    client.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\n")
    assert answer_of(client).startswith("HTTP/1.1 413 ")


def half(port):
    """Begin a request and leave its head unfinished."""
    client = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
    client.sendall(b"GET /login HTTP/1.1\r\nHost: loc")
    return client


def slow_body(port):
    """Begin to send a form, and stop in the middle."""
    client = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
    client.sendall(
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 30\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\nusername=adm"
    )
    return client


@pytest.mark.parametrize("empty_database", ["sqlite"], indirect=True)
def test_half_requests_and_slow_bodies_hold_up_nobody_and_a_process_that_dies_is_replaced(
    company,  # noqa: F811
    free_port,  # noqa: F811
):
    with served(company, free_port, "--workers", "1") as server, ExitStack() as clients:
        first = children(server)
        os.kill(min(first), signal.SIGKILL)
        wait_until(lambda: children(server) - first, server)
        wait_until(lambda: answers(free_port), server)
        slow = [clients.enter_context(half(free_port)) for _ in range(SLOW_CLIENTS)]
        slow += [clients.enter_context(slow_body(free_port)) for _ in range(SLOW_CLIENTS)]
        for _ in range(10):
            before = time.monotonic()
            assert answers(free_port)
            assert time.monotonic() - before < 2
        slow[-1].sendall(b"in&password=wrong!")
        assert answer_of(slow[-1]).startswith("HTTP/1.1 400 ")  # it has no form token
        server.send_signal(signal.SIGTERM)  # those who are slow do not keep it
        before = time.monotonic()
        assert server.wait(PATIENCE_SECONDS) == 0
        assert time.monotonic() - before < 10


def children(server):
    """Return the numbers of a server's processes."""
    with open(f"/proc/{server.pid}/task/{server.pid}/children") as file:
        return {int(number) for number in file.read().split()}
