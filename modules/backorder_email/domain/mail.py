"""The message as it leaves: as RFC 5322 and mail practice want it, safe from what a name could inject."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from email.errors import MultipartInvariantViolationDefect
from email.headerregistry import BaseHeader, HeaderRegistry
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import EmailPolicy, compat32
from email.utils import format_datetime
from functools import cache, lru_cache
from hashlib import sha256
from typing import Any

from typing_extensions import override

from erp.addresses import BadAddress, check_address, parse_mailbox
from erp.text import say
from modules.backorder_email.domain.headers import mailbox_header, read_mailboxes, read_text, text_header
from modules.backorder_email.domain.templates import clean_line
from modules.backorder_email.errors import BadSender, NotAsComposed


class _Headers(HeaderRegistry):
    """Headers as objects, remembered: those that describe the texts are the same in nearly all messages."""

    def __init__(self) -> None:
        super().__init__()
        self._classes, self._made = cache(super().__getitem__), lru_cache(maxsize=100)(super().__call__)

    @override
    def __getitem__(self, name: str) -> type[BaseHeader]:
        return self._classes(name)

    @override
    def __call__(self, name: str, value: Any) -> BaseHeader:
        return self._made(name, value)


# All in ASCII: a server that carries only seven bits does not have to change anything.
POLICY = EmailPolicy(linesep="\r\n", cte_type="7bit", header_factory=_Headers())
_READER = BytesHeaderParser(policy=compat32)
_OF_CONTENT = ("content-type", "content-transfer-encoding", "mime-version")


@dataclass(frozen=True)
class Sender:
    """Who a message is from, and where answers go."""

    name: str
    address: str
    reply_to: str = ""

    @property
    def domain(self) -> str:
        """The part of the address after the @."""
        return self.address.rpartition("@")[2]


def parse_sender(sender: str, reply_to: str) -> Sender:
    """Return the sender that the two options name; raise BadSender naming the option that is no address."""
    name, address = _parse("backorder_email.sender", sender)
    answers = _parse("backorder_email.reply_to", reply_to)[1] if reply_to else ""
    return Sender(name, address, answers)


def _parse(option: str, value: str) -> tuple[str, str]:
    try:
        name, address = parse_mailbox(value)
    except BadAddress as error:
        raise BadSender(option=option, value=value, reason=str(error.facts["reason"])) from None
    return clean_line(name), address


@dataclass(frozen=True)
class Outgoing:
    """A message of the queue, as a worker took it."""

    id: int
    recipient: str
    subject: str
    text: str
    html: str
    created_at: datetime


def message_id(outgoing: Outgoing, domain: str) -> str:
    """Return the Message-ID: the same for each attempt, so that a mailbox can recognize a copy."""
    return f"<backorder.{outgoing.id}.{outgoing.created_at:%Y%m%d%H%M%S}@{domain}>"


def _boundary(outgoing: Outgoing) -> str:
    """Return the line that separates the two texts: the same each time, and one that neither text contains."""
    return sha256(f"{outgoing.id}\n{outgoing.text}\n{outgoing.html}".encode()).hexdigest()


def compose(outgoing: Outgoing, sender: Sender, now: datetime) -> bytes:
    """Return the message exactly as it leaves; raise BadAddress, and NotAsComposed where it reads differently."""
    recipient, subject = check_address(outgoing.recipient), clean_line(outgoing.subject)
    headers = {
        "From": mailbox_header("From", sender.name, sender.address),
        "To": mailbox_header("To", "", recipient),
        "Reply-To": mailbox_header("Reply-To", "", sender.reply_to) if sender.reply_to else "",
        "Subject": text_header("Subject", subject),
        "Date": f"Date: {format_datetime(now)}",
        "Message-ID": f"Message-ID: {message_id(outgoing, sender.domain)}",
        "Auto-Submitted": "Auto-Submitted: auto-generated",
    }
    written = {name: header for name, header in headers.items() if header}
    data = "\r\n".join([*written.values(), ""]).encode("ascii") + _content(outgoing)
    _read_back(data, written, sender, recipient, subject)
    return data


def _content(outgoing: Outgoing) -> bytes:
    """Return the texts of a message with the headers that describe them."""
    mail = EmailMessage(policy=POLICY)
    mail.set_content(outgoing.text, charset="utf-8")
    if outgoing.html:
        mail.add_alternative(outgoing.html, subtype="html", charset="utf-8")
        mail.set_boundary(_boundary(outgoing))
    return mail.as_bytes()


def _read_back(data: bytes, written: Collection[str], sender: Sender, recipient: str, subject: str) -> None:
    """Raise NotAsComposed unless a reader finds exactly what was written."""
    mail = _READER.parsebytes(data)
    names = [name for name in mail if name.lower() not in _OF_CONTENT]
    # A reader of headers alone finds no parts, which some versions of Python call a defect of a multipart message.
    defects = [each for each in mail.defects if not isinstance(each, MultipartInvariantViolationDefect)]
    if defects or names != list(written):
        raise NotAsComposed(reason=say("its headers are {headers}", headers=", ".join(mail)))
    if read_mailboxes(mail["From"]) != ((sender.name, sender.address),):
        raise NotAsComposed(reason=say("the sender is read as {sender!r}", sender=mail["From"]))
    if read_mailboxes(mail["To"]) != (("", recipient),):
        raise NotAsComposed(reason=say("the recipient is read as {recipient!r}", recipient=mail["To"]))
    if read_text(mail["Subject"]) != subject:
        raise NotAsComposed(reason=say("the subject is read as {subject!r}", subject=mail["Subject"]))
