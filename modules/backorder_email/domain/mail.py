"""Addresses and the message as it leaves: as RFC 5322 and mail practice want it, safe from what a name could inject."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, getaddresses
from functools import lru_cache
from hashlib import sha256
from typing import Any

from modules.backorder_email.domain.templates import clean_line
from modules.backorder_email.errors import BadAddress, BadSender

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def check_address(text: str) -> str:
    """Return a bare address as a server takes it, its domain in ASCII form.

    Raises BadAddress for anything else: an address with a name, two addresses, blanks, line breaks, no or two @.
    """
    address = text.strip(" ")
    local, _, domain = address.rpartition("@")
    if not local or not domain:
        raise BadAddress(address=text, reason="it is not of the form name@domain")
    if len(local) > 64 or not _LOCAL.fullmatch(local):
        raise BadAddress(address=text, reason="the part before the @ has characters that servers refuse")
    domain = _ascii_domain(text, domain)
    if len(local) + len(domain) + 1 > 254:
        raise BadAddress(address=text, reason="it is too long")
    return f"{local}@{domain}"


def _ascii_domain(text: str, domain: str) -> str:
    try:
        known = domain.encode("idna").decode("ascii") if not domain.isascii() else domain
    except UnicodeError:
        known = ""
    labels = known.split(".")
    if len(known) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadAddress(address=text, reason="the part after the @ is not a domain")
    return known


class FastPolicy(EmailPolicy):
    """The library's policy for SMTP, which leaves alone each header that is short, printable and in ASCII.

    Any other header is parsed, encoded and folded by the library, which takes most of the time of writing a message.
    """

    def header_max_count(self, name: str) -> int | None:
        """Return how often a header may occur in a message, cached: the library makes a class each time it is asked."""
        return _max_count(name)

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        """Keep a harmless header as it is."""
        return (name, value) if _is_plain(value) else super().header_store_parse(name, value)

    def header_fetch_parse(self, name: str, value: Any) -> Any:
        """Return a harmless header as it is."""
        return value if _is_plain(value) else super().header_fetch_parse(name, value)


@lru_cache(maxsize=64)
def _max_count(name: str) -> int | None:
    return EmailPolicy().header_max_count(name)


class Encoded(str):
    """A header that the library has already encoded and folded."""


def _is_plain(value: Any) -> bool:
    if isinstance(value, Encoded):
        return True
    is_text = isinstance(value, str) and not hasattr(value, "fold")
    return is_text and len(value) < 60 and value.isascii() and value.isprintable() and "=?" not in value


# All in ASCII: a server that carries only seven bits does not have to change anything.
POLICY = FastPolicy(linesep="\r\n", cte_type="7bit")


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
    found = getaddresses([value])
    name, address = found[0] if len(found) == 1 else ("", value)
    try:
        return clean_line(name), check_address(address)
    except BadAddress as error:
        raise BadSender(option=option, value=value, reason=str(error.facts["reason"])) from None


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


@lru_cache(maxsize=8)
def _from(sender: Sender) -> Encoded:
    named = str(Address(display_name=sender.name, addr_spec=sender.address))
    return Encoded(POLICY.header_factory("From", named).fold(policy=POLICY).partition(": ")[2].rstrip("\r\n"))


def _boundary(outgoing: Outgoing) -> str:
    """Return the line that separates the two texts: the same each time, and one that neither text contains."""
    return sha256(f"{outgoing.id}\n{outgoing.text}\n{outgoing.html}".encode()).hexdigest()


def compose(outgoing: Outgoing, sender: Sender, now: datetime) -> EmailMessage:
    """Return the message exactly as it leaves."""
    mail = EmailMessage(policy=POLICY)
    mail["From"] = _from(sender)
    mail["To"] = outgoing.recipient
    if sender.reply_to:
        mail["Reply-To"] = sender.reply_to
    mail["Subject"] = clean_line(outgoing.subject)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = message_id(outgoing, sender.domain)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(outgoing.text, charset="utf-8")
    if outgoing.html:
        mail.add_alternative(outgoing.html, subtype="html", charset="utf-8")
        mail.set_boundary(_boundary(outgoing))
    return mail
