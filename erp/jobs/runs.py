"""One run of one job: alone, recorded, and marked as lost where it died."""

from __future__ import annotations

import logging
import os
import socket
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from erp import clock, events, logs
from erp.db import commit, db, reading
from erp.errors import ErpError, JobRunning, ModuleOff
from erp.jobs import locks
from erp.jobs.schedule import status_of
from erp.models import Job, JobRun, JobRunState, RunKind
from erp.registry import JobEntry, current_registry
from erp.text import say

log = logging.getLogger(__name__)

# How many runs of each job are kept.
KEPT_RUNS = 1000


@dataclass(frozen=True)
class Result:
    """How a run ended: `summary` is what the job returned; the first line of `error` says why it failed."""

    state: JobRunState
    summary: str = ""
    error: str = ""


def worker_name() -> str:
    """Return the name of this process in the records."""
    return f"{socket.gethostname()}:{os.getpid()}"


def run(name: str) -> Result:
    """Run a job now. Raises NotFound, ModuleOff where its module is off, and JobRunning where it runs already."""
    registry = current_registry()
    job = registry.live_thing(registry.jobs, "job", name)
    with _alone(name):
        return _run(job)


def run_if_due(name: str) -> Result | None:
    """Run a job if it is still due and not running; return None otherwise, or where its module is off."""
    registry = current_registry()
    try:
        with _alone(name):
            with reading():
                status = status_of(db.session(), name)
                db.session.rollback()
            if status.next_at is None or status.next_at > clock.now():
                return None
            return _run(registry.jobs[name].thing)
    except (JobRunning, ModuleOff):
        return None


@contextmanager
def _alone(name: str) -> Iterator[None]:
    lock = locks.lock(_lock_name(name))
    try:
        if not lock.take():
            raise JobRunning(name)
        yield
    finally:
        lock.release()


def _lock_name(job: str) -> str:
    return f"job-{job}"


def _run(job: JobEntry) -> Result:
    run_id = commit(partial(_begin, name=job.name))
    result = Result(JobRunState.failed, error=say("It was interrupted."))
    try:
        with logs.within(f"job {job.name} {run_id}"):
            result = _work(job)
    finally:
        commit(partial(_finish, run_id=run_id, result=result))
    return result


def _work(job: JobEntry) -> Result:
    try:
        with events.run(RunKind.job, job.name):
            return Result(JobRunState.done, summary=commit(job.run) or "")
    except ErpError as error:
        log.warning("job %s failed: %s", job.name, error)
        return Result(JobRunState.failed, error=str(error))
    except (Exception, SystemExit) as error:  # a job that fails must not stop the others; its run keeps the error
        log.exception("job %s failed", job.name)
        trace = "".join(traceback.format_exception(error))
        return Result(JobRunState.failed, error=f"{type(error).__name__}: {error}\n\n{trace}")


def _begin(session: Session, name: str) -> int:
    """Record that the job runs. This process holds its lock, so a run that is still open has died."""
    _lose(session, session.scalars(select(JobRun).where(JobRun.job == name, JobRun.state == JobRunState.running)).all())
    session.execute(update(Job).where(Job.name == name).values(run_requested_at=None))
    run = JobRun(job=name, state=JobRunState.running, worker=worker_name())
    session.add(run)
    session.flush()
    _forget_old_runs(session, name)
    return run.id


def _forget_old_runs(session: Session, name: str) -> None:
    of_job = select(JobRun.id).where(JobRun.job == name)
    last_kept = session.scalar(of_job.order_by(JobRun.id.desc()).offset(KEPT_RUNS).limit(1))
    if last_kept is not None:
        session.execute(delete(JobRun).where(JobRun.job == name, JobRun.id <= last_kept))


def _finish(session: Session, run_id: int, result: Result) -> None:
    values = {"state": result.state, "summary": result.summary, "error": result.error, "finished_at": clock.now()}
    session.execute(update(JobRun).where(JobRun.id == run_id).values(values))


def mark_lost_runs() -> list[str]:
    """Mark the runs whose process died as lost; return the names of their jobs."""
    with reading():
        running = db.session.scalars(select(JobRun).where(JobRun.state == JobRunState.running)).all()
        dead = [run.id for run in running if locks.is_free(_lock_name(run.job))]
        db.session.rollback()
    return commit(partial(_lose_by_id, ids=dead)) if dead else []


def _lose_by_id(session: Session, ids: list[int]) -> list[str]:
    still_open = select(JobRun).where(JobRun.id.in_(ids), JobRun.state == JobRunState.running)
    return _lose(session, session.scalars(still_open.with_for_update()).all())


def _lose(session: Session, runs: Sequence[JobRun]) -> list[str]:
    for run in runs:
        log.warning("a run of job %s on %s died", run.job, run.worker)
        run.state, run.finished_at = JobRunState.lost, clock.now()
        run.error = say("The process {worker} died.", worker=run.worker)
    session.flush()
    return [run.job for run in runs]
