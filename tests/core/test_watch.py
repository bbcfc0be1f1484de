"""Watching: health, readiness, numbers for Prometheus, the form of the log, and what administrators hear of."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from datetime import timedelta

import pytest

from erp import clock, jobs, logs, migrations, watch
from erp.app import create_app
from erp.db import db
from erp.errors import ConfigError, ErpError
from erp.jobs import locks
from erp.models import JobRun, JobRunState, User
from erp.registry import CORE, JobEntry, Owned, Queue, Waiting, current_registry
from erp.watch import addresses

NAME = "count-things"


@pytest.fixture
def leader(app):
    """The lock that a worker holds while it leads."""
    lock = locks.lock("worker")
    yield lock
    lock.release()


# Health and readiness


def test_health_answers_without_the_database(app, monkeypatch, count_statements):
    with count_statements() as sent:
        answer = app.test_client().get("/health")
    assert (answer.status_code, answer.json, sent) == (200, {"status": "ok"}, [])


def test_ready_says_whether_a_worker_was_seen_lately(app, leader, monkeypatch):
    browser = app.test_client()
    app.extensions["erp_seen"] = addresses._Seen()
    assert browser.get("/ready").json["worker"] == "none seen lately"
    assert browser.get("/ready").status_code == 503
    assert browser.get("/ready?without=worker").status_code == 200
    assert leader.take()
    ready = browser.get("/ready")
    assert (ready.status_code, set(ready.json.values())) == (200, {"ok"})
    leader.release()
    assert browser.get("/ready").status_code == 200  # another worker has a moment to take over
    monkeypatch.setattr(addresses, "WORKER_MAY_BE_AWAY_SECONDS", 0)
    assert browser.get("/ready").status_code == 503


def test_an_empty_database_and_one_that_is_away_are_not_ready(empty_app, monkeypatch):
    browser = empty_app.test_client()
    ready = browser.get("/ready")
    assert (ready.status_code, ready.json["database"], ready.json["schema"]) == (503, "ok", "missing")

    def fail():
        raise ErpError("The database postgresql://user:secret@host cannot be reached")

    monkeypatch.setattr(migrations, "require_current", fail)
    ready = browser.get("/ready")
    assert (ready.status_code, ready.json) == (503, {"status": "not ready", "database": "cannot be used"})


# What needs an administrator


@pytest.fixture
def add_job(monkeypatch):
    """Return a function that adds a job which fails or not."""

    def add(error=None):
        def count_things(session):
            if error:
                raise error
            return "3 things counted."

        entry = Owned(CORE, JobEntry(NAME, count_things, "erp.check_every"))
        monkeypatch.setitem(current_registry().jobs, NAME, entry)
        return jobs.run(NAME)

    return add


def test_a_failed_job_is_a_trouble_until_it_is_done(add_job, session, leader):
    leader.take()
    add_job(ErpError("The disk is full."))
    assert [trouble.text for trouble in watch.troubles(session)] == [f"Job {NAME} failed: The disk is full."]
    add_job()
    assert watch.troubles(session) == []


def test_breaches_that_the_nightly_check_finds_are_a_trouble(app, session, leader, monkeypatch):
    leader.take()
    assert re.fullmatch(r"No breach found by \d+ checks\.", jobs.run("check-invariants").summary)
    broken = Owned(CORE, lambda session: ["Order SO00001/1: 3 are open and 4 allocated."])
    monkeypatch.setattr(current_registry(), "checks", [*current_registry().checks, broken])
    assert jobs.run("check-invariants").state == JobRunState.failed
    assert [(trouble.kind, trouble.text) for trouble in watch.troubles(session)] == [
        ("Failed checks", "Job check-invariants failed: 1 breach found: Order SO00001/1: 3 are open and 4 allocated.")
    ]


@pytest.mark.option("erp.stuck_after", "1 h", "3 h")
def test_a_queue_is_stuck_when_its_oldest_entry_waits_too_long(session, leader, set_option, monkeypatch):
    leader.take()
    waiting = Waiting(4, clock.now() - timedelta(hours=2))
    monkeypatch.setitem(current_registry().queues, "parcels", Owned(CORE, Queue("parcels", lambda session: waiting)))
    set_option("erp.stuck_after", "1 h")
    assert [trouble.text for trouble in watch.troubles(session)] == [
        "Queue parcels: the oldest entry is due since 2026-11-23 10:00."
    ]
    set_option("erp.stuck_after", "3 h")
    assert watch.troubles(session) == []


def test_administrators_see_troubles_on_the_dashboard(add_job, sign_in):
    add_job(ErpError("The disk is full."))
    page = sign_in("Administrator").get("/").text
    assert re.search(r"Jobs that failed</span><strong>1<", page)
    assert re.search(r"No worker runs</span><strong>1<", page)
    assert "Jobs that failed" not in sign_in("Sales clerk").get("/").text


@pytest.fixture
def mailed(app, session, monkeypatch):
    """The alarms that were sent, and an administrator with an address."""
    admin = session.query(User).filter_by(username="admin").one()
    admin.email = "admin@company.example"
    session.commit()
    sent = []
    monkeypatch.setattr(current_registry(), "alarms", [Owned(CORE, lambda to, alarm: sent.append((to, alarm)))])
    return sent


@pytest.mark.option("erp.alarm_mails", "yes", "no")
def test_administrators_get_one_mail_for_each_change(add_job, mailed, set_option):
    assert jobs.run("report-troubles").summary == "Nothing needs an administrator."
    add_job(ErpError("The disk is full."))
    for _ in range(3):
        assert jobs.run("report-troubles").summary == f"Job {NAME} failed: The disk is full."
    assert [(to, alarm.subject, alarm.text) for to, alarm in mailed] == [
        (["admin@company.example"], "My Company: 1 thing needs you", f"Job {NAME} failed: The disk is full.")
    ]
    add_job(ErpError("The disk is broken."))
    jobs.run("report-troubles")
    assert len(mailed) == 2
    add_job()
    jobs.run("report-troubles")
    set_option("erp.alarm_mails", "no")
    add_job(ErpError("The disk is full."))
    jobs.run("report-troubles")
    assert len(mailed) == 2


def test_an_alarm_that_cannot_be_sent_is_tried_again(add_job, mailed, monkeypatch):
    def refuse(to, alarm):
        raise ErpError("The mail server is away.")

    add_job(ErpError("The disk is full."))
    alarms = current_registry().alarms
    monkeypatch.setattr(current_registry(), "alarms", [Owned(CORE, refuse)])
    assert jobs.run("report-troubles").state == JobRunState.failed
    monkeypatch.setattr(current_registry(), "alarms", alarms)
    jobs.run("report-troubles")
    assert [alarm.text for _, alarm in mailed] == [f"Job {NAME} failed: The disk is full."]


# Numbers


@pytest.fixture
def measured(empty_database, tmp_path):
    """Return a function that gives a company whose numbers Prometheus may read."""
    made = []

    def start(**more):
        settings = {"ERP_DATABASE_URL": empty_database, "ERP_INSTANCE": str(tmp_path), "ERP_ERP__METRICS": "yes"}
        app = create_app(environment={**settings, **more}, testing=True)
        with app.app_context():
            migrations.install_core()
        made.append(app)
        return app

    yield start
    for app in made:
        with app.app_context():
            db.engine.dispose()


@pytest.mark.option("erp.metrics", "yes", "no")
def test_prometheus_reads_numbers_of_requests_jobs_queues_and_checks(measured, app):
    assert app.test_client().get("/metrics").status_code in (302, 404)
    one = measured()
    with one.app_context():
        jobs.run("check-invariants")
    browser = one.test_client()
    browser.get("/health")
    browser.get("/nowhere")
    text = browser.get("/metrics").text
    assert 'erp_requests_total{endpoint="health",method="GET",status="200"} 1.0' in text
    assert 'erp_request_seconds_count{method="GET"} 2.0' in text
    assert 'erp_job_failed{job="check-invariants"} 0.0' in text
    assert 'erp_job_seconds{job="check-invariants"} ' in text
    assert "erp_checks_sound 1.0" in text
    assert "erp_worker_up 0.0" in text


def test_numbers_are_for_this_machine_or_those_with_the_token(measured):
    browser = measured().test_client()
    assert browser.get("/metrics").status_code == 200
    assert browser.get("/metrics", environ_base={"REMOTE_ADDR": "192.0.2.1"}).status_code == 403
    assert browser.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 403
    browser = measured(ERP_METRICS_TOKEN="a token for prometheus").test_client()
    assert browser.get("/metrics").status_code == 403
    assert browser.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 403
    given = {"Authorization": "Bearer a token for prometheus"}
    away = browser.get("/metrics", headers=given, environ_base={"REMOTE_ADDR": "192.0.2.1"})
    assert away.status_code == 200


def test_prometheus_is_imported_only_where_it_is_on(tmp_path):
    code = """if True:
        import os, sys
        from erp.app import create_app
        for switch in ("no", "yes"):
            create_app(environment={**os.environ, "ERP_ERP__METRICS": switch}).test_client().get("/health")
            print("prometheus_client" in sys.modules)
    """
    environment = {**os.environ, "ERP_INSTANCE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


# The log


@pytest.fixture
def logged(monkeypatch, capsys):
    """Return a function that sets up a log and gives the lines that work writes."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    level = root.level

    def write(form, work):
        logs.configure({"ERP_LOG_FORMAT": form}, level="info")
        capsys.readouterr()
        work()
        return capsys.readouterr().err.splitlines()

    yield write
    root.setLevel(level)


