"""The screens of messages: Pending Emails, and the emails of an order and of a customer."""

import json
from email import message_from_string, policy
from html import unescape

import pytest
from sqlalchemy import select

from erp import clock
from erp.registry import current_registry
from modules.backorder_email.delivery import compose_lost_runs
from modules.backorder_email.models import Message
from modules.backorder_email.states import MessageState
from modules.preorder.models import PurchaseAllocation
from modules.preorder.services import remove_purchase_allocations
from tests.backorder_email.pages import PENDING, TEMPLATES, page, post, words
from tests.support.backorder_email import (
    allocate_all,
    edit_text,
    in_a_run,
    make_message,
    make_messages,
    make_supply,
    messages,
    states,
)
from tests.support.sales import make_customer


def test_pending_emails_opens_empty_and_shows_states_with_their_counts(client, session):
    assert "<h1>Pending Emails</h1>" in page(client, PENDING)
    make_messages(session, 3)
    make_message(session, state=MessageState.failed, last_error="550 no")
    text = words(page(client, PENDING))
    assert "Pending 3" in text
    assert "Failed 1" in text
    assert "550 no" in text
    only = words(page(client, PENDING + "?flt0_state_is=failed"))
    assert only.count("550 no") == 1
    assert "Subject" in only


def test_the_list_costs_the_same_for_many_messages(client, session, count_statements):
    def measured():
        page(client, PENDING)
        with count_statements() as sent:
            page(client, PENDING)
        return len(sent)

    make_message(session)
    few = measured()
    for _ in range(10):
        make_message(session, customer=make_customer(session))
    assert measured() == few


def test_a_message_is_previewed_exactly_as_it_leaves(client, session, mailbox, set_option):
    set_option("backorder_email.sender", "Order desk <orders@example.com>")
    message = make_message(session, subject="Your <b> order", text="It & comes.\n", html="<p>It <b>comes</b>.</p>")
    html = page(client, f"{PENDING}{message.id}/")
    text = words(html)
    assert "From Order desk <orders@example.com>" in text
    assert f"To {message.recipient}" in text
    assert "Your <b> order" in text
    assert "It & comes." in text
    assert 'sandbox=""' in html
    assert 'srcdoc="&lt;p&gt;It &lt;b&gt;comes&lt;/b&gt;.&lt;/p&gt;"' in html
    source = page(client, f"{PENDING}{message.id}/source/")
    post(client, f"{PENDING}{message.id}/send/")
    (mail,) = mailbox.taken
    shown = message_from_string(source, policy=policy.default)
    for header in ("Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "Content-Type", "MIME-Version"):
        assert len(mail.get_all(header)) == 1
        assert mail[header] == shown[header]
    for kind in ("plain", "html"):
        assert mail.get_body((kind,)).get_content() == shown.get_body((kind,)).get_content()


def test_the_source_of_a_sent_message_has_the_date_at_which_it_left(client, session, mailbox, at):
    message = make_message(session)
    post(client, f"{PENDING}{message.id}/send/")
    at("2027-01-01T00:00:00Z")
    assert f"Date: {mailbox.taken[0]['Date']}\n" in page(client, f"{PENDING}{message.id}/source/")
    assert mailbox.taken[0]["Date"] == "Mon, 23 Nov 2026 12:00:00 +0000"


def test_what_changed_since_is_in_the_preview(client, session):
    supply = make_supply(session)
    allocate_all(supply)
    (message,) = messages(session)
    supply.orders[0].customer.email = "moved@customers.example"
    session.commit()
    assert "moved@customers.example" in page(client, f"{PENDING}{message.id}/")


def test_hostile_texts_are_shown_and_do_nothing(client, session):
    evil = '"><script>alert(1)</script>{{ 7*7 }}\u202e'
    message = make_message(session, subject=evil, text=evil, html=evil, last_error=evil)
    for address in (PENDING, f"{PENDING}{message.id}/", f"{PENDING}{message.id}/edit/"):
        html = page(client, address)
        assert "<script>alert(1)" not in html
        assert "{{ 7*7 }}" in unescape(html)


def test_a_clerk_edits_a_pending_message(client, session, mailbox):
    message = make_message(session)
    form = {"recipient": "boss@example.org", "subject": "New\r\nsubject", "text": "New text", "html": ""}
    assert "Edited" in post(client, f"{PENDING}{message.id}/edit/", **form)
    (message,) = messages(session)
    assert (message.recipient, message.subject, message.text) == ("boss@example.org", "New subject", "New text\n")
    assert message.is_edited
    post(client, f"{PENDING}{message.id}/send/")
    assert mailbox.recipients == ["boss@example.org"]
    assert "From" in words(page(client, f"{PENDING}{message.id}/"))


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"recipient": "boss@example.org, a@b.c"}, "cannot be used"),
        ({"recipient": "boss@example.org\nBcc: a@b.c"}, "cannot be used"),
        ({"subject": ""}, "is required"),
        ({"subject": "\u202e"}, "The subject of an email cannot be empty."),
    ],
)
def test_an_edit_that_could_not_be_sent_is_refused(client, session, change, refusal):
    message = make_message(session)
    form = {"recipient": "a@b.c", "subject": "S", "text": "T", "html": ""} | change
    answer = client.post(f"{PENDING}{message.id}/edit/", data=form)
    assert refusal in unescape(answer.text)
    assert not messages(session)[0].is_edited


