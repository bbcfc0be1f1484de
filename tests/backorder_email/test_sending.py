"""How messages leave: each ends in the state that says what became of it, and none leaves twice."""

import socket
import time
from datetime import timedelta
from email import message_from_bytes, policy
from itertools import accumulate
from pathlib import Path

import pytest

from erp import clock
from erp.db import db
from erp.errors import ErpError
from erp.options import options
from modules.backorder_email import services
from modules.backorder_email.delivery import send_pending
from modules.backorder_email.domain.delivery import Ending, Outcome
from modules.backorder_email.errors import BadSender, MailServerUnusable
from modules.backorder_email.services.send_log import NOBODY, SendLog, life_of_database
from modules.backorder_email.services.sending import take_batch
from modules.backorder_email.states import MessageState
from tests.backorder_email.servers import accepts, free_port, mail_server
from tests.support.backorder_email import make_message, make_messages, messages, states


@pytest.mark.option("backorder_email.sender", "Order desk <orders@example.com>")
@pytest.mark.option("backorder_email.reply_to", "help@example.com")
@pytest.mark.option("backorder_email.transport", "smtp")
def test_a_message_arrives_with_the_headers_of_good_practice(session, mailbox, set_option):
    set_option("backorder_email.sender", "Order desk <orders@example.com>")
    set_option("backorder_email.reply_to", "help@example.com")
    message = make_message(session, subject="Your order", text="It comes.\n")
    send_pending()
    (mail,) = mailbox.taken
    assert mailbox.recipients == [message.recipient]
    assert mail["From"] == "Order desk <orders@example.com>"
    assert mail["To"] == message.recipient
    assert mail["Reply-To"] == "help@example.com"
    assert mail["Subject"] == "Your order"
    assert mail["Date"] == "Mon, 23 Nov 2026 12:00:00 +0000"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"] == f"<backorder.{message.id}.20261123120000@example.com>"
    assert mail.get_content() == "It comes.\n"
    (message,) = messages(session)
    assert (message.state, message.attempts, message.sent_at) == (MessageState.sent, 1, clock.now())


def test_an_html_message_has_a_plain_twin(session, mailbox):
    make_message(session, text="It comes.\n", html="<p>It <b>comes</b>.</p>")
    send_pending()
    (mail,) = mailbox.taken
    assert mail.get_content_type() == "multipart/alternative"
    assert mail.get_body(("plain",)).get_content() == "It comes.\n"
    assert mail.get_body(("html",)).get_content().strip() == "<p>It <b>comes</b>.</p>"


@pytest.mark.option("backorder_email.security", "none")
def test_a_batch_leaves_over_one_connection_in_the_order_of_the_queue(session, mailbox):
    made = make_messages(session, 5)
    summary = send_pending()
    assert str(summary) == "5 emails sent."
    assert (mailbox.connections, mailbox.tls) == (1, 0)
    assert mailbox.recipients == [message.recipient for message in made]


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


@pytest.mark.option("backorder_email.security", "starttls")
def test_starttls_encrypts(session, point_at, encryption, certificate):
    with mail_server(tls_context=encryption, require_starttls=True) as (box, port):
        point_at(port, security="starttls", ca_file=certificate[0])
        make_message(session)
        send_pending()
        assert states(session) == ["sent"]
        assert box.tls == 1


@pytest.mark.option("backorder_email.ca_file")
def test_a_certificate_that_nobody_vouches_for_is_not_trusted(session, point_at, encryption, certificate, set_option):
    with mail_server(tls_context=encryption) as (box, port):
        point_at(port, security="starttls")
        message = make_message(session)
        with pytest.raises(MailServerUnusable, match=r"(?i)certificate"):
            send_pending()
        assert states(session) == ["pending"]
        assert box.taken == []
        set_option("backorder_email.ca_file", str(certificate[0]))
        send_pending(chosen=[message.id])
        assert states(session) == ["sent"]


def test_starttls_never_falls_back_to_the_clear(session, mailbox, set_option):
    set_option("backorder_email.security", "starttls")
    make_message(session)
    with pytest.raises(MailServerUnusable, match="STARTTLS"):
        send_pending()
    assert mailbox.taken == []
    assert states(session) == ["pending"]


@pytest.mark.option("backorder_email.security", "tls")
def test_tls_encrypts_from_the_start(session, point_at, encryption, certificate):
    with mail_server(ssl_context=encryption) as (box, port):
        point_at(port, security="tls", ca_file=certificate[0])
        make_message(session)
        send_pending()
        assert states(session) == ["sent"]
        assert len(box.taken) == 1


