"""Email addresses: the one rule for what customers, suppliers, users and the sender of emails may have."""

from __future__ import annotations

import re

import idna

from erp.errors import ErpError
from erp.text import say

MAX_LENGTH = 254
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_MAILBOX = re.compile(r'(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^"<>]*))\s*<(?P<address>[^<>]*)>')


class BadAddress(ErpError):
    """An email address that no mail server would accept."""

    def __init__(self, *, address: str, reason: str) -> None:
        super().__init__(say("The email address {address!r} cannot be used: {reason}.", address=address, reason=reason))


def check_address(text: str) -> str:
    """Return a bare address as a server takes it, its domain in ASCII form (IDNA 2008).

    Raises BadAddress for anything else: an address with a name, two addresses, blanks, line breaks, no or two @.
    """
    address = text.strip(" ")
    local, _, domain = address.rpartition("@")
    if not local or not domain:
        raise BadAddress(address=text, reason=say("it is not of the form name@domain"))
    if len(local) > 64 or not _LOCAL.fullmatch(local):
        raise BadAddress(address=text, reason=say("the part before the @ has characters that servers refuse"))
    domain = _ascii_domain(text, domain)
    if max(len(address), len(local) + len(domain) + 1) > MAX_LENGTH:
        raise BadAddress(address=text, reason=say("it is too long"))
    return f"{local}@{domain}"


def problem(text: str) -> str:
    """Return why an address cannot be mailed; nothing for one that can, and where there is none."""
    try:
        if text:
            check_address(text)
    except BadAddress as error:
        return str(error.facts["reason"])
    return ""


def _ascii_domain(text: str, domain: str) -> str:
    try:
        known = idna.encode(domain, uts46=True).decode("ascii") if _needs_conversion(domain) else domain
    except UnicodeError:
        known = ""
    if len(known) > 253 or not all(_LABEL.fullmatch(label) for label in known.split(".")):
        raise BadAddress(address=text, reason=say("the part after the @ is not a domain"))
    return known


def _needs_conversion(domain: str) -> bool:
    """Say whether a domain has letters beyond ASCII, or labels that say so and must be true."""
    return not domain.isascii() or "xn--" in domain.lower()


def parse_mailbox(text: str) -> tuple[str, str]:
    """Return the name, empty where there is none, and the address of `Name <address>` or of a bare address.

    Raises BadAddress: a name with a comma or another character that separates addresses needs quotes.
    """
    found = _MAILBOX.fullmatch(text.strip())
    if found is None:
        return "", check_address(text)
    if found["bare"] is not None and (strange := re.search(r"[,;:@()\[\]\\]", found["bare"])):
        raise BadAddress(
            address=text,
            reason=say(
                'a name with {strange} needs quotes: "{found}"', strange=strange[0], found=found["bare"].strip()
            ),
        )
    name = re.sub(r"\\(.)", r"\1", found["quoted"]) if found["bare"] is None else found["bare"]
    return " ".join(name.split()), check_address(found["address"])
