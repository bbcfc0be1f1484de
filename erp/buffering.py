"""A process of the server: waitress takes requests in and sends answers out, gunicorn starts and replaces processes.

A request comes to one of the threads when all of it is there, and its thread is free when it has written its answer
into a buffer: those who send or read slowly keep a connection, never a thread, and nobody waits for them. Large bodies
and answers are buffered on the disk. What is more than the threads will soon get to is refused at once.
"""

from __future__ import annotations

import os
import socket
import time
from typing import Any

from gunicorn.workers.base import Worker
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher
from waitress.utilities import Error

from erp.limits import LARGEST_BODY, MOST_CONNECTIONS, MOST_WAITING, THREADS

RETRY_AFTER_SECONDS = 2

_POLL_SECONDS = 0.5
_SETTINGS = {
    # A header that a proxy adds is left for the application, which knows how many proxies to trust.
    "clear_untrusted_proxy_headers": False,
    "connection_limit": 2 * MOST_CONNECTIONS,
    "channel_timeout": 60,
    "cleanup_interval": 5,
    "max_request_body_size": LARGEST_BODY,
    "max_request_header_size": 65_536,
    # A thread never waits for its client: an answer of any size goes into a buffer, from 1 MB on into a file.
    "outbuf_high_watermark": 1 << 40,
    "ident": None,
    "asyncore_use_poll": True,
}
_SENTENCE = "Too many requests at once. Try again in a moment."
_REFUSAL = (
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
    f"Retry-After: {RETRY_AFTER_SECONDS}\r\nContent-Length: {len(_SENTENCE)}\r\n\r\n{_SENTENCE}"
).encode()


class Overloaded(Error):  # type: ignore[misc]
    """The refusal of a request for which there is no thread in sight."""

    code = 503
    reason = "Service Unavailable"

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        """Return the answer: status, headers and body."""
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Retry-After", str(RETRY_AFTER_SECONDS))]
        return f"{self.code} {self.reason}", headers, self.body.encode()


class Dispatcher(ThreadedTaskDispatcher):  # type: ignore[misc]
    """Threads for requests, and one aside that refuses what is too much and answers whether the process lives."""

    def __init__(self, threads: int, most_waiting: int) -> None:
        super().__init__()
        self._most_waiting = most_waiting
        self._aside = ThreadedTaskDispatcher()
        self._aside.set_thread_count(1)
        self.set_thread_count(threads)

    def add_task(self, task: HTTPChannel) -> None:
        """Give a channel's next request to a thread, or refuse it."""
        request = task.requests[0]
        if str(request.path).endswith("/health"):
            self._aside.add_task(task)
        elif len(self.queue) >= self._most_waiting and not request.error:
            request.error = Overloaded(_SENTENCE)
            self._aside.add_task(task)
        else:
            super().add_task(task)

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> bool:
        """End all threads when they are done."""
        self._aside.shutdown(cancel_pending, timeout)
        return bool(super().shutdown(cancel_pending, timeout))


class Server(TcpWSGIServer):  # type: ignore[misc]
    """Waitress on a socket that gunicorn has opened; connections beyond the limit are refused at once."""

    def handle_accept(self) -> None:
        """Take a connection in, or refuse it."""
        if len(self.active_channels) < MOST_CONNECTIONS:
            super().handle_accept()
        elif accepted := self.accept():
            connection = accepted[0]
            try:
                connection.setblocking(False)
                connection.send(_REFUSAL)
            except OSError:
                self.logger.info("a client has gone before it was refused")
            finally:
                connection.close()

    def is_busy(self) -> bool:
        """Say whether a request is worked on, or an answer still has to leave."""
        return any(channel.requests or channel.total_outbufs_len for channel in self.active_channels.values())


def listening(listener: socket.socket, wsgi: Any, dispatcher: Dispatcher) -> Server:
    """Return a server that takes requests from a socket and gives them to the threads of a dispatcher."""
    info = (listener.family, listener.type, listener.proto, listener.getsockname())
    adjustments = Adjustments(listen="127.0.0.1:0", **_SETTINGS)  # this address is not used: the socket is open
    return Server(wsgi, {}, True, listener, dispatcher, adj=adjustments, sockinfo=info, bind_socket=False)


class BufferedWorker(Worker):  # type: ignore[misc]
    """A process that gunicorn starts, watches and replaces."""

    def run(self) -> None:
        """Answer until gunicorn says that this is the end, then finish what was begun."""
        server = listening(self.sockets[0].sock, self.wsgi, Dispatcher(THREADS, MOST_WAITING))
        while self.alive and self.ppid == os.getppid():
            self._turn(server)
        wasyncore.dispatcher.del_channel(server)
        deadline = time.monotonic() + self.cfg.graceful_timeout
        while server.is_busy() and time.monotonic() < deadline:
            self._turn(server)
        server.task_dispatcher.shutdown(timeout=1)
        wasyncore.close_all(server._map)

    def _turn(self, server: Server) -> None:
        self.notify()
        wasyncore.loop(timeout=_POLL_SECONDS, map=server._map, use_poll=True, count=1)