@pytest.mark.option("backorder_email.user", "", "erp")
def test_a_user_signs_in_with_the_password_of_the_environment(
    session, point_at, encryption, certificate, password, set_option
):
    settings = {"authenticator": accepts("erp", "secret"), "auth_required": True, "tls_context": encryption}
    with mail_server(**settings) as (box, port):
        point_at(port, security="starttls", ca_file=certificate[0])
        password("secret")
        message = make_message(session)
        send_pending()
        assert (states(session), messages(session)[0].last_error) == (["failed"], "530 5.7.0 Authentication required")
        services.retry(session, [message.id])
        set_option("backorder_email.user", "erp")
        send_pending()
        assert states(session) == ["sent"]
        assert len(box.taken) == 1


def test_a_user_signs_in_over_tls(session, point_at, encryption, certificate, password):
    settings = {"authenticator": accepts("erp", "secret"), "auth_require_tls": False}
    with mail_server(ssl_context=encryption, **settings) as (box, port):
        point_at(port, security="tls", ca_file=certificate[0], user="erp")
        password("secret")
        make_message(session)
        send_pending()
        assert states(session) == ["sent"]
        assert box.signed_in == 1


def test_a_wrong_password_leaves_the_queue_for_later(session, point_at, encryption, certificate, password):
    settings = {"authenticator": accepts("erp", "secret"), "auth_required": True, "tls_context": encryption}
    with mail_server(**settings) as (box, port):
        point_at(port, security="starttls", ca_file=certificate[0], user="erp")
        password("wrong")
        make_message(session)
        with pytest.raises(MailServerUnusable, match="535"):
            send_pending()
        (message,) = messages(session)
        assert message.state is MessageState.pending
        assert "535" in message.last_error
        assert "wrong" not in message.last_error
        assert box.taken == []


def test_a_missing_password_is_named(session, mailbox, set_option):
    set_option("backorder_email.user", "erp")
    make_message(session)
    with pytest.raises(MailServerUnusable, match="ERP_SMTP_PASSWORD is not set"):
        send_pending()


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
def test_a_passing_refusal_is_tried_again_later_and_later(session, mailbox, at, set_option, first, minutes):
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
def test_the_last_attempt_that_fails_gives_the_message_up(session, mailbox, at, set_option):
    set_option("backorder_email.max_attempts", "2")
    message = make_message(session)
    mailbox.refused[message.recipient] = "450 try later"
    send_pending()
    at("2026-11-23T13:00:00Z")
    send_pending()
    (message,) = messages(session)
    assert message.state is MessageState.failed
    assert message.last_error == "Given up after 2 attempts: 450 try later"
    mailbox.refused.clear()
    services.retry(session, [message.id])
    session.commit()
    send_pending()
    assert states(session) == ["sent"]


@pytest.mark.parametrize(("answer", "state"), [("554 spam", "failed"), ("451 busy", "pending")])
def test_what_the_server_says_to_the_whole_message_counts(session, mailbox, answer, state):
    make_messages(session, 2)
    mailbox.answers = [answer]
    send_pending()
    assert states(session) == [state, "sent"]
    assert messages(session)[0].last_error == answer


def test_a_connection_dropped_after_data_leaves_a_doubt_and_nothing_is_sent_twice(session, mailbox, at):
    first, *_ = make_messages(session, 3)
    mailbox.drops_after_data = 1
    send_pending()
    assert states(session) == ["uncertain", "sent", "sent"]
    assert "did not answer after it got the message" in messages(session)[0].last_error
    at("2026-11-24T12:00:00Z")
    send_pending()
    assert states(session) == ["uncertain", "sent", "sent"]
    assert set(mailbox.message_ids.values()) == {1}
    assert len(mailbox.taken) == 3
    services.mark_as_sent(session, [first.id])
    session.commit()
    assert states(session) == ["sent"] * 3


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
def test_a_connection_dropped_before_the_text_is_tried_once_more_at_once(session, mailbox, verb):
    make_messages(session, 3)
    mailbox.drops_at[verb] = 1
    assert str(send_pending()) == "3 emails sent."
    assert set(mailbox.message_ids.values()) == {1}
    assert [message.attempts for message in messages(session)] == [1, 1, 1]


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
def test_a_connection_that_is_always_dropped_before_the_text_leaves_the_message_for_later(session, mailbox, verb):
    make_messages(session, 2)
    mailbox.drops_at[verb] = 2
    assert str(send_pending()) == "1 email sent, 1 to be tried again."
    first, second = messages(session)
    assert (first.state, second.state) == (MessageState.pending, MessageState.sent)
    assert "The connection to 127.0.0.1" in first.last_error
    assert len(mailbox.taken) == 1


