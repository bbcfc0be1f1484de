"""The worker: any number may run; one leads and runs the jobs on their schedule, the others wait to take over."""

from __future__ import annotations

import logging
import os
import signal
import threading
from datetime import UTC, datetime

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from erp import clock
from erp.db import db, reading
from erp.errors import ErpError
from erp.jobs import locks
from erp.jobs.runs import mark_lost_runs, run_if_due, worker_name
from erp.jobs.schedule import overview

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
THREADS = 4
OVERDUE = datetime(1970, 1, 1, tzinfo=UTC)


class Worker:
    """Runs the jobs that are due until it is stopped.

    The database alone says when a job is due: what users pause, ask for or change in the options acts within a
    second, in whichever process they do it.
    """

    def __init__(self, app: Flask, *, poll_seconds: float = POLL_SECONDS) -> None:
        self.app = app
        self.poll_seconds = poll_seconds
        self._stopping = threading.Event()
        self._planned: dict[str, datetime] = {}
        with app.app_context():
            self._lock = locks.lock(locks.LEADER)

    def run(self) -> None:
        """Lead, or wait to lead, until stop() is called or a signal comes. Running jobs are waited for."""
        log.info("worker %s starts", worker_name())
        while not self._stopping.is_set():
            try:
                if self._lock.take():
                    self._lead()
            except (SQLAlchemyError, ErpError) as error:
                log.warning("the database cannot be used: %s", error)
                self._release()
            except Exception:  # the worker outlives whatever a schedule or a job raises
                log.exception("worker %s begins again", worker_name())
                self._release()
            self._stopping.wait(self.poll_seconds)
        self._lock.release()
        log.info("worker %s stopped", worker_name())

    def _release(self) -> None:
        try:
            self._lock.release()
        except (SQLAlchemyError, ErpError) as error:
            log.warning("the leader's lock could not be released: %s", error)

    def stop(self) -> None:
        """Begin no more jobs, and end when those that run are done."""
        self._stopping.set()

    def obey_signals(self) -> None:
        """Stop on SIGTERM and Ctrl-C; a second Ctrl-C ends at once and leaves what runs to another worker."""

        def obey(number: int, _frame: object) -> None:
            if number == signal.SIGINT and self._stopping.is_set():
                os._exit(128 + number)
            self.stop()

        signal.signal(signal.SIGTERM, obey)
        signal.signal(signal.SIGINT, obey)

    def _lead(self) -> None:
        log.info("worker %s leads", worker_name())
        scheduler = BackgroundScheduler(executors={"default": ThreadPoolExecutor(THREADS)}, timezone="UTC")
        scheduler.start()
        self._planned.clear()
        try:
            while self._lock.is_held() and not self._stopping.is_set():
                self._plan(scheduler)
                self._stopping.wait(self.poll_seconds)
        finally:
            scheduler.shutdown(wait=True)
            self._lock.release()

    def _plan(self, scheduler: BackgroundScheduler) -> None:
        """Bring the schedule in line with the modules, the options and what users asked for."""
        wanted = self._wanted()
        for name in set(self._planned) - set(wanted):
            self._planned.pop(name, None)
            if scheduler.get_job(name):
                scheduler.remove_job(name)
        for name, at in wanted.items():
            if self._planned.get(name) != at:
                self._planned[name] = at
                scheduler.add_job(
                    self._work, "date", [name], id=name, run_date=at, replace_existing=True, misfire_grace_time=None
                )

    def _wanted(self) -> dict[str, datetime]:
        """Return when each job runs next, without those that run or are paused; OVERDUE for those that are due."""
        with self.app.app_context():
            mark_lost_runs()
            with reading():
                statuses = overview(db.session())
        now = clock.now()
        return {job.name: job.next_at if job.next_at > now else OVERDUE for job in statuses if job.next_at is not None}

    def _work(self, name: str) -> None:
        try:
            with self.app.app_context():
                run_if_due(name)
        except (SQLAlchemyError, ErpError) as error:
            log.warning("job %s could not be begun or ended: %s", name, error)
        except Exception:  # it is tried again when it is due again
            log.exception("job %s could not be begun or ended", name)
        finally:
            self._planned.pop(name, None)
