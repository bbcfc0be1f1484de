"""`erp jobs`: the scheduled jobs, and their runs."""

from __future__ import annotations

from datetime import datetime

import click

from erp import clock
from erp import jobs as schedule
from erp.cli.table import show_table
from erp.db import commit, db
from erp.errors import JobFailed
from erp.jobs import JobStatus
from erp.models import JobRun, JobRunState
from erp.options import Duration
from erp.registry import current_registry


@click.group()
def jobs() -> None:
    """Watch, run and pause the scheduled jobs."""


@jobs.command("list")
def list_jobs() -> None:
    """List the jobs of the modules that are on: how often, when next, how long the last run took, how it ended."""
    schedule.mark_lost_runs()
    rows = [_line(status) for status in schedule.overview(db.session())]
    show_table(("JOB", "MODULE", "EVERY", "NEXT", "LAST", "SECONDS", "RESULT"), rows)


def _line(status: JobStatus) -> tuple[str, ...]:
    last = status.last
    every = Duration(name="every", default=status.every, help="").format(status.every)
    return (
        status.name,
        status.module,
        every,
        _next(status),
        _shown(last.started_at) if last else "never",
        _seconds(last) if last else "",
        _result(last) if last else "",
    )


def _next(status: JobStatus) -> str:
    if status.is_running:
        return "running"
    if status.next_at is None:
        return "paused"
    return "now" if status.next_at <= clock.now() else _shown(status.next_at)


def _result(run: JobRun) -> str:
    words = (run.summary or run.error).strip().splitlines()
    return f"{run.state}: {words[0]}" if words else run.state


def _shown(instant: datetime) -> str:
    return f"{clock.local(instant):%Y-%m-%d %H:%M:%S}"


@jobs.command()
@click.argument("name")
def run(name: str) -> None:
    """Run a job now and wait for it, paused or not."""
    result = schedule.run(name)
    if result.state != JobRunState.done:
        raise JobFailed(name, result.error.splitlines()[0])
    click.echo(f"Job {name} is done. {result.summary}".strip())


@jobs.command()
@click.argument("name", required=False)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="How many runs.")
def history(name: str | None, limit: int) -> None:
    """Show the latest runs, of one job or of all."""
    if name is not None:
        schedule.status_of(db.session(), name)
    schedule.mark_lost_runs()
    names = [name] if name else list(current_registry().jobs)
    rows = [_run_line(one) for one in schedule.runs_of(db.session(), names, limit=limit)]
    show_table(("STARTED", "JOB", "SECONDS", "WORKER", "RESULT"), rows)


def _run_line(run: JobRun) -> tuple[str, ...]:
    return _shown(run.started_at), run.job, _seconds(run), run.worker, _result(run)


def _seconds(run: JobRun) -> str:
    return f"{(run.finished_at - run.started_at).total_seconds():.1f}" if run.finished_at else ""


@jobs.command()
@click.argument("name")
def pause(name: str) -> None:
    """Stop running a job on its schedule until it is resumed."""
    commit(lambda session: schedule.pause(session, name))
    click.echo(f"Job {name} is paused.")


@jobs.command()
@click.argument("name")
def resume(name: str) -> None:
    """Run a paused job on its schedule again."""
    commit(lambda session: schedule.resume(session, name))
    click.echo(f"Job {name} is resumed.")