@pytest.mark.option("backorder_email.timeout", "1 s")
def test_a_server_that_is_too_slow_leaves_a_doubt(session, mailbox, set_option):
    set_option("backorder_email.timeout", "1 s")
    make_message(session)
    mailbox.delay = 1.5
    send_pending()
    (message,) = messages(session)
    assert message.state is MessageState.uncertain
    assert "timed out" in message.last_error


@pytest.mark.option("backorder_email.timeout", "2 s")
def test_a_slow_server_gets_its_time(session, mailbox):
    make_messages(session, 2)
    mailbox.delay = 0.3
    send_pending()
    assert states(session) == ["sent", "sent"]


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
    assert message.last_error == "Given up after 5 attempts: Connection refused"


@pytest.mark.option("backorder_email.host", "::1", "127.0.0.1")
@pytest.mark.option("backorder_email.port")
def test_the_mail_server_is_the_one_that_is_named(session, mailbox, set_option):
    message = make_message(session)
    port = options.backorder_email.port
    for name, wrong, right in (("host", "::1", "127.0.0.1"), ("port", free_port(), port)):
        set_option(f"backorder_email.{name}", str(wrong))
        with pytest.raises(MailServerUnusable, match=f"server .*{wrong}.* cannot be used"):
            send_pending(chosen=[message.id])
        set_option(f"backorder_email.{name}", str(right))
    assert mailbox.taken == []
    send_pending(chosen=[message.id])
    assert len(mailbox.taken) == 1


def test_a_server_that_says_nothing_is_given_up_after_the_timeout(session, point_at, set_option):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        point_at(silent.getsockname()[1], timeout="1 s")
        make_message(session)
        started = time.monotonic()
        with pytest.raises(MailServerUnusable, match="timed out"):
            send_pending()
        assert time.monotonic() - started < 5
    assert states(session) == ["pending"]


def test_a_server_that_closes_between_messages_is_connected_again(session, mailbox, monkeypatch):
    from modules.backorder_email.delivery.transports import SmtpTransport

    transmit = SmtpTransport._transmit

    def closing(self, envelope, is_mine, meanwhile):
        outcome = transmit(self, envelope, is_mine, meanwhile)
        self._connection.sock.shutdown(socket.SHUT_RDWR)
        return outcome

    monkeypatch.setattr(SmtpTransport, "_transmit", closing)
    make_messages(session, 3)
    send_pending()
    assert states(session) == ["sent"] * 3
    assert mailbox.connections == 3
    assert len(mailbox.taken) == 3


def test_a_bad_sender_is_refused_before_anything_is_claimed(session, set_option):
    set_option("backorder_email.sender", "nobody")
    make_message(session)
    with pytest.raises(BadSender, match=r"Option backorder_email.sender: 'nobody' cannot be used"):
        send_pending()
    assert states(session) == ["pending"]


@pytest.mark.option("backorder_email.sender", "erp@localhost")
@pytest.mark.option("backorder_email.reply_to", "")
@pytest.mark.option("backorder_email.transport", "file")
def test_the_file_transport_writes_one_eml_a_message(session, app):
    made = make_messages(session, 3)
    send_pending()
    outbox = Path(app.instance_path) / "outbox"
    names = {f"email-{message.id}.eml" for message in made}
    assert names <= {path.name for path in outbox.iterdir()}
    assert not list(outbox.glob("*.part"))
    mail = message_from_bytes((outbox / f"email-{made[0].id}.eml").read_bytes(), policy=policy.default)
    assert (mail["From"], mail["To"], mail["Reply-To"]) == ("erp@localhost", made[0].recipient, None)
    assert states(session) == ["sent"] * 3


def test_an_outbox_that_cannot_be_written_leaves_the_queue_for_later(session, app, tmp_path, monkeypatch):
    (tmp_path / "outbox").write_text("in the way")
    monkeypatch.setattr(app, "instance_path", str(tmp_path))
    make_message(session)
    with pytest.raises(MailServerUnusable):
        send_pending()
    assert states(session) == ["pending"]


@pytest.mark.option("backorder_email.rate", "600")
def test_a_rate_spreads_messages_over_time(session, mailbox, set_option):
    set_option("backorder_email.rate", "600")
    make_messages(session, 5)
    started = time.monotonic()
    send_pending()
    assert 0.35 < time.monotonic() - started < 5
    assert states(session) == ["sent"] * 5


def test_what_is_sent_is_written_down_before_the_pause_that_a_rate_makes(session, mailbox, set_option, monkeypatch):
    from modules.backorder_email.delivery import rounds

    seen = []

    def pause(_seconds):
        seen.append(states(session))
        session.rollback()

    set_option("backorder_email.rate", "600")
    make_messages(session, 3)
    monkeypatch.setattr(rounds.time, "sleep", pause)
    send_pending()
    assert seen[0] == ["sent", "sending", "sending"]
    assert states(session) == ["sent"] * 3


