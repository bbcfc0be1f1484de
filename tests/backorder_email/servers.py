"""Real mail servers on this machine that refuse, delay and break off as mail servers do."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session


class Mailbox:
    """The messages that a server took, and how it is to treat the next ones."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.connections = 0
        self.tls = 0
        self.signed_in = 0
        self.refused: dict[str, str] = {}
        self.answers: list[str] = []
        self.delay = 0.0
        self.drops_after_data = 0
        self.drops_at: Counter[str] = Counter()

    @property
    def message_ids(self) -> Counter[str]:
        return Counter(mail["Message-ID"] for mail in self.taken)

    async def handle_EHLO(
        self, server: SMTP, session: Session, _envelope: Envelope, name: str, responses: list
    ) -> list:
        session.host_name = name
        return responses

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.answers:
            return self.answers.pop(0)
        await asyncio.sleep(self.delay)
        content = bytes(envelope.content or b"").replace(b"\r\n", b"\n")
        self.taken.append(message_from_bytes(content, policy=policy.default))  # type: ignore[arg-type]
        self.recipients += envelope.rcpt_tos
        self.tls += session.ssl is not None
        self.signed_in += bool(session.authenticated)
        if self.drops_after_data:
            self.drops_after_data -= 1
            server.transport.abort()
        return "250 taken"


class _Server(SMTP):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.event_handler.connections += 1
        super().connection_made(transport)

    def _is_dropped(self, verb: str) -> bool:
        """Close the connection in the middle of a command, as often as the mailbox says."""
        if not self.event_handler.drops_at[verb]:
            return False
        self.event_handler.drops_at[verb] -= 1
        self.transport.abort()
        return True

    async def smtp_MAIL(self, arg: str) -> None:
        if not self._is_dropped("MAIL"):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str) -> None:
        if not self._is_dropped("RCPT"):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:
        if not self._is_dropped("DATA"):
            await super().smtp_DATA(arg)


class _Controller(Controller):
    def factory(self) -> SMTP:
        return _Server(self.handler, **self.SMTP_kwargs)


def free_port() -> int:
    """Return a port of this machine on which no process listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mail_server(**settings: Any) -> Iterator[tuple[Mailbox, int]]:
    """Run a mail server; yield its mailbox and its port."""
    mailbox, port = Mailbox(), free_port()
    controller = _Controller(mailbox, hostname="127.0.0.1", port=port, ready_timeout=20, **settings)
    controller.start()
    mailbox.connections = 0  # the controller tried the server once
    try:
        yield mailbox, port
    finally:
        controller.stop()


def accepts(user: str, password: str) -> Callable[..., AuthResult]:
    """Return an authenticator that accepts that user alone."""

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        fits = (data.login, data.password) == (user.encode(), password.encode())
        return AuthResult(success=fits, handled=False)

    return authenticate


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Return a new self-signed certificate for this machine and its key."""
    certificate, key = folder / "server.pem", folder / "server.key"
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subprocess.run([*new, "-keyout", str(key), "-out", str(certificate), *name], check=True, capture_output=True)
    return certificate, key


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return the encryption settings of a server with that certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context
