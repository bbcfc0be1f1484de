"""Settings > Failed jobs: jobs whose last run failed, to be run again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session, aliased
from typing_extensions import override

from erp import jobs
from erp.admin.bulk import BulkAction
from erp.admin.dashboard_parts import WorkQueue
from erp.admin.declarations import Effect, Facts
from erp.admin.screen import Screen
from erp.models import JobRun, JobRunState
from erp.registry import current_registry
from erp.text import say

BAD = (JobRunState.failed, JobRunState.lost)


def _runs(session: Session, ids: Sequence[int]) -> list[JobRun]:
    return list(session.scalars(select(JobRun).where(JobRun.id.in_(ids)).order_by(JobRun.id)))


def _states(session: Session, ids: Sequence[int]) -> Mapping[int, Facts]:
    return {run.id: {say("state of {job}", job=run.job): run.state} for run in _runs(session, ids)}


def _run_again(session: Session, ids: Sequence[int], _form: Any) -> list[Effect]:
    registry, effects = current_registry(), []
    for run in _runs(session, ids):
        owned = registry.jobs.get(run.job)
        if owned is None or not registry.is_live(owned.module):
            effects.append(Effect(run.id, run.job, refusal=say("{job} belongs to a module that is off.", job=run.job)))
            continue
        jobs.request_run(session, run.job)
        effects.append(Effect(run.id, run.job, say("is asked for: the worker starts it within seconds")))
    return effects


class FailedJobScreen(Screen):
    """The last run of each job, where it failed."""

    model = JobRun
    view_name = "erp.failed_job"
    title = "Failed jobs"
    noun = "failed job"
    url = "/settings/failed-jobs"
    icon = "fa-exclamation-circle"
    can_create = can_edit = can_delete = False
    column_list = ("job", "state", "started_at", "finished_at", "worker", "error")
    column_searchable_list = ("job",)
    column_filters = ("job", "state", "started_at", "finished_at", "worker", "error")
    column_default_sort = ("id", True)
    column_sortable_list = ()
    sorted_like = {"started_at": "id"}
    columns_hidden = ("finished_at", "worker")
    list_actions = (
        BulkAction(
            name="run", label="Run again", permission="erp.jobs", icon="fa-refresh", style="primary",
            of_one="Run again", depends_on=_states, change=_run_again,
        ),
    )  # fmt: skip
    empty_message = "The last run of every job went well."

    @override
    def document_title(self, row: Any) -> str:
        return say("{job}, run {id}", job=row.job, id=row.id)

    @override
    def condition(self) -> Any:
        later = aliased(JobRun)
        is_last = ~select(later.id).where(later.job == JobRun.job, later.id > JobRun.id).correlate(JobRun).exists()
        return and_(JobRun.state.in_(BAD), is_last)

    @override
    def details_url(self, row: Any) -> str:
        return str(self.get_url("erp_job.details_view", job_name=row.job))


QUEUES = (WorkQueue("Failed jobs", "erp.failed_job", "erp.jobs"),)