def test_a_database_that_fails_in_the_middle_is_told_as_a_refusal(session):
    (message,) = make_messages(session, 1)
    worker, _ = take_as(session, "worker")
    db.session.rollback()
    placeholders = SendLog(db.engine, worker)
    placeholders.close()
    with pytest.raises(ErpError):
        placeholders.turn(NOBODY, message.id)


@pytest.mark.option("backorder_email.rate", "0")
def test_without_a_rate_no_message_waits(session, mailbox, monkeypatch):
    from modules.backorder_email.delivery import rounds

    monkeypatch.delattr(rounds.time, "sleep")
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


def test_an_interruption_in_the_middle_of_a_message_leaves_a_doubt(session, mailbox, monkeypatch):
    from modules.backorder_email.delivery.transports import SmtpTransport

    def interrupted(self, connection):
        raise KeyboardInterrupt

    monkeypatch.setattr(SmtpTransport, "_answer", interrupted)
    make_messages(session, 2)
    with pytest.raises(KeyboardInterrupt):
        send_pending()
    assert states(session) == ["uncertain", "pending"]


def take_as(session, name):
    """Claim all that is due as a worker of that name, and return its full name and the messages. Commits."""
    worker = f"{name}:{life_of_database(session)}"
    found = take_batch(session, worker, limit=10)
    session.commit()
    return worker, found.messages


def begin(worker, message_id, *, sent=NOBODY):
    """Mark that a worker begins a message, as it does between two of them."""
    db.session.rollback()
    placeholders = SendLog(db.engine, worker)
    try:
        return placeholders.turn(sent, message_id)
    finally:
        placeholders.close()


@pytest.mark.parametrize(("silence", "before", "after"), [
    pytest.param("2 min", "12:02:00", "12:02:01", marks=pytest.mark.option("backorder_email.worker_timeout", "2 min")),
    pytest.param("9 min", "12:09:00", "12:09:01", marks=pytest.mark.option("backorder_email.worker_timeout", "9 min")),
])  # fmt: skip
def test_what_a_dead_worker_had_claimed_is_taken_back(session, mailbox, at, set_option, silence, before, after):
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
    doubted = messages(session)[0]
    assert doubted.last_error.startswith("The worker stopped while it handed the message over")


def test_what_was_claimed_before_the_database_started_anew_is_in_doubt(session, mailbox, at):
    make_messages(session, 2)
    take_batch(session, "dead:of another life", limit=10)
    session.commit()
    at("2026-11-23T12:10:01Z")
    send_pending()
    assert states(session) == ["uncertain", "uncertain"]
    assert mailbox.taken == []


def test_a_slow_worker_does_not_send_what_was_taken_back_from_it(session, mailbox, at):
    make_messages(session, 2)
    worker, slow = take_as(session, "slow")
    at("2026-11-23T12:11:00Z")
    send_pending()
    assert states(session) == ["sent", "sent"]
    assert [begin(worker, outgoing.id) for outgoing in slow] == [False, False]


@pytest.mark.parametrize("by_mark", [True, False])
def test_a_slow_worker_that_comes_back_settles_its_doubt(session, at, by_mark):
    make_messages(session, 2)
    worker, (outgoing, other) = take_as(session, "slow")
    assert begin(worker, outgoing.id)
    at("2026-11-23T12:11:00Z")
    services.recover(session)
    session.commit()
    assert states(session) == ["uncertain", "pending"]
    if by_mark:
        assert not begin(worker, other.id, sent=outgoing.id)
    else:
        services.settle(session, outgoing.id, worker, Outcome(Ending.sent))
        session.commit()
    assert states(session) == ["sent", "pending"]
    assert messages(session)[0].attempts == 1


def test_a_message_taken_back_while_it_is_addressed_does_not_leave(session, mailbox, monkeypatch):
    turn = SendLog.turn

    def too_late(self, sent, next_):
        turn(self, sent, next_)
        return False

    make_message(session)
    monkeypatch.setattr(SendLog, "turn", too_late)
    send_pending()
    assert mailbox.taken == []


def test_one_message_that_cannot_be_written_does_not_stop_the_others(session, mailbox, monkeypatch):
    from modules.backorder_email.delivery import rounds

    first = make_messages(session, 3)[0].id
    compose = rounds.compose

    def broken(outgoing, *more):
        if outgoing.id == first:
            raise ValueError("odd")
        return compose(outgoing, *more)

    monkeypatch.setattr(rounds, "compose", broken)
    send_pending()
    assert states(session) == ["failed", "sent", "sent"]
    assert messages(session)[0].last_error == "It cannot be written as an email: odd"
