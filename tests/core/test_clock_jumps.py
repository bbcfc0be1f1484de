"""A clock that jumps ahead or back stops nothing and locks nobody."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from erp import clock, throttling
from erp.jobs import schedule
from erp.models import JobRun, JobRunState
from modules.backorder_email import services
from modules.backorder_email.delivery import compose_lost_runs, send_on_schedule
from modules.backorder_email.states import MessageState
from modules.preorder.services import allocate_by_hand
from tests.support.backorder_email import make_message, make_supply, messages

NOW = datetime.fromisoformat("2026-11-23T12:00:00Z")
MONTH = timedelta(days=30)


@pytest.mark.parametrize(
    ("started", "is_due"),
    [(-timedelta(days=2), True), (-timedelta(seconds=1), False), (timedelta(seconds=30), False), (MONTH, True)],
)
def test_a_job_that_began_while_the_clock_was_ahead_is_due_now(session, started, is_due):
    run = JobRun(job="send-pending-emails", state=JobRunState.done, worker="x", started_at=NOW + started)
    session.add(run)
    session.flush()
    assert (schedule.status_of(session, "send-pending-emails").next_at <= NOW) is is_due


def test_failures_that_were_counted_while_the_clock_was_ahead_lock_nobody(session, at):
    at("2026-12-23T12:00:00Z")
    for _ in range(60):
        throttling.count_failure(session, "carla", "10.0.0.1")
    assert throttling.is_throttled(session, "carla", "10.0.0.1")
    at("2026-11-23T12:00:00Z")
    assert not throttling.is_throttled(session, "carla", "10.0.0.1")
    throttling.forget_failures(session, "carla", "10.0.0.1")
    at("2026-12-23T12:00:00Z")
    assert not throttling.is_throttled(session, "carla", "10.0.0.1")


@pytest.mark.parametrize("when", ["2026-10-23T12:00:00Z", "2027-11-23T12:00:00Z"])
def test_a_lock_that_was_set_holds_nobody_after_a_jump(session, at, when):
    for _ in range(5):
        throttling.count_failure(session, "carla", "10.0.0.1")
    at(when)
    assert not throttling.is_throttled(session, "carla", "10.0.0.1")


@pytest.mark.parametrize("field", ["next_attempt_at", "news_at"])
@pytest.mark.parametrize("ahead", [MONTH, timedelta(days=400)])
def test_an_email_that_was_to_wait_by_a_clock_that_was_ahead_leaves(session, field, ahead):
    make_message(session, **({"news_at": NOW - MONTH} | {field: NOW + ahead}))
    assert "1 email sent" in send_on_schedule()


def test_an_email_that_waits_by_the_right_clock_still_waits(session):
    make_message(session, news_at=NOW - MONTH, next_attempt_at=NOW + timedelta(hours=20))
    make_message(session, news_at=NOW - timedelta(minutes=1))
    assert "0 emails sent" in send_on_schedule()


def test_an_email_that_was_taken_while_the_clock_was_ahead_is_recovered(session):
    make_message(session, state=MessageState.sending, taken_by="gone", taken_at=NOW + MONTH)
    assert services.recover(session) == 1
    session.commit()
    assert messages(session)[0].state in (MessageState.pending, MessageState.uncertain)


def test_news_that_was_written_while_the_clock_was_ahead_is_composed(session, at):
    at("2026-12-23T12:00:00Z")
    supply = make_supply(session)
    allocate_by_hand(session, {(supply.line.id, supply.purchase_line.id): Decimal(2)})
    session.commit()
    at("2026-11-23T12:00:00Z")
    assert compose_lost_runs() == 1


def test_the_clocks_of_two_hosts_may_differ_a_little(session):
    assert timedelta(minutes=1) == clock.SKEW
    session.add(JobRun(job="check", state=JobRunState.done, worker="x", started_at=NOW + clock.SKEW))
    session.flush()
    assert session.scalars(select(JobRun.started_at)).one() > NOW
