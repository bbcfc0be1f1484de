"""What needs an administrator: jobs that failed, breaches, queues in which something is stuck, no worker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock, jobs
from erp.checks import check_invariants
from erp.jobs import JobStatus
from erp.models import InstalledModule, JobRunState, ModuleState
from erp.options import options
from erp.registry import Waiting, current_registry, job_name
from erp.text import first_line, say, without_stop

FAILED_JOBS = "Jobs that failed"
BREACHES = "Failed checks"
STUCK_QUEUES = "Queues that are stuck"
NO_WORKER = "No worker runs"

SUSPENDED = "Suspended modules"

KINDS = (FAILED_JOBS, BREACHES, STUCK_QUEUES, SUSPENDED, NO_WORKER)


@dataclass(frozen=True)
class Trouble:
    """One thing that needs an administrator: of one of KINDS, in a sentence."""

    kind: str
    text: str


def troubles(session: Session) -> list[Trouble]:
    """Return what needs an administrator now."""
    found = [*_failed_jobs(session), *_stuck_queues(session), *_suspended(session)]
    if not jobs.is_led():
        found.append(Trouble(NO_WORKER, say("No worker runs, so that no job is done: start `erp worker`.")))
    return found


def _failed_jobs(session: Session) -> Iterator[Trouble]:
    for status in jobs.overview(session):
        if status.last is not None and status.last.state == JobRunState.failed:
            is_check = status.name == job_name(check_invariants)
            yield Trouble(BREACHES if is_check else FAILED_JOBS, _failed(status))


def _suspended(session: Session) -> Iterator[Trouble]:
    rows = select(InstalledModule).where(InstalledModule.state == ModuleState.suspended).order_by(InstalledModule.name)
    for row in session.scalars(rows):
        yield Trouble(
            SUSPENDED, say("Module {name} is suspended: {reason}.", name=row.name, reason=without_stop(row.error))
        )


def _failed(status: JobStatus) -> str:
    assert status.last is not None
    error = status.last.error
    reason = without_stop(first_line(error)) if error.strip() else say("no reason is known")
    return say("Job {name} failed: {reason}.", name=status.name, reason=reason)


def _stuck_queues(session: Session) -> Iterator[Trouble]:
    for name, waiting in queues(session).items():
        if waiting.oldest is not None and clock.now() - waiting.oldest > options.erp.stuck_after:
            since = clock.local(waiting.oldest)
            text = say("Queue {name}: the oldest entry is due since {since:%Y-%m-%d %H:%M}.", name=name, since=since)
            yield Trouble(STUCK_QUEUES, text)


def queues(session: Session) -> dict[str, Waiting]:
    """Return what waits in the queue of each module that is on and has one, by the queue's name."""
    registry = current_registry()
    live = {name: owned.thing for name, owned in registry.queues.items() if registry.is_live(owned.module)}
    found = {
        name: registry.contained_apart(queue, f"queue {name}", partial(queue.measure, session), _unmeasured)
        for name, queue in live.items()
    }
    return {name: waiting for name, waiting in found.items() if waiting is not None}


def _unmeasured(_text: str) -> Waiting | None:
    return None
