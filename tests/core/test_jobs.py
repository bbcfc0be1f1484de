"""Jobs: one run at a time, each recorded, taken over where it died."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from erp import clock, jobs
from erp.db import commit, db
from erp.errors import ErpError, JobRunning, ModuleOff, NotFound
from erp.jobs import runs
from erp.models import JobRun, JobRunState, OptionValue, Role, RunEntry, RunKind
from erp.registry import JobEntry, Owned, current_registry

NAME = "count-things"
EVERY = "sales.allocate_every"


class Refused(ErpError):
    """Something that a job may not do."""


@pytest.fixture
def add_job(app):
    """Return a function that adds a job of a module, until the test ends."""
    registry = current_registry()
    added = []

    def add(work, *, name=NAME, module="sales", every=EVERY):
        registry.jobs[name] = Owned(module, JobEntry(name, work, every))
        added.append(name)

    yield add
    for name in added:
        del registry.jobs[name]


def count_things(session):
    """Count things."""
    return "3 things counted."


def latest():
    db.session.rollback()
    return db.session.scalars(select(JobRun).order_by(JobRun.id.desc())).first()


def begin_elsewhere(session, worker="elsewhere:1"):
    """Leave what a worker leaves that dies in the middle of a run."""
    run = JobRun(job=NAME, state=JobRunState.running, worker=worker)
    session.add(run)
    session.commit()
    return run.id


def test_a_run_is_recorded_with_what_the_job_says_of_it(add_job):
    add_job(count_things)
    assert jobs.run(NAME) == jobs.Result(JobRunState.done, summary="3 things counted.")
    run = latest()
    assert (run.job, run.state, run.summary, run.error) == (NAME, JobRunState.done, "3 things counted.", "")
    assert (run.worker, run.finished_at) == (runs.worker_name(), clock.now())


def test_a_failure_is_recorded_and_undoes_what_the_run_did(add_job):
    def fail(session):
        session.add(Role(name="Half done"))
        session.flush()
        raise ZeroDivisionError("nothing to divide by")

    add_job(fail)
    result = jobs.run(NAME)
    assert result.state == JobRunState.failed
    assert result.error.splitlines()[0] == "ZeroDivisionError: nothing to divide by"
    assert "in fail" in latest().error
    assert db.session.scalar(select(Role).where(Role.name == "Half done")) is None


def test_a_refusal_is_recorded_in_its_own_words(add_job):
    def refuse(session):
        raise Refused("There is nothing to count.")

    add_job(refuse)
    assert jobs.run(NAME) == jobs.Result(JobRunState.failed, error="There is nothing to count.")


def test_a_failed_job_stops_neither_itself_for_ever_nor_the_others(add_job, at):
    def fail(session):
        raise Refused("Not now.")

    add_job(fail)
    add_job(count_things, name="count-more")
    at("2026-11-23T12:00:00Z")
    assert jobs.run_if_due(NAME).state == JobRunState.failed
    assert jobs.run_if_due("count-more").state == JobRunState.done
    assert jobs.run_if_due(NAME) is None
    at("2026-11-23T12:10:00Z")
    assert jobs.run_if_due(NAME).state == JobRunState.failed


def test_a_job_never_overlaps_itself(add_job):
    seen = []

    def run_itself(session):
        with pytest.raises(JobRunning):
            jobs.run(NAME)
        seen.append(jobs.run_if_due(NAME))

    add_job(run_itself)
    assert jobs.run(NAME).state == JobRunState.done
    assert seen == [None]
    assert jobs.run(NAME).state == JobRunState.done


def test_the_database_itself_keeps_two_runs_of_a_job_apart(session):
    begin_elsewhere(session)
    session.add(JobRun(job=NAME, state=JobRunState.running, worker="elsewhere:2"))
    with pytest.raises(IntegrityError):
        session.commit()
    session.rollback()


def test_what_is_written_in_a_run_bears_the_run(add_job):
    def write(session):
        from erp.events import current_run

        current_run(session).id(session)

    add_job(write)
    jobs.run(NAME)
    entry = db.session.scalars(select(RunEntry).order_by(RunEntry.id.desc())).first()
    assert (entry.kind, entry.name) == (RunKind.job, NAME)
    assert entry.ended_at is not None


def test_the_job_of_a_module_that_is_off_does_not_run(add_job):
    add_job(count_things, module="backorder_email", every="backorder_email.send_interval")
    assert NAME in {job.name for job in jobs.overview(db.session())}
    commit(lambda session: current_registry().disable(session, "backorder_email"))
    assert NAME not in {job.name for job in jobs.overview(db.session())}
    with pytest.raises(ModuleOff):
        jobs.run(NAME)
    assert jobs.run_if_due(NAME) is None
    assert latest() is None


def test_an_unknown_job_is_not_found(app):
    with pytest.raises(NotFound):
        jobs.run("nowhere")


def test_the_next_run_is_an_interval_after_the_last_and_follows_the_option(add_job, at, set_option):
    add_job(count_things)
    assert jobs.status_of(db.session(), NAME).next_at == clock.now()
    jobs.run(NAME)
    at("2026-11-23T12:00:30Z")
    assert jobs.status_of(db.session(), NAME).next_at == datetime(2026, 11, 23, 12, 10, tzinfo=UTC)
    assert jobs.run_if_due(NAME) is None
    set_option(EVERY, "30 s")
    current_registry().refresh()
    assert jobs.status_of(db.session(), NAME).every == timedelta(seconds=30)
    assert jobs.run_if_due(NAME).state == JobRunState.done


def test_a_paused_job_does_not_run_until_it_is_resumed(add_job):
    add_job(count_things)
    commit(lambda session: jobs.pause(session, NAME))
    assert jobs.status_of(db.session(), NAME).next_at is None
    assert jobs.run_if_due(NAME) is None
    commit(lambda session: jobs.resume(session, NAME))
    assert jobs.run_if_due(NAME).state == JobRunState.done


def test_a_job_that_is_asked_for_runs_now_and_once_even_if_paused(add_job, at):
    add_job(count_things)
    jobs.run(NAME)
    commit(lambda session: jobs.pause(session, NAME))
    at("2026-11-23T12:00:30Z")
    commit(lambda session: jobs.request_run(session, NAME))
    assert jobs.run_if_due(NAME).state == JobRunState.done
    assert jobs.run_if_due(NAME) is None


def test_a_run_whose_process_died_is_marked_and_taken_over_at_once(add_job, session):
    add_job(count_things)
    dead = begin_elsewhere(session)
    assert jobs.status_of(session, NAME).next_at is None
    assert jobs.mark_lost_runs() == [NAME]
    lost = session.get_one(JobRun, dead)
    assert (lost.state, lost.finished_at) == (JobRunState.lost, clock.now())
    assert "elsewhere:1 died" in lost.error
    assert jobs.run_if_due(NAME).state == JobRunState.done
    assert jobs.mark_lost_runs() == []


def test_a_run_that_still_works_is_not_taken_for_dead(add_job):
    seen = []

    def check(session):
        session.rollback()
        seen.append(jobs.mark_lost_runs())

    add_job(check)
    assert jobs.run(NAME).state == JobRunState.done
    assert seen == [[]]


def test_a_new_run_records_that_the_one_before_died(add_job, session):
    add_job(count_things)
    dead = begin_elsewhere(session)
    assert jobs.run(NAME).state == JobRunState.done
    assert session.get_one(JobRun, dead, populate_existing=True).state == JobRunState.lost


def test_an_interrupted_run_does_not_stay_running(add_job):
    def interrupt(session):
        raise KeyboardInterrupt

    add_job(interrupt)
    with pytest.raises(KeyboardInterrupt):
        jobs.run(NAME)
    assert (latest().state, latest().error) == (JobRunState.failed, "It was interrupted.")


def test_old_runs_are_forgotten(add_job, session, monkeypatch):
    monkeypatch.setattr(runs, "KEPT_RUNS", 3)
    add_job(count_things)
    add_job(count_things, name="count-more")
    jobs.run("count-more")
    for _ in range(5):
        jobs.run(NAME)
    assert len(jobs.runs_of(session, [NAME], limit=10)) == 3
    assert len(jobs.runs_of(session, ["count-more"], limit=10)) == 1


def test_the_overview_takes_as_many_statements_for_many_jobs_as_for_one(add_job, count_statements):
    add_job(count_things)
    jobs.overview(db.session())
    with count_statements() as few:
        jobs.overview(db.session())
    for number in range(10):
        add_job(count_things, name=f"count-{number}")
    with count_statements() as many:
        jobs.overview(db.session())
    assert len(many) == len(few)


def test_the_commands_show_run_pause_and_resume(app, add_job, command):
    add_job(count_things)
    assert command(app, "jobs", "run", NAME) == (0, f"Job {NAME} is done. 3 things counted.\n", "")
    assert command(app, "jobs", "pause", NAME)[0] == 0
    code, shown, _ = command(app, "jobs", "list")
    line = next(line for line in shown.splitlines() if line.startswith(NAME))
    assert code == 0
    assert "10 min" in line and "paused" in line and "0.0" in line and "done: 3 things counted." in line
    assert command(app, "jobs", "resume", NAME)[0] == 0
    code, shown, _ = command(app, "jobs", "history", NAME)
    assert code == 0
    assert len(shown.splitlines()) == 2
    assert runs.worker_name() in shown


def test_the_commands_say_what_went_wrong_in_one_line(app, add_job, command):
    def fail(session):
        raise ValueError("one\ntwo")

    add_job(fail)
    assert command(app, "jobs", "run", NAME) == (1, "", f"Job {NAME} failed: ValueError: one.\n")
    for arguments in (("run", "nowhere"), ("history", "nowhere"), ("pause", "nowhere")):
        code, out, err = command(app, "jobs", *arguments)
        assert (code, out) == (1, "")
        assert len(err.splitlines()) == 1 and "nowhere" in err
    assert command(app, "jobs", "dance")[0] == 2


def test_no_option_value_is_needed_for_a_job_to_have_its_interval(add_job):
    add_job(count_things)
    assert db.session.scalar(select(OptionValue)) is None
    assert jobs.status_of(db.session(), NAME).every == timedelta(minutes=10)
