"""Scheduled jobs: at most one run of a job at a time in the whole installation, even when a worker dies."""

from erp.jobs.locks import is_led
from erp.jobs.runs import Result, mark_lost_runs, run, run_if_due
from erp.jobs.schedule import JobStatus, overview, pause, request_run, resume, runs_of, status_of

__all__ = [
    "JobStatus",
    "Result",
    "is_led",
    "mark_lost_runs",
    "overview",
    "pause",
    "request_run",
    "resume",
    "run",
    "run_if_due",
    "runs_of",
    "status_of",
]
