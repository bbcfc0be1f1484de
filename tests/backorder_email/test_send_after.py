"""When the job may send a message, and what it may never send."""

from datetime import timedelta
from decimal import Decimal

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from erp import jobs
from erp.errors import OptionError
from modules.backorder_email import services
from modules.backorder_email.commands import send_emails
from modules.backorder_email.delivery import send_pending
from modules.backorder_email.states import MessageState
from modules.preorder.models import PurchaseAllocation
from modules.preorder.services import allocate_by_hand, remove_purchase_allocations
from tests.support.backorder_email import (
    allocate_all,
    edit_text,
    give_status,
    in_a_run,
    make_message,
    make_status_with_template,
    make_supply,
    messages,
    news,
    states,
)

NOON = "2026-11-23T12:00:00Z"


@pytest.fixture
def run_job(mailbox, at):
    """Return a function that runs the sending job at a time of the day, and returns what it says."""

    def run(time):
        at(f"2026-11-23T{time}Z")
        return jobs.run("send-pending-emails").summary

    return run


def remove_all(session):
    ids = list(session.scalars(select(PurchaseAllocation.id).where(PurchaseAllocation.is_open)))
    in_a_run(lambda session: remove_purchase_allocations(session, ids))


@pytest.mark.option("backorder_email.sending", "automatic")
@pytest.mark.option("backorder_email.send_after", "10 min")
def test_the_job_leaves_an_email_alone_until_it_is_old_enough(session, run_job):
    make_message(session)
    assert run_job("12:09:59") == "0 emails sent."
    assert run_job("12:10:00") == "1 email sent."


@pytest.mark.option("backorder_email.send_after", "0 s")
def test_the_wait_can_be_none(session, set_option, run_job):
    set_option("backorder_email.send_after", "0")
    make_message(session)
    assert run_job("12:00:00") == "1 email sent."


def test_the_wait_is_no_time_without_a_unit(session, set_option):
    with pytest.raises(OptionError, match="from 0 s to 31 days"):
        set_option("backorder_email.send_after", "10")


def test_users_do_not_wait(session, mailbox, client):
    first, _ = make_message(session), make_message(session)
    client.post(f"/emails/pending/{first.id}/send/")
    assert states(session) == ["sent", "pending"]
    client.post("/emails/pending/sending/", data={"start": "1"})
    assert states(session) == ["sent", "sent"]


def test_the_command_sends_whatever_the_options_say(session, mailbox, set_option):
    set_option("backorder_email.sending", "manual")
    make_message(session)
    result = CliRunner().invoke(send_emails, [])
    assert result.output == "1 email sent.\n"


@pytest.mark.option("backorder_email.sending", "manual")
def test_with_manual_sending_the_job_sends_nothing_however_old(session, set_option, run_job):
    set_option("backorder_email.sending", "manual")
    make_message(session)
    assert run_job("23:00:00") == "Sending is manual: 1 email waits for a user to send."
    assert states(session) == ["pending"]


def test_newer_news_does_not_start_the_wait_again(session, at, run_job):
    supply = make_supply(session)
    allocate_all(supply)
    at("2026-11-23T12:09:00Z")
    give_status(supply, make_status_with_template(session))
    at("2026-11-23T12:09:30Z")
    give_status(supply, make_status_with_template(session))
    assert states(session) == ["superseded", "superseded", "pending"]
    assert run_job("12:10:00") == "1 email sent."


def test_news_after_an_email_has_left_waits_its_own_time(session, at, run_job):
    supply = make_supply(session)
    allocate_all(supply)
    assert run_job("12:10:00") == "1 email sent."
    give_status(supply, make_status_with_template(session))
    assert run_job("12:19:59") == "0 emails sent."
    assert run_job("12:20:00") == "1 email sent."


def test_what_still_holds_of_a_superseded_email_does_not_wait_again(session, at, run_job):
    supply = make_supply(session, orders=2)
    customer_order = supply.orders[0]
    allocate_all(supply)
    at("2026-11-23T12:05:00Z")
    (first, second) = messages(session)
    give_status(supply, make_status_with_template(session))
    assert {message.news_at for message in messages(session)} == {first.news_at}
    assert customer_order.number and second.news_at == first.news_at


