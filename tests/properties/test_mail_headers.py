"""Whatever is in a name, subject, sender or template, two parsers find our headers once, with the values given."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import getaddresses, parsedate_to_datetime

from fast_mail_parser import parse_email
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from erp.addresses import check_address
from modules.backorder_email.domain.facts import CustomerFacts, sample_facts
from modules.backorder_email.domain.mail import Outgoing, compose, message_id, parse_sender
from modules.backorder_email.domain.templates import Wording, clean_line, render
from modules.backorder_email.states import Cause

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ONCE = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"]

EVIL = st.sampled_from(
    [
        *(
            "=?utf-8?q?a=0d=0aBcc:_x@y.z?=",
            "=?utf-8?b?Qmw=?=",
            "=?",
            "?=",
            "\r\nBcc: x@y.z",
            "\nTo: x@y.z",
            "\r\n\r\nHi",
        ),
        *('"', "\\", ", b@c.d", "<e@f.g>", "(", ";", "undisclosed:;", "@", "\x85", "\u2028", "\u202e", "\0", "\x0b"),
        *("Straße 日本語の件名 Ёж", "مرحبا \u200fبالعالم", "🙂\u200d", "x" * 80, "ü" * 80, "e\u0301", "\ud800"),
    ]
)
TEXTS = st.lists(st.one_of(EVIL, st.text(max_size=30)), max_size=6).map(" ".join)
LOCALS = st.from_regex(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}", fullmatch=True)
DOMAINS = st.sampled_from(["x.example", "straße.example", "日本語.example", "mail.xn--bcher-kva.example", "b"])
ADDRESSES = st.builds("{}@{}".format, LOCALS, DOMAINS)


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def found_by_the_standard_library(data):
    """Return the names of all headers, the sender, the recipient, the subject, the instant and the Message-ID.

    The strict reader of Python up to 3.13.0 shows a blank between two encoded words of a name, which RFC 2047 forbids;
    the older one, by which mail programs are written, does not.
    """
    mail, older = message_from_bytes(data, policy=policy.default), message_from_bytes(data, policy=policy.compat32)
    (source,), (target,) = mail["From"].addresses, mail["To"].addresses
    ((name, address),) = getaddresses([older["From"].replace("\r\n", "")])
    assert address == source.addr_spec
    about = (str(make_header(decode_header(name))), address), (target.display_name, target.addr_spec), mail["Subject"]
    return sorted(mail.keys()), *about, mail["Date"].datetime, mail["Message-ID"]


def found_by_another_parser(data):
    """Return the same as a parser finds it that shares no code with the standard library."""
    mail = parse_email(data)
    names = sorted(name for name, values in mail.headers.items() for _ in values)
    (target,), (date,), (id_,) = mail.to, mail.headers["Date"], mail.headers["Message-ID"]
    about = (
        (mail.from_.display_name or "", mail.from_.address),
        (target.display_name or "", target.address),
        mail.subject,
    )
    return names, *about, parsedate_to_datetime(date), id_


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=TEXTS, address=ADDRESSES, recipient=ADDRESSES, subject=TEXTS, customer=TEXTS, html=st.booleans())
def test_two_parsers_find_our_headers_once_with_the_values_given(name, address, recipient, subject, customer, html):
    source = subject.replace("{", "").replace("}", "")
    facts = replace(sample_facts(Cause.cancelled), customer=CustomerFacts(customer))
    wording = Wording(f"Order {source} of {{{{ customer.name }}}}", f"{source} {{{{ customer.name }}}}.", source * html)
    texts = render(wording, facts)
    sender = parse_sender(f"{quoted(name)} <{address}>", "")
    outgoing = Outgoing(7, recipient, texts.subject, texts.text, texts.html, NOW)
    data = compose(outgoing, sender, NOW)
    headers = sorted(ONCE if texts.html else [*ONCE, "Content-Transfer-Encoding"])
    expected = (
        headers,
        (clean_line(name), check_address(address)),
        ("", check_address(recipient)),
        clean_line(f"Order {source} of {customer}"),
        NOW,
        message_id(outgoing, sender.domain),
    )
    assert found_by_the_standard_library(data) == expected
    assert found_by_another_parser(data) == expected
