"""One delivery over HTTP: where it may go, how it is signed, and what the answers mean."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import SplitResult, urlsplit

from erp import clock
from erp.deliveries import Ending, Outcome
from erp.text import joined, say
from modules.api.domain import PORTS, why_not
from modules.api.services import Outgoing

EVENT, ID, TIMESTAMP, SIGNATURE = (
    "Erp-Webhook-Event",
    "Erp-Webhook-Id",
    "Erp-Webhook-Timestamp",
    "Erp-Webhook-Signature",
)
_TRY_AGAIN = {408, 425, 429}


def signature(secret: str, timestamp: str, body: str) -> str:
    """Return the signature of a body: HMAC-SHA256 of the timestamp, a full stop and the body, in hexadecimal."""
    return "v1=" + hmac.new(secret.encode(), f"{timestamp}.{body}".encode(), hashlib.sha256).hexdigest()


def send(outgoing: Outgoing, *, timeout: float, may_be_private: bool) -> Outcome:
    """Send one delivery, and return how it ended. A redirect is not followed.

    The name of the host is resolved once, and what it resolves to is checked and connected to. `timeout` is in seconds
    and for the whole of it.
    """
    if problem := why_not(outgoing.url):
        return Outcome(Ending.permanent, problem)
    parts = urlsplit(outgoing.url)
    port = parts.port or PORTS[parts.scheme]
    host = parts.hostname or ""
    try:
        address = _address(host, port)
    except OSError as error:
        return Outcome(Ending.transient, say("{host} has no address now: {error}.", host=host, error=error))
    if not may_be_private and not _is_public(address):
        problem = say(
            "{host} is {address}, which is no public address; the option allows none.", host=host, address=address
        )
        return Outcome(Ending.permanent, problem)
    try:
        plain = socket.create_connection((address, port), timeout=timeout)
    except OSError as error:
        return Outcome(Ending.transient, say("{host} cannot be reached: {error}.", host=host, error=error))
    with _closing_after(plain, timeout):
        try:
            connected = _secured(plain, host) if parts.scheme == "https" else plain
        except (OSError, ValueError) as error:
            return Outcome(Ending.transient, say("{host} cannot be reached securely: {error}.", host=host, error=error))
        with connected:
            return _post(connected, parts, outgoing)


def _address(host: str, port: int) -> str:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return str(found[0][4][0])


def _is_public(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    inner = getattr(found, "ipv4_mapped", None) or found
    return inner.is_global and not inner.is_multicast


def _secured(plain: socket.socket, host: str) -> socket.socket:
    return ssl.create_default_context().wrap_socket(plain, server_hostname=host)


@contextmanager
def _closing_after(connected: socket.socket, seconds: float) -> Iterator[None]:
    """Close a connection at the end, or after so many seconds, however slowly the other side answers."""
    ending = threading.Timer(seconds, _shut, [connected])
    ending.daemon = True
    ending.start()
    try:
        yield
    finally:
        ending.cancel()
        connected.close()


def _shut(connected: socket.socket) -> None:
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side was faster


def _post(connected: socket.socket, parts: SplitResult, outgoing: Outgoing) -> Outcome:
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or PORTS[parts.scheme])
    connection.sock = connected
    timestamp = str(int(clock.now().timestamp()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "modular-erp",
        EVENT: outgoing.event,
        ID: str(outgoing.id),
        TIMESTAMP: timestamp,
        SIGNATURE: signature(outgoing.secret, timestamp, outgoing.body),
        "Host": parts.netloc,
        "Connection": "close",
    }
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", path, outgoing.body.encode(), headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException, ValueError) as error:
        what = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(":")
        return Outcome(Ending.uncertain, say("No answer that can be understood: {what}.", what=what))
    return _of_status(status)


def _of_status(status: int) -> Outcome:
    """Return what an answer means: 2xx is sent, 5xx and a few others may succeed later, anything else is refused."""
    reason = say("The receiver answered {status}.", status=status)
    if 200 <= status < 300:
        return Outcome(Ending.sent)
    if status >= 500 or status in _TRY_AGAIN:
        return Outcome(Ending.transient, reason)
    if 300 <= status < 400:
        return Outcome(Ending.permanent, joined((reason, say("A redirect is not followed."))))
    return Outcome(Ending.permanent, reason)
