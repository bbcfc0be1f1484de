"""Batches that workers take: what is sent when, tried again, given back and recovered."""

import time
from datetime import timedelta
from decimal import Decimal
from itertools import accumulate

import pytest
from sqlalchemy import select

from erp import clock, jobs
from erp.db import db
from erp.deliveries import Ending, Outcome
from erp.errors import ErpError
from modules.backorder_email import services
from modules.backorder_email.delivery import send_pending
from modules.backorder_email.delivery.transports import SmtpTransport
from modules.backorder_email.errors import MailServerUnusable
from modules.backorder_email.models import Message
from modules.backorder_email.services.batches import take_batch
from modules.backorder_email.services.send_log import NO_MESSAGE, SendLog, database_start_id
from modules.backorder_email.states import MessageState
from modules.preorder.services import allocate_by_hand
from tests.backorder_email.servers import free_port
from tests.support.backorder_email import (
    make_message,
    make_messages,
    make_supply,
    messages,
    states,
)


def test_nobody_connects_when_nothing_is_pending(session, mailbox):
    assert str(send_pending()) == "0 emails sent."
    assert mailbox.connections == 0


def test_small_batches_send_everything(session, mailbox, set_option):
    set_option("backorder_email.batch_size", "2")
    make_messages(session, 5)
    send_pending()
    assert states(session) == ["sent"] * 5
    assert mailbox.connections == 1


def test_a_limit_sends_so_many(session, mailbox):
    make_messages(session, 5)
    send_pending(limit=3)
    assert states(session) == ["sent"] * 3 + ["pending"] * 2


def test_chosen_messages_leave_alone(session, mailbox):
    made = make_messages(session, 3)
    send_pending(chosen=[made[1].id])
    assert states(session) == ["pending", "sent", "pending"]


def test_a_chosen_message_that_is_not_pending_stays(session, mailbox):
    message = make_message(session, state=MessageState.cancelled)
    send_pending(chosen=[message.id])
    assert mailbox.taken == []


def test_a_message_that_waits_for_its_next_attempt_leaves_only_by_hand(session, mailbox):
    message = make_message(session, next_attempt_at=clock.now() + timedelta(hours=1))
    send_pending()
    assert states(session) == ["pending"]
    send_pending(chosen=[message.id])
    assert states(session) == ["sent"]


def test_a_permanent_refusal_fails_at_once(session, mailbox):
    first, second = make_messages(session, 2)
    mailbox.refused[first.recipient] = "550 no such user"
    summary = send_pending()
    assert states(session) == ["failed", "sent"]
    (refused, _) = messages(session)
    assert (refused.last_error, refused.attempts) == ("550 no such user", 1)
    assert str(summary) == "1 email sent, 1 refused."
    assert mailbox.recipients == [second.recipient]


@pytest.mark.parametrize(("first", "minutes"), [
    pytest.param("1 min", (1, 2, 4, 8), marks=pytest.mark.option("backorder_email.retry_after", "1 min")),
    pytest.param("2 min", (2, 4, 8, 16), marks=pytest.mark.option("backorder_email.retry_after", "2 min")),
])  # fmt: skip
def test_a_transient_refusal_is_tried_again_later_and_later(session, mailbox, at, set_option, first, minutes):
    set_option("backorder_email.retry_after", first)
    message = make_message(session)
    mailbox.refused[message.recipient] = "450 try later"
    waits = []
    for minute in (0, *accumulate(minutes[:-1])):
        at(f"2026-11-23T12:{minute:02}:00Z")
        send_pending()
        (message,) = messages(session)
        assert message.state is MessageState.pending
        waits.append(message.next_attempt_at - clock.now())
        send_pending()
    assert waits == [timedelta(minutes=wait) for wait in minutes]
    assert (message.attempts, message.last_error) == (4, "450 try later")


@pytest.mark.option("backorder_email.max_attempts", "2")
def test_a_message_fails_after_its_last_attempt(session, mailbox, at, set_option):
    set_option("backorder_email.max_attempts", "2")
    message = make_message(session)
    mailbox.refused[message.recipient] = "450 try later"
    send_pending()
    at("2026-11-23T13:00:00Z")
    send_pending()
    (message,) = messages(session)
    assert message.state is MessageState.failed
    assert message.last_error == "Failed after 2 attempts: 450 try later"
    mailbox.refused.clear()
    services.retry(session, [message.id])
    session.commit()
    send_pending()
    assert states(session) == ["sent"]


