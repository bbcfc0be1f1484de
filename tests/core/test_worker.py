"""Workers as processes of their own: each job runs once among them, and what dies is taken over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from erp import jobs, migrations
from erp.app import create_app
from erp.db import commit, db
from erp.models import HistoryEntry, JobRun, JobRunState
from erp.options import store_option
from erp.registry import current_registry

MODULES = Path(__file__).parent / "worker_modules"
PATIENCE_SECONDS = 60

pytestmark = pytest.mark.real_clock


class Company:
    """A database with the slow job alone, and its workers."""

    def __init__(self, url, folder):
        self.file = folder / "events.txt"
        self.file.touch()
        self.workers = []
        settings = {"ERP_DATABASE_URL": url, "ERP_INSTANCE": str(folder), "ERP_ERP__MODULE_PATH": str(MODULES)}
        others = {name: value for name, value in os.environ.items() if not name.startswith("ERP_")}
        self.environment = {**others, **settings, "SLOWPOKE_FILE": str(self.file)}
        self.app = create_app(environment=settings, testing=True)

    def install(self):
        with self.app.app_context():
            migrations.install_core()
            migrations.install("slowpoke")

    def do(self, work):
        """Do something in the company's database while its workers watch."""
        with self.app.app_context():
            commit(work)

    def start_worker(self):
        worker = subprocess.Popen([sys.executable, "-m", "erp", "worker"], env=self.environment)
        self.workers.append(worker)
        return worker

    def events(self):
        """Return what the job wrote so far: (begin or end, process id)."""
        lines = (line.split() for line in self.file.read_text().splitlines())
        return [(word, int(process_id)) for word, process_id in lines]

    def wait_for(self, what):
        """Wait until `what(events)` is true, and return the events."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not what(self.events()):
            assert time.monotonic() < deadline, f"waited in vain; so far: {self.events()}"
            time.sleep(0.05)
        return self.events()

    def has_ended(self, *, run):
        """Say whether the run of this number, counted from the first, is over."""
        with self.app.app_context():
            of_slow_job = select(JobRun.state).where(JobRun.job == "dawdle")
            states = db.session.scalars(of_slow_job.order_by(JobRun.id)).all()
        return len(states) >= run and states[run - 1] is not JobRunState.running

    def is_paused(self):
        """Wait until the worker has read what is new and the job has ended, then watch whether it begins again."""
        time.sleep(1.2)
        before = self.wait_for(lambda events: events[-1][0] == "end")
        time.sleep(2)
        return self.events() == before

    def begins_again(self):
        before = len(self.events())
        self.wait_for(lambda events: len(events) > before and events[-1][0] == "begin")


@pytest.fixture
def company(empty_database, tmp_path):
    """A company with the slow job, once on each database."""
    one = Company(empty_database, tmp_path)
    one.install()
    yield one
    for worker in one.workers:
        worker.kill()
        worker.wait()
    with one.app.app_context():
        db.engine.dispose()


def set_sleeps_long(text):
    def work(session):
        store_option(session, current_registry().option_table, "slowpoke.sleeps_long", text, user_name="admin")

    return work


def test_a_job_runs_once_among_workers_and_another_finishes_it_when_its_worker_is_killed(
    company,
):
    company.do(set_sleeps_long("yes"))
    first, second = company.start_worker(), company.start_worker()
    events = company.wait_for(bool)
    time.sleep(2)
    assert company.events() == events
    leader, other = (first, second) if events[0][1] == first.pid else (second, first)
    company.do(set_sleeps_long("no"))

    killed_at = time.monotonic()
    leader.send_signal(signal.SIGKILL)
    events = company.wait_for(lambda events: ("end", other.pid) in events)
    assert time.monotonic() - killed_at < 15
    assert events[:3] == [("begin", leader.pid), ("begin", other.pid), ("end", other.pid)]
    company.wait_for(lambda events: company.has_ended(run=2))  # it writes its end before the run is recorded
    with company.app.app_context():
        of_slow_job = select(JobRun).where(JobRun.job == "dawdle")
        dead, heir = db.session.scalars(of_slow_job.order_by(JobRun.id).limit(2))
        pieces = select(HistoryEntry.document_name).where(HistoryEntry.document == "slowpoke.piece")
        done = list(db.session.scalars(pieces.order_by(HistoryEntry.id)))
    assert (dead.state, heir.state, heir.summary) == (JobRunState.lost, JobRunState.done, "2 pieces done.")
    assert str(leader.pid) in dead.worker and dead.error == f"The process {dead.worker} died."
    assert done == ["first", "second", "third"]


def test_a_worker_obeys_pauses_and_switches_and_ends_what_runs_when_it_is_stopped(company):
    worker = company.start_worker()
    company.wait_for(lambda events: len(events) >= 3)
    company.do(lambda session: jobs.pause(session, "dawdle"))
    assert company.is_paused()
    company.do(lambda session: jobs.resume(session, "dawdle"))
    company.begins_again()
    company.do(lambda session: current_registry().disable(session, "slowpoke"))
    assert company.is_paused()
    company.do(lambda session: current_registry().enable(session, "slowpoke"))
    company.begins_again()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE_SECONDS) == 0
    words = [word for word, _ in company.events()]
    assert words == ["begin", "end"] * (len(words) // 2)
