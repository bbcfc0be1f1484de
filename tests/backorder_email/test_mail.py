"""Addresses, and messages as they leave."""

from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest

from modules.backorder_email.domain.mail import Outgoing, Sender, check_address, compose, message_id, parse_sender
from modules.backorder_email.errors import BadAddress, BadSender

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SENDER = Sender("Order desk", "orders@example.com")


def sent(**overrides):
    values = {"id": 7, "recipient": "buyer@example.org", "subject": "S", "text": "T\n", "html": "", "created_at": NOW}
    data = compose(Outgoing(**values | overrides), SENDER, NOW).as_bytes()
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
    data = compose(outgoing, Sender("Müller, Söhne", "o@example.com"), NOW).as_bytes()
    assert message_from_bytes(data, policy=policy.default)["From"].addresses[0].display_name == "Müller, Söhne"