def test_a_message_that_left_cannot_be_edited(client, session):
    message = make_message(session, state=MessageState.sent, sent_at=clock.now())
    page(client, f"{PENDING}{message.id}/edit/", 403)
    assert "Edit</a>" not in page(client, f"{PENDING}{message.id}/")


def test_a_message_is_cancelled_and_retried(client, session):
    message = make_message(session)
    assert "is cancelled" in words(post(client, f"{PENDING}{message.id}/cancel/"))
    assert states(session) == ["cancelled"]
    assert "History" in words(page(client, f"{PENDING}{message.id}/"))
    post(client, f"{PENDING}{message.id}/retry/")
    assert states(session) == ["pending"]
    post(client, f"{PENDING}{message.id}/retry/", 409)


def test_an_uncertain_message_is_settled_by_a_clerk(client, session):
    message = make_message(session, state=MessageState.uncertain, last_error="no answer", begun_at=clock.now())
    text = words(page(client, f"{PENDING}{message.id}/"))
    assert "Mark as sent" in text
    post(client, f"{PENDING}{message.id}/mark_as_sent/")
    assert states(session) == ["sent"]


def test_one_message_is_sent_by_hand(client, session, mailbox):
    first, _ = make_messages(session, 2)
    assert f"Sent to {first.recipient}." in words(post(client, f"{PENDING}{first.id}/send/"))
    assert states(session) == ["sent", "pending"]


def test_a_refused_message_says_so(client, session, mailbox):
    message = make_message(session)
    mailbox.refused[message.recipient] = "550 no such user"
    assert "Not sent, the email is failed: 550 no such user" in words(post(client, f"{PENDING}{message.id}/send/"))


def test_a_server_that_is_not_there_says_so(client, session, point_at):
    point_at(9)
    message = make_message(session)
    assert "cannot be used: Connection refused" in words(post(client, f"{PENDING}{message.id}/send/", 409))
    assert states(session) == ["pending"]


def test_some_messages_are_sent_retried_and_cancelled(client, session, mailbox):
    made = make_messages(session, 3)
    failed = make_message(session, state=MessageState.failed, last_error="550 no")
    ids = [made[0].id, failed.id]
    text = words(post(client, f"{PENDING}action/", action="send", rowid=ids))
    assert "1 email sent. 1 were left as they are: their state does not allow it." in text
    assert states(session) == ["sent", "pending", "pending", "failed"]
    post(client, f"{PENDING}action/", action="retry", rowid=[failed.id])
    post(client, f"{PENDING}action/", action="cancel", rowid=[made[1].id])
    assert states(session) == ["sent", "cancelled", "pending", "pending"]


