"""Settings > Jobs: what runs on a schedule, its last runs, and buttons to run it now, pause and resume it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, abort, flash, g, make_response, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy.orm import Session

from erp import jobs
from erp.admin import versions
from erp.admin.access import only_read
from erp.admin.page import Page
from erp.errors import ErpError
from erp.models import JobRun
from erp.options import Duration
from erp.registry import current_registry
from erp.text import Translatable, say

RUNS_SHOWN = 50
REFRESH_SECONDS = 2
_UNITS = {"s": say("s"), "min": say("min"), "h": say("h"), "day": say("day"), "days": say("days")}
ACTIONS = {
    "run": (jobs.request_run, say("{job} was requested: the worker starts it within seconds.")),
    "pause": (jobs.pause, say("{job} is paused until it is resumed.")),
    "resume": (jobs.resume, say("{job} runs on its schedule again.")),
}


class JobsPage(Page):
    """The jobs of the modules that are on."""

    view_name = "erp.job"
    title = "Jobs"
    url = "/settings/jobs"
    icon = "fa-clock-o"

    @expose("/")
    def index_view(self) -> Response:
        """Show every job with its last run and its next."""
        _mark_lost_runs()
        return self._show("erp/settings/jobs.html", jobs.overview(self.session()))

    @expose("/<job_name>/")
    def details_view(self, job_name: str) -> ResponseReturnValue:
        """Show the last runs of a job."""
        return self._show_job(job_name) if self._exists(job_name) else abort(404)

    def _show_job(self, job_name: str) -> Response:
        _mark_lost_runs()
        status = jobs.status_of(self.session(), job_name)
        runs = jobs.runs_of(self.session(), [job_name], limit=RUNS_SHOWN)
        option = current_registry().jobs[job_name].thing.every
        return self._show("erp/settings/job.html", [status], status=status, runs=runs, option=option)

    def _show(self, template: str, statuses: list[jobs.JobStatus], **more: Any) -> Response:
        is_led = jobs.is_led()
        opened = {status.name: versions.as_field(_parts(status)) for status in statuses}
        answer = make_response(
            self.render(template, statuses=statuses, is_led=is_led, every=_every, took=_took, opened=opened, **more)
        )
        # The page of a running job reloads, so that the user who pressed Run now sees its result.
        if is_led and any(status.is_running or status.is_requested for status in statuses):
            answer.headers["Refresh"] = str(REFRESH_SECONDS)
        return answer

    @expose("/<job_name>/<action>/", methods=("POST",))
    def action(self, job_name: str, action: str) -> ResponseReturnValue:
        """Ask for a run, pause or resume."""
        if action not in ACTIONS or not self._exists(job_name):
            return abort(404)
        work, message = ACTIONS[action]
        is_on_page = request.form.get("back") == "details"
        try:
            self.do(action, lambda session: _if_unchanged(session, job_name, work))
        except ErpError as error:
            only_read()
            flash(str(error), "error")
            answer = self._show_job(job_name) if is_on_page else self.index_view()
            answer.status_code = 409
            return answer
        flash(say(str(message), job=job_name), "success")
        return redirect(self.get_url(".details_view", job_name=job_name) if is_on_page else self.get_url(".index_view"))

    def _exists(self, name: str) -> bool:
        registry = current_registry()
        return name in registry.jobs and registry.is_live(registry.jobs[name].module)


def _parts(status: jobs.JobStatus) -> versions.Parts:
    return {versions.PAGE: {say("{status} is paused", status=status.name): status.is_paused}}


def _if_unchanged(session: Session, name: str, work: Callable[[Session, str], None]) -> None:
    with versions.unchanged(session, lambda: _parts(jobs.status_of(session, name))):
        work(session, name)


def _mark_lost_runs() -> None:
    """Mark the runs of dead workers as lost, which no worker may be left to do, so that none is shown as running."""
    g.erp_reading = False
    try:
        jobs.mark_lost_runs()
    finally:
        g.erp_reading = True


def _every(status: jobs.JobStatus) -> Translatable:
    number, _, unit = Duration(name="", default=status.every, help="").format(status.every).partition(" ")
    return say("{number} {unit}", number=number, unit=_UNITS[unit])


def _took(run: JobRun) -> str:
    """Return how long a run took, as text; empty while it runs."""
    if run.finished_at is None:
        return ""
    seconds = (run.finished_at - run.started_at).total_seconds()
    return (
        f"{seconds:.1f} s"
        if seconds < 60
        else say("{seconds} min {seconds_} s", seconds=int(seconds // 60), seconds_=int(seconds % 60))
    )
