"""Addresses and the message as it leaves: what RFC 5322 and mail practice want, and nothing a name can inject."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, getaddresses

from modules.backorder_email.domain.wording import clean_line
from modules.backorder_email.errors import BadAddress, BadSender

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def check_address(text: str) -> str:
    """Return a bare address as a server takes it (a domain of other letters in its ASCII form).

    Raises BadAddress for anything else: a name beside it, two addresses, blanks, line breaks, no or two @.
    """
    address = text.strip(" ")
    local, mark, domain = address.rpartition("@")
    if not mark or not local or not domain:
        raise BadAddress(address=text, reason="it is not of the form name@domain")
    if len(local) > 64 or not _LOCAL.fullmatch(local):
        raise BadAddress(address=text, reason="what stands before the @ has characters that servers refuse")
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
        raise BadAddress(address=text, reason="what stands after the @ is not a domain")
    return known


# All in ASCII: a server that cannot carry eight bits gets nothing that it would have to change.
POLICY = SMTP.clone(cte_type="7bit")


@dataclass(frozen=True)
class Sender:
    """Who a message is from, and where answers go."""

    name: str
    address: str
    reply_to: str = ""

    @property
    def domain(self) -> str:
        """What stands after the @."""
        return self.address.rpartition("@")[2]


def parse_sender(sender: str, reply_to: str) -> Sender:
    """Read the two options; raise BadSender naming the one that is no address."""
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
    """A message of the queue, as a worker claimed it."""

    id: int
    recipient: str
    subject: str
    text: str
    html: str
    created_at: datetime


def message_id(outgoing: Outgoing, domain: str) -> str:
    """Return the Message-ID: the same for each attempt, so that a mailbox can tell a copy."""
    return f"<backorder.{outgoing.id}.{outgoing.created_at:%Y%m%d%H%M%S}@{domain}>"


def compose(outgoing: Outgoing, sender: Sender, now: datetime) -> EmailMessage:
    """Return the message exactly as it leaves."""
    mail = EmailMessage(policy=POLICY)
    mail["From"] = Address(display_name=sender.name, addr_spec=sender.address)
    mail["To"] = Address(addr_spec=outgoing.recipient)
    if sender.reply_to:
        mail["Reply-To"] = Address(addr_spec=sender.reply_to)
    mail["Subject"] = clean_line(outgoing.subject)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = message_id(outgoing, sender.domain)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(outgoing.text, charset="utf-8")
    if outgoing.html:
        mail.add_alternative(outgoing.html, subtype="html", charset="utf-8")
    return mail
