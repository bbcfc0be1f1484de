"""Addresses, and messages as they leave."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import getaddresses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erp.addresses import BadAddress, check_address, parse_mailbox
from modules.backorder_email.domain import mail as mail_rules
from modules.backorder_email.domain.facts import CustomerFacts, sample_facts
from modules.backorder_email.domain.mail import Outgoing, Sender, compose, message_id, parse_sender
from modules.backorder_email.domain.templates import Wording, clean_line, clean_text, render
from modules.backorder_email.errors import BadSender, NotAsComposed
from modules.backorder_email.states import Cause

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SENDER = Sender("Order desk", "orders@example.com")


def sent(**overrides):
    values = {"id": 7, "recipient": "buyer@example.org", "subject": "S", "text": "T\n", "html": "", "created_at": NOW}
    data = compose(Outgoing(**values | overrides), SENDER, NOW)
    return data, message_from_bytes(data, policy=policy.default)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("a@b", "a@b"),
        (" buyer@example.org ", "buyer@example.org"),
        ("first.last+tag@mail.example.org", "first.last+tag@mail.example.org"),
        ("o'neil@example.org", "o'neil@example.org"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
    ],
)
def test_addresses_that_servers_take(text, address):
    assert check_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        *("", "acme", "@example.org", "a@", "a b@example.org", "a@b c", "a@@b", "a..b@c.d", ".a@b", "a.@b"),
        *("A <a@b.c>", "a@b.c, d@e.f", "a@b.c;d@e.f", "a@b.c\nBcc: x@y.z", "a@b.c\r\n", "\na@b.c", "a@b\0"),
        *("ü@b.c", "a@-b.c", "a@b-.c", "a@b..c", "x" * 65 + "@b.c", "a@" + "b" * 64 + ".c", "a@" + "b." * 130 + "c"),
        *("a@b.c\u2028x", "<a@b.c>", '"a b"@c.d', "a@[127.0.0.1]", "\u202ea@b.c"),
    ],
)
def test_addresses_that_are_refused(text):
    with pytest.raises(BadAddress):
        check_address(text)


@pytest.mark.parametrize(
    "subject",
    [
        "Plain",
        "x" * 10_000,
        "ü" * 10_000,
        "word " * 2_000,
        "wört " * 2_000,
        "مرحبا \u200fبالعالم",
        "=?utf-8?q?fake?=",
        "日本語の件名",
        "emoji 🙂 and \u200d joiners",
    ],
)
def test_any_subject_arrives_as_it_was_on_short_lines(subject):
    data, mail = sent(subject=subject)
    assert max(len(line) for line in data.split(b"\r\n")) <= 998
    if not subject.startswith("=?"):
        assert mail["Subject"] == " ".join(subject.split())
    assert mail.keys().count("Subject") == 1


@pytest.mark.parametrize(
    "evil", ["a\nBcc: x@y.z", "a\r\nBcc: x@y.z", "a\rBcc: x@y.z", "a\u2028Bcc: x@y.z", "a\x85Bcc: b"]
)
def test_no_header_can_be_injected_through_a_subject(evil):
    data, mail = sent(subject=evil)
    assert "Bcc" not in mail
    assert b"\nBcc" not in data


def test_everything_is_sent_in_ascii():
    data, mail = sent(subject="Grüße", text="Größe ✓ " * 300 + "\n.\n..dots\nFrom me\n", html="<p>Größe</p>")
    assert data.isascii()
    text = mail.get_body(("plain",)).get_content().replace("\r\n", "\n")
    assert text == "Größe ✓ " * 300 + "\n.\n..dots\nFrom me\n"


def test_each_attempt_has_the_same_message_id():
    first = Outgoing(7, "a@b.c", "S", "T", "", NOW)
    again = Outgoing(7, "d@e.f", "Edited", "T", "", NOW)
    other = Outgoing(8, "a@b.c", "S", "T", "", NOW)
    assert message_id(first, "x.y") == message_id(again, "x.y") == "<backorder.7.20261123120000@x.y>"
    assert message_id(other, "x.y") != message_id(first, "x.y")


def test_a_sender_has_a_name_or_not():
    assert parse_sender("erp@localhost", "") == Sender("", "erp@localhost")
    assert parse_sender('"Müller, Söhne" <o@example.com>', "h@example.com") == Sender(
        "Müller, Söhne", "o@example.com", "h@example.com"
    )


@pytest.mark.parametrize(("sender", "reply_to"), [("nobody", ""), ("", ""), ("a@b.c", "nobody"), ("a@b.c, d@e.f", "")])
def test_a_sender_that_is_no_address_is_refused_by_its_option(sender, reply_to):
    with pytest.raises(BadSender) as refusal:
        parse_sender(sender, reply_to)
    assert refusal.value.facts["option"] == f"backorder_email.{'reply_to' if reply_to else 'sender'}"


def test_a_name_with_a_comma_and_letters_arrives():
    outgoing = Outgoing(7, "a@b.c", "S", "T", "", NOW)
    data = compose(outgoing, Sender("Müller, Söhne", "o@example.com"), NOW)
    assert message_from_bytes(data, policy=policy.default)["From"].addresses[0].display_name == "Müller, Söhne"


def parsed(data):
    """Return a message as the standard library reads it: by its strict reader, and by its old one."""
    return message_from_bytes(data, policy=policy.default), message_from_bytes(data, policy=policy.compat32)


ONCE = ("From", "To", "Subject", "Date", "Message-ID")
OURS = {*ONCE, "Reply-To", "Auto-Submitted", "Content-Type", "Content-Transfer-Encoding", "MIME-Version"}


def check_headers(data, *, name, address, recipient, subject):
    mail, old = parsed(data)
    assert set(mail.keys()) <= OURS
    assert [mail.keys().count(header) for header in ONCE] == [1] * len(ONCE)
    (source,), (target,) = mail["From"].addresses, mail["To"].addresses
    assert (source.addr_spec, target.addr_spec, target.display_name) == (address, recipient, "")
    assert mail["Subject"] == subject
    (found,) = getaddresses([re.sub(r"\r\n(?= )", "", old["From"])])
    assert (str(make_header(decode_header(found[0]))), found[1]) == (name, address)
    assert max(len(line) for line in data.split(b"\r\n\r\n")[0].split(b"\r\n")) <= 998
    return source.display_name


@pytest.mark.parametrize("length", range(1, 100))
@pytest.mark.parametrize("letters", ["Ironmongers, ", "Sons & Söhne ", "word ", "a"])
def test_a_sender_of_any_length_arrives_in_one_piece(letters, length):
    name = (letters * length)[:length].strip()
    data = compose(Outgoing(7, "a@b.c", "S", "T", "", NOW), Sender(name, "orders@x.example"), NOW)
    shown = check_headers(data, name=name, address="orders@x.example", recipient="a@b.c", subject="S")
    assert shown == name


EVIL = st.sampled_from(
    ["=?utf-8?q?a=0d=0aBcc:_x@y.z?=", "\r\nBcc: x@y.z", '"', "\\", ", b@c.d", "<e@f.g>", "=?", "?=", "("]
)
TEXTS = st.lists(st.one_of(EVIL, st.text(max_size=40)), max_size=6).map(" ".join)


@given(name=TEXTS, subject=TEXTS, html=TEXTS)
def test_no_text_adds_or_changes_a_header(name, subject, html):
    sender, asked = Sender(clean_line(name), "orders@x.example"), clean_line(subject)
    outgoing = Outgoing(7, "buyer@example.org", subject, clean_text(subject + "\n"), clean_text(html), NOW)
    data = compose(outgoing, sender, NOW)
    check_headers(data, name=sender.name, address=sender.address, recipient="buyer@example.org", subject=asked)


@given(customer=TEXTS, subject=TEXTS)
def test_no_name_of_a_customer_and_no_template_adds_or_changes_a_header(customer, subject):
    source = re.sub(r"[{}#%]", "", subject)
    facts = replace(sample_facts(Cause.cancelled), customer=CustomerFacts(clean_line(customer)))
    rendered = render(Wording(f"Order {source} of {{{{ customer.name }}}}", "Hello {{ customer.name }}", ""), facts)
    data = compose(Outgoing(7, "a@b.c", rendered.subject, rendered.text, "", NOW), SENDER, NOW)
    check_headers(data, name=SENDER.name, address=SENDER.address, recipient="a@b.c", subject=rendered.subject)
    assert rendered.subject == clean_line(f"Order {source} of {clean_line(customer)}")


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("From: a@b.c, d@e.f", "the sender is read as"),
        ("From:", "the sender is read as"),
        ("From: a@b.c\r\nBcc: d@e.f", "its headers are"),
    ],
)
def test_what_reads_differently_does_not_leave(monkeypatch, broken, reason):
    monkeypatch.setattr(mail_rules, "mailbox_header", lambda name, *_: broken if name == "From" else f"{name}: a@b.c")
    with pytest.raises(NotAsComposed, match=reason):
        sent(recipient="a@b.c")


@pytest.mark.parametrize(
    ("domain", "ascii_form"),
    [("straße.example", "xn--strae-oqa.example"), ("Bücher.example", "xn--bcher-kva.example"), ("☃.example", "")],
)
def test_domains_are_written_by_the_rules_of_2008_or_refused(domain, ascii_form):
    if ascii_form:
        assert check_address(f"a@{domain}") == f"a@{ascii_form}"
    else:
        with pytest.raises(BadAddress, match="is not a domain"):
            check_address(f"a@{domain}")


@pytest.mark.parametrize(
    "text", ["Miller, Sons <o@x.example>", "Miller; Sons <o@x.example>", "Dr: Miller <o@x.example>"]
)
def test_a_name_that_needs_quotes_is_refused_with_that_advice(text):
    with pytest.raises(BadAddress, match='needs quotes: "'):
        parse_mailbox(text)