def test_a_request_is_logged_with_its_id_and_user_and_without_its_query(app, client, logged):
    asked = {"X-Request-ID": "from-the-proxy"}
    line = json.loads(logged("json", lambda: client.get("/settings/jobs/?token=secret", headers=asked))[-1])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line.pop("time"))
    took = line.pop("message")
    assert re.fullmatch(r"GET /settings/jobs/ 200 \d+ ms", took)
    assert line == {"level": "info", "logger": "erp.requests", "id": "from-the-proxy", "user": "admin"}


def test_an_answer_carries_the_id_of_its_request(app):
    browser = app.test_client()
    assert browser.get("/health", headers={"X-Request-ID": "abc-1"}).headers["X-Request-ID"] == "abc-1"
    made = browser.get("/health", headers={"X-Request-ID": "two words\tand more"}).headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{16}", made)


def test_a_job_is_logged_with_its_run(add_job, session, logged):
    lines = logged("text", lambda: add_job(ErpError("The disk is\nfull.")))
    run = session.query(JobRun).one()
    assert re.fullmatch(
        rf"\S+Z warning erp\.jobs\.runs \[job {NAME} {run.id}\]: job {NAME} failed: The disk is full\.", lines[0]
    )


def test_a_line_of_the_log_cannot_be_forged(app, logged):
    lines = logged("text", lambda: app.test_client().get("/x%0d%0a2026-11-23 error erp: forged%1b[2J"))
    assert len(lines) == 1
    assert "\x1b" not in lines[0] and "\r" not in lines[0]


def test_a_form_of_log_that_there_is_not_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="ERP_LOG_FORMAT: 'xml' is refused; one of text, json is allowed"):
        logs.configure({"ERP_LOG_FORMAT": "xml"}, level="info")
    environment = {**os.environ, "ERP_INSTANCE": str(tmp_path), "ERP_LOG_LEVEL": "loud"}
    done = subprocess.run(
        [sys.executable, "-m", "erp", "check"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "ERP_LOG_LEVEL: 'loud' is refused" in done.stderr
