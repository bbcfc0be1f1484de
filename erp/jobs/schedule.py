"""When each job runs next, and what users asked of it: to pause, or to run now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, union_all
from sqlalchemy.orm import Session

from erp import clock, history
from erp.models import Job, JobRun, JobRunState
from erp.options import options
from erp.registry import JobEntry, current_registry


@dataclass(frozen=True)
class JobStatus:
    """The status of a job: `next_at` is empty while it runs or is paused, and in the past where it is due."""

    name: str
    module: str
    title: str
    every: timedelta
    is_paused: bool
    is_requested: bool
    last: JobRun | None
    next_at: datetime | None

    @property
    def is_running(self) -> bool:
        """Whether it runs now."""
        return self.last is not None and self.last.state == JobRunState.running


def overview(session: Session) -> list[JobStatus]:
    """Return every job of the modules that are on, in dependency order."""
    registry = current_registry()
    live = [(owned.module, owned.thing) for owned in registry.jobs.values() if registry.is_live(owned.module)]
    return _statuses(session, live)


def status_of(session: Session, name: str) -> JobStatus:
    """Return the status of one job; raise NotFound, or ModuleOff where its module is off."""
    registry = current_registry()
    job = registry.live_thing(registry.jobs, "job", name)
    return _statuses(session, [(registry.jobs[name].module, job)])[0]


def _statuses(session: Session, jobs: Sequence[tuple[str, JobEntry]]) -> list[JobStatus]:
    names = [job.name for _, job in jobs]
    asked = {row.name: row for row in session.scalars(select(Job).where(Job.name.in_(names)))}
    last = _last_runs(session, names)
    return [_status(module, job, asked.get(job.name), last.get(job.name)) for module, job in jobs]


def _last_runs(session: Session, names: Sequence[str]) -> dict[str, JobRun]:
    if not names:
        return {}
    newest = union_all(*(select(func.max(JobRun.id)).where(JobRun.job == name) for name in names))
    return {run.job: run for run in session.scalars(select(JobRun).where(JobRun.id.in_(newest)))}


def _status(module: str, job: JobEntry, asked: Job | None, last: JobRun | None) -> JobStatus:
    section, _, option = job.every.partition(".")
    every: timedelta = getattr(getattr(options, section), option)
    is_requested = asked is not None and asked.run_requested_at is not None
    is_paused = asked is not None and asked.is_paused
    next_at = clock.now() if is_requested else None if is_paused else _after(last, every)
    title = (job.run.__doc__ or job.name).strip().splitlines()[0]
    return JobStatus(job.name, module, title, every, is_paused, is_requested, last, _unless_running(last, next_at))


def _after(last: JobRun | None, every: timedelta) -> datetime:
    # A run that died, or began while the clock was ahead, is repeated at once; else the interval counts from its start.
    if last is None or last.state == JobRunState.lost or last.started_at > clock.now() + clock.SKEW:
        return clock.now()
    return last.started_at + every


def _unless_running(last: JobRun | None, next_at: datetime | None) -> datetime | None:
    return None if last is not None and last.state == JobRunState.running else next_at


def runs_of(session: Session, names: Iterable[str], *, limit: int) -> list[JobRun]:
    """Return the latest runs of these jobs, newest first."""
    newest = select(JobRun).where(JobRun.job.in_(list(names))).order_by(JobRun.id.desc()).limit(limit)
    return list(session.scalars(newest))


def request_run(session: Session, name: str) -> None:
    """Ask the worker to run a job now, even a paused one."""
    status_of(session, name)
    _row(session, name).run_requested_at = clock.now()
    _record(session, name, "run requested")


def pause(session: Session, name: str) -> None:
    """Stop running a job on its schedule until it is resumed."""
    _set_paused(session, name, True, "paused")


def resume(session: Session, name: str) -> None:
    """Run a paused job on its schedule again."""
    _set_paused(session, name, False, "resumed")


def _set_paused(session: Session, name: str, is_paused: bool, action: str) -> None:
    status_of(session, name)
    row = _row(session, name)
    if row.is_paused != is_paused:
        row.is_paused = is_paused
        _record(session, name, action)


def _row(session: Session, name: str) -> Job:
    row = session.get(Job, name, with_for_update=True)
    if row is None:
        row = Job(name=name, is_paused=False)
        session.add(row)
    return row


def _record(session: Session, name: str, action: str) -> None:
    history.record(session, history.Subject("erp.job", None, name), action)
