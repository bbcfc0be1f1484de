"""The two transports: a file for each message, or a mail server."""

from __future__ import annotations

import os
import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from flask import current_app

from erp.deliveries import Ending, Outcome
from erp.options import options
from erp.text import say
from modules.backorder_email.domain.delivery import of_reply
from modules.backorder_email.errors import MailServerUnusable

IsMine = Callable[[], bool]
WhileWaiting = Callable[[], None]


@dataclass(frozen=True)
class Envelope:
    """A message in bytes with its envelope."""

    id: int
    sender: str
    recipient: str
    data: bytes
    problem: str = ""


class Transport(Protocol):
    """What a worker needs of a transport."""

    def open(self) -> None:
        """Get ready to send; raises MailServerUnusable."""

    def send(self, envelope: Envelope, is_mine: IsMine, while_waiting: WhileWaiting) -> Outcome | None:
        """Transmit one message, and call `while_waiting` while the last answer is awaited.

        `is_mine` is called before any of its text leaves; where it says that the message was taken from this worker,
        None is returned. Raises MailServerUnusable only while the server cannot have taken the message.
        """

    def close(self) -> None:
        """Close the connection, if there is one."""


def configured() -> Transport:
    """Return the transport that the options name."""
    section = options.backorder_email
    if section.transport == "file":
        return FileTransport(Path(current_app.instance_path) / "outbox")
    server = Server(
        host=section.host,
        port=section.port,
        security=section.security,
        user=section.user,
        password=current_app.config["ENVIRONMENT"].get("ERP_SMTP_PASSWORD", ""),
        ca_file=section.ca_file,
        timeout=section.timeout.total_seconds(),
    )
    return SmtpTransport(server)


