"""What administrators get by mail, and when the queue of emails is stuck."""

from __future__ import annotations

import email
from email.policy import SMTP
from pathlib import Path

import pytest

from erp import clock, jobs
from erp.deliveries import Ending, Outcome
from erp.models import JobRunState, User
from erp.registry import CORE, Alarm, JobEntry, Owned, current_registry
from modules.backorder_email import queries
from modules.backorder_email.delivery import send_alarm
from modules.backorder_email.delivery.transports import FileTransport
from modules.backorder_email.errors import AlarmNotSent
from tests.support.backorder_email import make_message


def written(app):
    files = sorted(Path(app.instance_path).glob("outbox/email--*.eml"))
    return [email.message_from_bytes(file.read_bytes(), policy=SMTP) for file in files]


def test_a_failed_job_is_mailed_to_each_administrator_who_has_an_address(app, session, monkeypatch):
    session.query(User).filter_by(username="admin").one().email = "admin@company.example"
    session.commit()

    def break_down(session):
        raise ValueError("no more paper")

    entry = JobEntry("break-down", break_down, "erp.check_every")
    monkeypatch.setitem(current_registry().jobs, "break-down", Owned(CORE, entry))
    jobs.run("break-down")
    before = len(written(app))
    assert jobs.run("report-troubles").state == JobRunState.done
    mail = written(app)[before]
    assert (mail["To"], mail["Subject"]) == ("admin@company.example", "My Company: 1 thing needs you")
    assert mail.get_content().strip() == "Job break-down failed: ValueError: no more paper."
    assert len(written(app)) == before + 1


def test_an_alarm_that_the_server_does_not_take_is_refused(app, monkeypatch):
    monkeypatch.setattr(FileTransport, "send", lambda *_: Outcome(Ending.permanent, "No such user."))
    with pytest.raises(AlarmNotSent, match=r"to the administrator nobody@company\.example was not sent: No such user"):
        send_alarm(["nobody@company.example"], Alarm("Trouble", "Something failed."))


def test_the_queue_counts_what_should_have_left_by_now(session, at, set_option):
    make_message(session)
    session.commit()
    assert queries.waiting(session).number == 0
    made = clock.now()
    at("2026-11-23T13:30:00Z")
    assert (queries.waiting(session).number, queries.waiting(session).oldest) == (1, made)
    set_option("backorder_email.sending", "manual")
    assert (queries.waiting(session).number, queries.waiting(session).oldest) == (1, None)
