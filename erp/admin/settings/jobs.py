"""Settings > Jobs: what runs on a schedule, its last runs, and buttons to run it now, pause and resume it."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, g, make_response, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from erp import jobs
from erp.admin.page import Page
from erp.errors import ErpError
from erp.models import JobRun
from erp.options import Duration
from erp.registry import current_registry

RUNS_SHOWN = 50
REFRESH_SECONDS = 2
ACTIONS = {
    "run": (jobs.request_run, "{} is asked for: the worker starts it within seconds."),
    "pause": (jobs.pause, "{} is paused until it is resumed."),
    "resume": (jobs.resume, "{} runs on its schedule again."),
}


class JobsPage(Page):
    """The jobs of the modules that are on."""

    view_name = "erp.job"
    title = "Jobs"
    url = "/settings/jobs"
    icon = "fa-clock-o"
    needs_no_version = {"action": "A job that is asked for, paused or resumed twice is so once."}

    @expose("/")
    def index_view(self) -> ResponseReturnValue:
        """Show every job with its last run and its next."""
        _mark_lost_runs()
        return self._show("erp/settings/jobs.html", jobs.overview(self.session()))

    @expose("/<job_name>/")
    def details_view(self, job_name: str) -> ResponseReturnValue:
        """Show the last runs of a job."""
        if not self._exists(job_name):
            return abort(404)
        _mark_lost_runs()
        status = jobs.status_of(self.session(), job_name)
        runs = jobs.runs_of(self.session(), [job_name], limit=RUNS_SHOWN)
        option = current_registry().jobs[job_name].thing.every
        return self._show("erp/settings/job.html", [status], status=status, runs=runs, option=option)

    def _show(self, template: str, statuses: list[jobs.JobStatus], **more: Any) -> ResponseReturnValue:
        is_led = jobs.is_led()
        answer = make_response(
            self.render(template, statuses=statuses, is_led=is_led, every=_every, took=_took, **more)
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
        try:
            self.do(action, lambda session: work(session, job_name))
            flash(message.format(job_name), "success")
        except ErpError as error:
            flash(str(error), "error")
        back = request.form.get("back") == "details"
        return redirect(self.get_url(".details_view", job_name=job_name) if back else self.get_url(".index_view"))

    def _exists(self, name: str) -> bool:
        registry = current_registry()
        return name in registry.jobs and registry.is_live(registry.jobs[name].module)


def _mark_lost_runs() -> None:
    """Mark the runs of dead workers as lost, which no worker may be left to do, so that none is shown as running."""
    g.erp_reading = False
    try:
        jobs.mark_lost_runs()
    finally:
        g.erp_reading = True


def _every(status: jobs.JobStatus) -> str:
    return Duration(name="", default=status.every, help="").format(status.every)


def _took(run: JobRun) -> str:
    """Return how long a run took, as text; empty while it runs."""
    if run.finished_at is None:
        return ""
    seconds = (run.finished_at - run.started_at).total_seconds()
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"
