"""Mail servers and files: how a message leaves, and what is made of the answers."""

import socket
import time
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from erp import clock
from erp.errors import OptionError
from erp.options import OptionTable, options
from erp.registry import current_registry
from modules.backorder_email import services
from modules.backorder_email.delivery import send_pending
from modules.backorder_email.delivery.transports import SmtpTransport
from modules.backorder_email.errors import MailServerUnusable
from modules.backorder_email.states import MessageState
from tests.backorder_email.pages import words
from tests.backorder_email.servers import accepts, free_port, mail_server
from tests.support.backorder_email import (
    make_message,
    make_messages,
    messages,
    states,
)


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


@pytest.mark.option("backorder_email.security", "starttls")
def test_starttls_encrypts(session, point_at, encryption, certificate):
    with mail_server(tls_context=encryption, require_starttls=True) as (box, port):
        point_at(port, security="starttls", ca_file=certificate[0])
        make_message(session)
        send_pending()
        assert states(session) == ["sent"]
        assert box.tls == 1


@pytest.mark.option("backorder_email.ca_file")
def test_a_certificate_that_no_authority_signed_is_not_trusted(session, point_at, encryption, certificate, set_option):
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


@pytest.mark.parametrize(("answer", "state"), [("554 spam", "failed"), ("451 busy", "pending")])
def test_what_the_server_says_to_the_whole_message_counts(session, mailbox, answer, state):
    make_messages(session, 2)
    mailbox.answers = [answer]
    send_pending()
    assert states(session) == [state, "sent"]
    assert messages(session)[0].last_error == answer


def test_a_connection_dropped_after_data_leaves_the_message_uncertain_and_sends_nothing_twice(session, mailbox, at):
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
def test_a_server_that_is_too_slow_leaves_the_message_uncertain(session, mailbox, set_option):
    set_option("backorder_email.timeout", "1 s")
    make_message(session)
    mailbox.delay = 1.5
    send_pending()
    (message,) = messages(session)
    assert message.state is MessageState.uncertain
    assert "timed out" in message.last_error


@pytest.mark.option("backorder_email.timeout", "10 s")
def test_a_slow_server_gets_its_time(session, mailbox):
    make_messages(session, 2)
    mailbox.delay = 0.3
    send_pending()
    assert states(session) == ["sent", "sent"]


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


def test_a_server_that_does_not_answer_is_unusable_after_the_timeout(session, point_at, set_option):
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

    transmit = SmtpTransport._transmit

    def closing(self, envelope, is_mine, while_waiting):
        outcome = transmit(self, envelope, is_mine, while_waiting)
        self._connection.sock.shutdown(socket.SHUT_RDWR)
        return outcome

    monkeypatch.setattr(SmtpTransport, "_transmit", closing)
    make_messages(session, 3)
    send_pending()
    assert states(session) == ["sent"] * 3
    assert mailbox.connections == 3
    assert len(mailbox.taken) == 3


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


def test_the_password_of_the_mail_server_is_no_option(app):
    names = [option.name for option in current_registry().option_table.by_section()["backorder_email"]]
    assert "user" in names
    assert not [name for name in names if "password" in name or "secret" in name]


@pytest.mark.parametrize("option", ["sender", "reply_to"])
@pytest.mark.parametrize(
    ("value", "reason"), [("nobody", "it is not of the form"), ("Miller, Sons <o@x.example>", "needs quotes")]
)
def test_a_bad_sender_is_refused_when_it_is_set(session, set_option, option, value, reason):
    with pytest.raises(OptionError, match=reason):
        set_option(f"backorder_email.{option}", value)


@pytest.mark.parametrize("option", ["sender", "reply_to"])
def test_a_bad_sender_in_the_file_or_the_environment_is_refused_at_the_start(app, tmp_path, option):
    declared = current_registry().option_table.by_section()
    ini = tmp_path / "erp.ini"
    ini.write_text(f"[backorder_email]\n{option} = Miller, Sons <o@x.example>\n")
    environment = {f"ERP_BACKORDER_EMAIL__{option.upper()}": "nobody"}
    with pytest.raises(OptionError, match=f'{option} in .*erp.ini.*a name with , needs quotes: "Miller, Sons"'):
        OptionTable(declared, ini)
    with pytest.raises(OptionError, match=f"environment ERP_BACKORDER_EMAIL__{option.upper()}.*not of the form"):
        OptionTable(declared, environment=environment)


@pytest.mark.parametrize("option", ["sender", "reply_to"])
def test_a_bad_sender_is_refused_on_the_screen_with_the_reason(client, option):
    form = {f"backorder_email.{option}": "Miller, Sons <o@x.example>"}
    text = words(client.post("/settings/options/?section=backorder_email", data=form).text)
    assert 'A name with , needs quotes: "Miller, Sons"; an address' in text
    assert options.backorder_email.sender == "erp@localhost"
