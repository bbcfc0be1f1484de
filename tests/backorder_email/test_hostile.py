"""Hostile names and templates are made harmless or refused with a reason."""

import pytest
from sqlalchemy import select

from modules.backorder_email.delivery import send_pending
from modules.backorder_email.models import StatusTemplate, Template
from tests.support.backorder_email import allocate_all, make_supply, messages, states

EVIL_NAMES = (
    "Acme\r\nBcc: thief@example.com\r\n\r\nInjected body",
    "Acme\nTo: thief@example.com",
    "<script>alert(1)</script> & <img src=x onerror=y>",
    "{{ order.__class__.__mro__ }}{% for x in y %}",
    "\u202egnp.exe\u202c \u2066hidden\u2069",
    "مؤسسة \u200fالاختبار",
    "'; DROP TABLE sales_order; --",
    "=cmd|' /C calc'!A0",
    "名" * 200,
    ".\r\n.\r\nMAIL FROM:<thief@example.com>",
    "\x85\u2028\u2029\x0b\x0c",
)


def set_wording(session, subject, html=""):
    """Give the only template a wording that fills in every name."""
    template = session.scalars(select(Template).join(StatusTemplate)).one()
    template.subject = subject
    template.body = "{{ customer.name }}|{% for line in lines %}{{ line.name }}{% endfor %}\n.\n..\nEnd"
    template.html = html
    session.commit()


def test_names_cannot_inject_headers_recipients_markup_or_code(session, mailbox):
    supply = make_supply(session, orders=len(EVIL_NAMES))
    for order, name in zip(supply.orders, EVIL_NAMES, strict=True):
        order.customer.name = name
    supply.line.product.name = "".join(EVIL_NAMES)[:200]
    set_wording(session, "For {{ customer.name }}", "<p>{{ customer.name }}</p>")
    allocate_all(supply)
    send_pending()
    assert states(session) == ["sent"] * len(EVIL_NAMES)
    assert mailbox.recipients == [order.customer.email for order in supply.orders]
    for order, mail in zip(supply.orders, mailbox.taken, strict=True):
        assert mail["To"] == order.customer.email
        assert "Bcc" not in mail
        assert len(mail.get_all("To")) == len(mail.get_all("Subject")) == 1
        text, html = (mail.get_body((kind,)).get_content().replace("\r\n", "\n") for kind in ("plain", "html"))
        assert text.endswith("\n.\n..\nEnd\n")
        assert "<script" not in html
        assert "<img" not in html
        assert "\u202e" not in text + html + str(mail["Subject"])
        assert "tuple" not in text


def test_a_subject_of_ten_thousand_characters_arrives_whole(session, mailbox):
    supply = make_supply(session)
    set_wording(session, "Größe {{ order.number }} " * 500)
    allocate_all(supply)
    send_pending()
    assert states(session) == ["sent"]
    (mail,) = mailbox.taken
    assert mail["Subject"] == " ".join(f"Größe {supply.orders[0].number}" for _ in range(500))


EVIL_ADDRESSES = (
    "a@b.c\nBcc: thief@example.com",
    "a@b.c>\r\nRCPT TO:<thief@example.com",
    "a@b.c, thief@example.com",
    "Acme <a@b.c>",
    "<a@b.c> SIZE=1",
    "a b@c.d",
    "ü@example.com",
    "\u202ea@b.c",
    "@",
)


def test_no_email_is_sent_to_hostile_addresses(session, mailbox):
    supply = make_supply(session, orders=len(EVIL_ADDRESSES))
    for order, address in zip(supply.orders, EVIL_ADDRESSES, strict=True):
        order.customer.email = address
    session.commit()
    allocate_all(supply)
    send_pending()
    assert states(session) == ["skipped"] * len(EVIL_ADDRESSES)
    assert all("cannot be used" in message.last_error for message in messages(session))
    assert mailbox.taken == []


EVIL_SUBJECTS = (
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{% for a in range(999999) %}{% for b in range(999999) %}{% endfor %}{% endfor %}",
    "{{ 'x' * 999999999 }}",
    "{{ order._sa_instance_state }}",
    "{{ customer.email }}",
)


@pytest.mark.parametrize("subject", EVIL_SUBJECTS)
def test_a_hostile_template_fails_with_the_reason(session, mailbox, subject):
    supply = make_supply(session)
    session.scalars(select(Template).join(StatusTemplate)).one().subject = subject
    session.commit()
    allocate_all(supply)
    send_pending()
    (message,) = messages(session)
    assert message.state == "failed"
    assert message.last_error.startswith("The template does not render (subject, line 1):")
    assert mailbox.taken == []