@pytest.mark.parametrize(("size", "attempts"), [
    pytest.param("2", [1, 1, 0], marks=pytest.mark.option("backorder_email.batch_size", "2")),
    pytest.param("100", [1, 1, 1], marks=pytest.mark.option("backorder_email.batch_size", "100")),
])  # fmt: skip
def test_a_server_that_is_not_there_leaves_the_batch_for_later(session, point_at, set_option, size, attempts):
    set_option("backorder_email.batch_size", size)
    port = free_port()
    point_at(port)
    make_messages(session, 3)
    with pytest.raises(MailServerUnusable) as refusal:
        send_pending()
    assert str(refusal.value).startswith(f"The mail server 127.0.0.1:{port} cannot be used: Connection refused.")
    assert [message.attempts for message in messages(session)] == attempts
    assert states(session) == ["pending"] * 3
    assert messages(session)[0].last_error == "Connection refused"


@pytest.mark.option("backorder_email.max_attempts", "5")
def test_a_server_that_stays_away_fails_the_message_in_the_end(session, point_at, at):
    point_at(free_port())
    make_message(session)
    for hour in range(5):
        at(f"2026-11-23T{12 + hour}:00:00Z")
        with pytest.raises(MailServerUnusable):
            send_pending()
    (message,) = messages(session)
    assert message.state is MessageState.failed
    assert message.last_error == "Failed after 5 attempts: Connection refused"


@pytest.mark.option("backorder_email.rate", "600")
def test_a_rate_spreads_messages_over_time(session, mailbox, set_option):
    set_option("backorder_email.rate", "600")
    make_messages(session, 5)
    started = time.monotonic()
    send_pending()
    assert 0.35 < time.monotonic() - started < 5
    assert states(session) == ["sent"] * 5


def test_what_is_sent_is_written_before_the_pause_that_a_rate_makes(session, mailbox, set_option, monkeypatch):
    from modules.backorder_email.delivery import worker

    seen = []

    def pause(_seconds):
        seen.append(states(session))
        session.rollback()

    set_option("backorder_email.rate", "600")
    make_messages(session, 3)
    monkeypatch.setattr(worker.time, "sleep", pause)
    send_pending()
    assert seen[0] == ["sent", "sending", "sending"]
    assert states(session) == ["sent"] * 3


def test_a_database_that_fails_in_the_middle_is_a_refusal(session):
    (message,) = make_messages(session, 1)
    worker, _ = take_as(session, "worker")
    db.session.rollback()
    send_log = SendLog(db.engine, worker)
    send_log.close()
    with pytest.raises(ErpError):
        send_log.advance(NO_MESSAGE, message.id)


@pytest.mark.option("backorder_email.rate", "0")
def test_without_a_rate_no_message_waits(session, mailbox, monkeypatch):
    from modules.backorder_email.delivery import worker

    monkeypatch.delattr(worker.time, "sleep")
    make_messages(session, 5)
    send_pending()
    assert states(session) == ["sent"] * 5