class FileTransport:
    """Writes each message into a folder, whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self) -> None:
        """Make the folder where it is missing."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise MailServerUnusable(server=say("folder {folder}", folder=self.folder), reason=_reason(error)) from None

    def send(self, envelope: Envelope, is_mine: IsMine, _while_waiting: WhileWaiting) -> Outcome | None:
        """Write `email-<id>.eml`; a file that the same message already has is replaced."""
        if not is_mine():
            return None
        if envelope.problem:
            return Outcome(Ending.permanent, envelope.problem)
        target = self.folder / f"email-{envelope.id}.eml"
        draft = target.with_suffix(".part")
        try:
            with draft.open("wb") as file:
                file.write(envelope.data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
        except OSError as error:
            return Outcome(
                Ending.transient, say("{target} cannot be written: {reason}", target=target, reason=_reason(error))
            )
        return Outcome(Ending.sent)

    def close(self) -> None:
        """Do nothing: no file stays open."""


@dataclass(frozen=True)
class Server:
    """How to reach a mail server. `security` is none, starttls or tls."""

    host: str
    port: int
    security: str = "none"
    user: str = ""
    password: str = ""
    ca_file: str = ""
    timeout: float = 30

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class _NotTaken(Exception):
    """The connection broke before the server can have taken the message."""


class SmtpTransport:
    """One connection for many messages; a broken one is opened again."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._connection: smtplib.SMTP | None = None

    def open(self) -> None:
        """Connect, encrypt and sign in, unless that is done."""
        if self._connection is None:
            self._connection = self._connect()

    def _connect(self) -> smtplib.SMTP:
        try:
            context = self._context() if self.server.security != "none" else None
            connection = self._dial(context)
            try:
                self._greet(connection, context)
            except BaseException:
                connection.close()
                raise
        except (OSError, smtplib.SMTPException) as error:
            raise MailServerUnusable(server=str(self.server), reason=_reason(error)) from None
        return connection

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.server.ca_file or None)

    def _dial(self, context: ssl.SSLContext | None) -> smtplib.SMTP:
        server, name = self.server, socket.gethostname()
        if server.security == "tls":
            return smtplib.SMTP_SSL(server.host, server.port, name, timeout=server.timeout, context=context)
        return smtplib.SMTP(server.host, server.port, name, timeout=server.timeout)

    def _greet(self, connection: smtplib.SMTP, context: ssl.SSLContext | None) -> None:
        connection.ehlo_or_helo_if_needed()
        if self.server.security == "starttls":
            # It raises where the server does not offer it: what is to be encrypted never leaves in the clear.
            connection.starttls(context=context)
            connection.ehlo()
        if self.server.user:
            if not self.server.password:
                raise smtplib.SMTPException(say("the environment variable ERP_SMTP_PASSWORD is not set"))
            connection.login(self.server.user, self.server.password)

    def send(self, envelope: Envelope, is_mine: IsMine, while_waiting: WhileWaiting) -> Outcome | None:
        """Transmit one message; where the server has closed the old connection, try once more over a new one."""
        if envelope.problem:
            return Outcome(Ending.permanent, envelope.problem) if is_mine() else None
        is_reused = self._connection is not None
        try:
            return self._transmit(envelope, is_mine, while_waiting)
        except _NotTaken as error:
            if not is_reused:
                return Outcome(Ending.transient, str(error))
        try:
            return self._transmit(envelope, is_mine, while_waiting)
        except _NotTaken as error:
            return Outcome(Ending.transient, str(error))

    def _transmit(self, envelope: Envelope, is_mine: IsMine, while_waiting: WhileWaiting) -> Outcome | None:
        self.open()
        assert self._connection is not None
        try:
            # The worker writes to its send log while the server checks the sender.
            self._connection.putcmd("MAIL", f"FROM:<{envelope.sender}>")
            if not is_mine():
                self._connection.getreply()
                self._connection.rset()
                return None
            refusal = self._address(self._connection, envelope) or self._hand_over(self._connection, envelope)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            text = say("The connection to {server} broke: {reason}", server=self.server, reason=_reason(error))
            raise _NotTaken(text) from None
        if refusal is not None:
            return refusal
        while_waiting()
        return self._answer(self._connection)

    def _address(self, connection: smtplib.SMTP, envelope: Envelope) -> Outcome | None:
        """Name the recipient once the server has accepted the sender; return the server's refusal."""
        code, reply = connection.getreply()
        if code == 250:
            code, reply = connection.docmd("RCPT", f"TO:<{envelope.recipient}>")
        return None if code in (250, 251) else self._refused(connection, code, reply)

    def _hand_over(self, connection: smtplib.SMTP, envelope: Envelope) -> Outcome | None:
        """Send the message itself; return the server's refusal to receive it."""
        code, reply = connection.docmd("DATA")
        if code != 354:
            return self._refused(connection, code, reply)
        connection.send(_with_dots(envelope.data))
        return None

    def _refused(self, connection: smtplib.SMTP, code: int, reply: bytes) -> Outcome:
        if code in (-1, 421):
            raise smtplib.SMTPServerDisconnected(f"{code} {_text(reply)}")
        try:
            connection.rset()
        except (OSError, smtplib.SMTPException):
            self._drop()
        ending = of_reply(code)
        return Outcome(Ending.transient if ending is Ending.sent else ending, f"{code} {_text(reply)}")

    def _answer(self, connection: smtplib.SMTP) -> Outcome:
        """Return the answer to the whole message; without one, the server may or may not have taken it."""
        try:
            code, reply = connection.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            text = say(
                "{server} did not answer after it got the message: {reason}", server=self.server, reason=_reason(error)
            )
            return Outcome(Ending.uncertain, text)
        if code < 0:
            self._drop()
            return Outcome(
                Ending.uncertain, say("{server} gave no clear answer after it got the message.", server=self.server)
            )
        if code == 421:
            self._drop()
        return Outcome(of_reply(code), "" if of_reply(code) is Ending.sent else f"{code} {_text(reply)}")

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        """End the session with the server and close the connection."""
        if self._connection is not None:
            try:
                self._connection.quit()
            except (OSError, smtplib.SMTPException):
                self._connection.close()
            self._connection = None


def _with_dots(data: bytes) -> bytes:
    """Return the data as SMTP carries it: leading dots doubled, and a line with a dot at the end."""
    quoted = re.sub(rb"(?m)^\.", b"..", data)
    return quoted + (b"" if quoted.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def _text(reply: bytes) -> str:
    return " ".join(reply.decode("utf-8", "replace").split())[:500]


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        reply = error.smtp_error
        return f"{error.smtp_code} {_text(reply if isinstance(reply, bytes) else str(reply).encode())}"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(str(reason).split()) or type(error).__name__
