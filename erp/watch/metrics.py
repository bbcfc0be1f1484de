"""The numbers that Prometheus reads. This file alone needs prometheus-client, and is imported only where it is on.

Each process counts its own requests; several share a folder, which PROMETHEUS_MULTIPROC_DIR names and `erp serve`
makes. Everything else is read from the database when it is asked for, and so is right in every process.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from flask import Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from erp import clock, jobs
from erp.checks import check_invariants
from erp.jobs import JobStatus
from erp.models import JobRunState, RunEntry
from erp.registry import job_name
from erp.watch.troubles import queues

FOLDER = "PROMETHEUS_MULTIPROC_DIR"


class Metrics:
    """What one process counts."""

    def __init__(self) -> None:
        self._own = CollectorRegistry()
        names = ("method", "endpoint", "status")
        self._requests = Counter("erp_requests", "Requests that were answered.", names, registry=self._own)
        self._seconds = Histogram("erp_request_seconds", "How long answers took.", ("method",), registry=self._own)

    def count(self, response: Response) -> None:
        """Count an answer; an address that there is not counts without its name."""
        method = request.method if request.method in ("GET", "HEAD", "POST") else "other"
        self._requests.labels(method, request.endpoint or "none", str(response.status_code)).inc()
        self._seconds.labels(method).observe(g.erp_seconds())

    def text(self, session: Session) -> bytes:
        """Return all numbers in the form that Prometheus reads."""
        stored = CollectorRegistry()
        stored.register(_Stored(session))
        counted = self._own
        if os.environ.get(FOLDER):
            counted = CollectorRegistry()
            MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
        return generate_latest(counted) + generate_latest(stored)


class _Stored(Collector):
    """What the database says of jobs, checks, queues and runs."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def describe(self) -> Iterable[Metric]:
        """Name nothing before it is asked for."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield the numbers of jobs, checks, queues and runs as they are now."""
        statuses = jobs.overview(self._session)
        yield from _of_jobs(statuses)
        yield from _of_queues(self._session)
        yield from _of_checks(statuses)
        runs = self._session.scalar(select(func.max(RunEntry.id))) or 0
        yield GaugeMetricFamily("erp_runs", "Actions, commands and jobs that changed something.", runs)
        yield GaugeMetricFamily("erp_worker_up", "Whether a worker leads.", int(jobs.is_led()))


def _of_jobs(statuses: list[JobStatus]) -> list[Metric]:
    failed = GaugeMetricFamily("erp_job_failed", "Whether the last run failed or died.", labels=["job"])
    seconds = GaugeMetricFamily("erp_job_seconds", "How long the last run took.", labels=["job"])
    age = GaugeMetricFamily("erp_job_age_seconds", "How long ago the last run began.", labels=["job"])
    running = GaugeMetricFamily("erp_job_running", "Whether the job runs now.", labels=["job"])
    for status in statuses:
        running.add_metric([status.name], int(status.is_running))
        if (last := status.last) is not None:
            failed.add_metric([status.name], int(last.state in (JobRunState.failed, JobRunState.lost)))
            age.add_metric([status.name], (clock.now() - last.started_at).total_seconds())
            if last.finished_at is not None:
                seconds.add_metric([status.name], (last.finished_at - last.started_at).total_seconds())
    return [failed, seconds, age, running]


def _of_queues(session: Session) -> list[Metric]:
    number = GaugeMetricFamily("erp_queue_waiting", "How many entries are due.", labels=["queue"])
    age = GaugeMetricFamily("erp_queue_oldest_seconds", "How long the oldest is due.", labels=["queue"])
    for name, waiting in queues(session).items():
        number.add_metric([name], waiting.number)
        late = clock.now() - waiting.oldest if waiting.oldest is not None else None
        age.add_metric([name], late.total_seconds() if late is not None else 0)
    return [number, age]


def _of_checks(statuses: list[JobStatus]) -> list[Metric]:
    last = next(status.last for status in statuses if status.name == job_name(check_invariants))
    if last is None or last.state == JobRunState.running:
        return []
    sound = int(last.state == JobRunState.done)
    return [GaugeMetricFamily("erp_checks_sound", "Whether the last check found no breach.", sound)]