def test_a_failed_email_is_superseded_like_a_pending_one(session):
    supply = make_supply(session)
    allocate_all(supply)
    (message,) = messages(session)
    message.state, message.last_error = MessageState.failed, "550 no"
    session.commit()
    remove_all(session)
    assert states(session) == ["superseded"]


def test_a_failed_email_that_a_clerk_edited_needs_review_once_it_is_outdated(session):
    supply = make_supply(session)
    allocate_all(supply)
    (message,) = messages(session)
    edit_text(session, message, "Mine")
    message.state, message.last_error = MessageState.failed, "550 no"
    session.commit()
    remove_all(session)
    assert states(session) == ["needs_review"]


@pytest.fixture
def outdated(session):
    """The id of an edited message whose allocation was removed."""
    supply = make_supply(session)
    allocate_all(supply)
    (message,) = messages(session)
    edit_text(session, message, "Mine")
    remove_all(session)
    (message,) = messages(session)
    assert message.state is MessageState.needs_review
    return message.id


def test_what_needs_review_leaves_by_no_job_no_command_and_no_send_all(session, outdated, run_job, client):
    assert run_job("23:00:00") == "0 emails sent."
    assert str(send_pending()) == "0 emails sent."
    assert str(send_pending(chosen=[outdated])) == "0 emails sent."
    client.post("/emails/pending/sending/", data={"start": "1"})
    client.post(f"/emails/pending/{outdated}/send/")
    assert states(session) == ["needs_review"]


def test_a_clerk_confirms_what_needs_review_and_then_it_leaves(session, outdated, client, mailbox):
    client.post(f"/emails/pending/{outdated}/confirm/")
    assert states(session) == ["pending"]
    assert str(send_pending()) == "1 email sent."


def test_a_clerk_drops_what_needs_review(session, outdated, client):
    client.post(f"/emails/pending/{outdated}/cancel/")
    (message,) = messages(session)
    assert message.state is MessageState.cancelled
    assert "no longer allocated" in message.last_error


def test_ticked_emails_that_need_review_are_confirmed_together(session, outdated, client):
    other = make_message(session)
    answer = client.post("/emails/pending/action/", data={"action": "confirm", "rowid": [outdated, other.id]})
    assert answer.status_code == 302
    assert states(session) == ["pending", "pending"]


def test_an_email_sent_by_hand_is_checked_once_more(session, mailbox):
    supply = make_supply(session)
    allocate_all(supply)
    (message,) = messages(session)
    # As if the allocation went without notice: the news is checked against what is true, not against events.
    session.query(PurchaseAllocation).delete()
    session.commit()
    assert str(send_pending(chosen=[message.id])) == "0 emails sent."
    assert states(session) == ["superseded"]


def test_two_workers_and_a_clerk_who_confirms_send_it_once(session, outdated, mailbox):
    services.confirm(session, [outdated])
    session.commit()
    assert str(send_pending(chosen=[outdated])) == "1 email sent."
    assert str(send_pending(chosen=[outdated])) == "0 emails sent."


def test_news_is_as_old_as_what_it_replaces(session, at):
    supply = make_supply(session)
    allocate_all(supply)
    at("2026-11-23T12:05:00Z")
    give_status(supply, make_status_with_template(session))
    first, second = news(session)
    assert second.oldest_at == first.created_at
    assert second.created_at - first.created_at == timedelta(minutes=5)


def test_the_default_status_of_a_first_allocation_is_no_news_of_its_own(session, set_option):
    status = make_status_with_template(session, name="On order")
    set_option("preorder.default_line_status", status.name)
    supply = make_supply(session)
    give_status(supply, None)
    line_id, purchase_line_id = supply.line.id, supply.purchase_line.id
    in_a_run(lambda session: allocate_by_hand(session, {(line_id, purchase_line_id): Decimal(2)}))
    assert [each.cause.value for each in news(session)] == ["purchase_allocated"]
    (message,) = messages(session)
    assert message.subject.endswith("On order")