def test_an_interruption_gives_back_what_was_not_begun(session, mailbox):
    make_messages(session, 3)

    def interrupt(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        send_pending(report=interrupt)
    assert states(session) == ["sent", "pending", "pending"]


def test_an_interruption_in_the_middle_of_a_message_leaves_it_uncertain(session, mailbox, monkeypatch):
    from modules.backorder_email.delivery.transports import SmtpTransport

    def interrupted(self, connection):
        raise KeyboardInterrupt

    monkeypatch.setattr(SmtpTransport, "_answer", interrupted)
    make_messages(session, 2)
    with pytest.raises(KeyboardInterrupt):
        send_pending()
    assert states(session) == ["uncertain", "pending"]


def take_as(session, name):
    """Take everything that is due as a worker of that name; return its full name and the messages. Commits."""
    worker = f"{name}:{database_start_id(session)}"
    found = take_batch(session, worker, limit=10)
    session.commit()
    return worker, found.messages


def begin(worker, message_id, *, sent=NO_MESSAGE):
    """Write that a worker begins a message, as it does between two of them."""
    db.session.rollback()
    send_log = SendLog(db.engine, worker)
    try:
        return send_log.advance(sent, message_id)
    finally:
        send_log.close()


@pytest.mark.parametrize(("silence", "before", "after"), [
    pytest.param("2 min", "12:02:00", "12:02:01", marks=pytest.mark.option("backorder_email.worker_timeout", "2 min")),
    pytest.param("9 min", "12:09:00", "12:09:01", marks=pytest.mark.option("backorder_email.worker_timeout", "9 min")),
])  # fmt: skip
def test_the_messages_that_a_dead_worker_took_are_recovered(session, mailbox, at, set_option, silence, before, after):
    set_option("backorder_email.worker_timeout", silence)
    make_messages(session, 3)
    worker, found = take_as(session, "dead")
    assert begin(worker, found[0].id)
    at(f"2026-11-23T{before}Z")
    send_pending()
    assert states(session) == ["sending"] * 3
    at(f"2026-11-23T{after}Z")
    send_pending()
    assert states(session) == ["uncertain", "sent", "sent"]
    uncertain = messages(session)[0]
    assert uncertain.last_error.startswith("The worker stopped while it handed the message over")


def test_what_was_taken_before_the_database_started_again_is_uncertain(session, mailbox, at):
    make_messages(session, 2)
    take_batch(session, "dead:before the last start", limit=10)
    session.commit()
    at("2026-11-23T12:10:01Z")
    send_pending()
    assert states(session) == ["uncertain", "uncertain"]
    assert mailbox.taken == []


def test_a_slow_worker_does_not_send_messages_that_were_recovered_from_it(session, mailbox, at):
    make_messages(session, 2)
    worker, slow = take_as(session, "slow")
    at("2026-11-23T12:11:00Z")
    send_pending()
    assert states(session) == ["sent", "sent"]
    assert [begin(worker, outgoing.id) for outgoing in slow] == [False, False]


@pytest.mark.parametrize("by_send_log", [True, False])
def test_a_slow_worker_that_comes_back_settles_its_uncertain_message(session, at, by_send_log):
    make_messages(session, 2)
    worker, (outgoing, other) = take_as(session, "slow")
    assert begin(worker, outgoing.id)
    at("2026-11-23T12:11:00Z")
    services.recover(session)
    session.commit()
    assert states(session) == ["uncertain", "pending"]
    if by_send_log:
        assert not begin(worker, other.id, sent=outgoing.id)
    else:
        services.settle(session, outgoing.id, worker=worker, outcome=Outcome(Ending.sent))
        session.commit()
    assert states(session) == ["sent", "pending"]
    assert messages(session)[0].attempts == 1


def test_a_message_recovered_while_it_is_addressed_does_not_leave(session, mailbox, monkeypatch):
    advance = SendLog.advance

    def too_late(self, sent, next_):
        advance(self, sent, next_)
        return False

    make_message(session)
    monkeypatch.setattr(SendLog, "advance", too_late)
    send_pending()
    assert mailbox.taken == []


def test_one_message_that_cannot_be_written_does_not_stop_the_others(session, mailbox, monkeypatch):
    from modules.backorder_email.delivery import worker

    first = make_messages(session, 3)[0].id
    compose = worker.compose

    def broken(outgoing, *more):
        if outgoing.id == first:
            raise ValueError("odd")
        return compose(outgoing, *more)

    monkeypatch.setattr(worker, "compose", broken)
    send_pending()
    assert states(session) == ["failed", "sent", "sent"]
    assert messages(session)[0].last_error == "It cannot be written as an email: odd"


def test_the_sending_job_first_composes_the_news_of_runs_that_died(session, mailbox, at):
    supply = make_supply(session)
    allocate_by_hand(session, {(supply.line.id, supply.purchase_line.id): Decimal(2)})
    session.commit()
    at("2026-11-23T12:10:00Z")
    jobs.run("send-pending-emails")
    assert states(session) == ["sent"]
    assert mailbox.recipients == [supply.orders[0].customer.email]


def test_a_worker_has_taken_its_batch_and_committed_before_it_connects(session, mailbox, monkeypatch):
    seen = []
    connect = SmtpTransport._connect

    def watched(self):
        with db.engine.connect() as other:
            seen.append(other.execute(select(Message.state, Message.begun_at)).one())
        return connect(self)

    monkeypatch.setattr(SmtpTransport, "_connect", watched)
    make_message(session)
    send_pending()
    assert [tuple(row) for row in seen] == [(MessageState.sending, None)]