def test_all_messages_are_sent_a_few_at_a_time(client, session, mailbox):
    make_messages(session, 24)
    make_message(session, next_attempt_at=clock.now().replace(year=2030))
    assert "Emails to be sent: 25" in words(page(client, f"{PENDING}sending/"))
    answer = client.post(f"{PENDING}sending/", data={"start": "1"}, headers={"Accept": "application/json"})
    assert json.loads(answer.text).items() >= {"left": 5, "summary": "20 emails sent.", "problem": ""}.items()
    assert "Pending Emails" in post(client, f"{PENDING}sending/")
    assert states(session) == ["sent"] * 25


def test_sending_all_stops_where_the_server_is_not_there(client, session, point_at):
    point_at(9)
    make_messages(session, 2)
    text = words(post(client, f"{PENDING}sending/", start="1"))
    assert "Connection refused" in text
    assert "Emails to be sent: 2" in text


def test_an_edited_message_that_is_outdated_needs_review(client, session):
    supply = make_supply(session)
    allocate_all(supply)
    (message,) = messages(session)
    edit_text(session, message, "Mine")
    ids = list(session.scalars(select(PurchaseAllocation.id)))
    in_a_run(lambda session: remove_purchase_allocations(session, ids))
    text = words(page(client, f"{PENDING}{message.id}/"))
    assert "Needs review" in text
    assert "no longer allocated" in text
    assert "Once saved, it is sent" in words(page(client, f"{PENDING}{message.id}/edit/"))
    assert "Emails that need review 1" in words(page(client, "/"))


def test_the_order_and_the_customer_show_every_message_about_them(client, session):
    supply = make_supply(session)
    allocate_all(supply)
    (message,) = messages(session)
    order = supply.orders[0]
    for address in (f"/sales/orders/{order.id}/", f"/sales/customers/{order.customer_id}/"):
        html = page(client, address)
        assert f'href="{PENDING}{message.id}/"' in html
        assert message.subject in unescape(html)


@pytest.mark.parametrize(
    ("role", "sees", "edits", "sends", "writes"),
    [
        ("Sales clerk", True, True, True, False),
        ("Merchandiser", True, True, True, True),
        ("Warehouse clerk", False, False, False, False),
        ("Auditor", True, False, False, False),
    ],
)
def test_rights(sign_in, session, mailbox, role, sees, edits, sends, writes):
    client = sign_in(role)
    message = make_message(session)
    answers = {
        True: lambda code: code in (200, 302),
        False: lambda code: code == 403,
    }
    assert answers[sees](client.get(PENDING).status_code)
    assert answers[sees](client.get(f"{PENDING}{message.id}/").status_code)
    assert answers[edits](client.get(f"{PENDING}{message.id}/edit/").status_code)
    assert answers[writes](client.get(f"{TEMPLATES}new/").status_code)
    assert answers[edits](client.post(f"{PENDING}{message.id}/cancel/").status_code)
    assert answers[edits](client.post(f"{PENDING}{message.id}/retry/").status_code)
    assert answers[sends](client.post(f"{PENDING}{message.id}/send/").status_code)
    assert answers[sends](client.post(f"{PENDING}sending/").status_code)


def test_when_the_module_is_off_its_pages_and_parts_are_gone(client, session):
    supply = make_supply(session)
    allocate_all(supply)
    current_registry().disable(session, "backorder_email")
    session.commit()
    page(client, PENDING, 404)
    page(client, TEMPLATES, 404)
    assert "Email template" not in page(client, f"/procurement/line-statuses/{supply.status.id}/edit/")
    assert 'id="emails"' not in page(client, f"/sales/orders/{supply.orders[0].id}/")
    assert session.scalars(select(Message)).all()


def test_a_superseded_message_is_not_sent_by_hand(client, session, mailbox):
    supply = make_supply(session)
    allocate_all(supply)
    (message,) = messages(session)
    current_registry().disable(session, "backorder_email")
    session.commit()
    ids = list(session.scalars(select(PurchaseAllocation.id)))
    in_a_run(lambda session: remove_purchase_allocations(session, ids))
    current_registry().enable(session, "backorder_email")
    session.commit()
    text = words(post(client, f"{PENDING}{message.id}/send/"))
    assert "Not sent, the email is superseded" in text
    assert mailbox.taken == []
    assert compose_lost_runs() == 0
