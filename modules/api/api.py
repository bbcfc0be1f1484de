"""What the core shows and takes at the HTTP interface: options and jobs for administrators, imports and exports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_login import current_user
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from erp import jobs
from erp.admin.access import may
from erp.api import Change, Computed, Create, Field, File, Input, Kind, Report, Resource, Task, UnknownName, Values
from erp.exchange import export_kinds, run_imports, uploads
from erp.models import ImportFile, JobRunState
from erp.options import store_options
from erp.registry import Core, current_registry, job_name
from erp.text import say
from modules.api import services
from modules.api.errors import ExportKindRefused
from modules.api.models import ExportFile

# The job of this module; those who answer programs do not import jobs.
WRITE_EXPORTS = "write-exports"
_OPTION = (
    Computed("option", Kind.text),
    Computed("value", Kind.text),
    Computed("source", Kind.text),
)
_JOB = (
    Computed("name", Kind.text),
    Computed("module", Kind.text),
    Computed("is_paused", Kind.switch),
    Computed("is_requested", Kind.switch),
    Computed("last_state", Kind.word, words=tuple(JobRunState)),
    Computed("last_summary", Kind.text),
    Computed("next_at", Kind.instant),
)


def _option(key: str) -> dict[str, Any]:
    """Return an option; the value of one that is secret is not shown."""
    registry = current_registry()
    option, found = registry.option_table.option(key), registry.state().options[key]
    return {"option": key, "value": option.format(found.value), "source": found.source}


def _options(_session: Session, _values: Values) -> Sequence[Values]:
    declared = current_registry().option_table.by_section().items()
    return [_option(f"{section}.{option.name}") for section, options in declared for option in options]


def _set_option(session: Session, values: Values) -> Values:
    table = current_registry().option_table
    store_options(session, table, {values["option"]: values["value"]}, user_name=current_user.username)
    return _option(values["option"])


def _job(status: jobs.JobStatus) -> dict[str, Any]:
    last = status.last
    return {
        "name": status.name,
        "module": status.module,
        "is_paused": status.is_paused,
        "is_requested": status.is_requested,
        "last_state": None if last is None else last.state,
        "last_summary": None if last is None else last.summary or last.error,
        "next_at": status.next_at,
    }


def _run_job(session: Session, values: Values) -> Values:
    jobs.request_run(session, values["name"])
    session.flush()
    return _job(jobs.status_of(session, values["name"]))


def _kinds() -> list[str]:
    return [*uploads.live_kinds(may), ""]


def _may_import() -> ColumnElement[bool]:
    return ImportFile.kind.in_(_kinds())


def _receive(session: Session, values: Values) -> int:
    if values["kind"] not in uploads.live_kinds(may):
        raise UnknownName("kind", say("kind of file that you may import"), values["kind"])
    content = values["content"].encode()
    file_id = uploads.receive(session, values["name"], content, kind=values["kind"], user_name=current_user.username)
    jobs.request_run(session, job_name(run_imports))
    return file_id


def _apply(session: Session, id: int, _values: Values) -> None:
    uploads.ask_to_apply(session, id)
    jobs.request_run(session, job_name(run_imports))


def _may_export() -> ColumnElement[bool]:
    return ExportFile.kind.in_([*export_kinds(may), ""])


def _ask_for_export(session: Session, values: Values) -> int:
    if values["kind"] not in export_kinds(may):
        raise ExportKindRefused(values["kind"])
    file = services.ask_for_export(session, values["kind"], current_user.username)
    jobs.request_run(session, WRITE_EXPORTS)
    return file.id


OPTIONS = Report("options", "Options", "erp.options", _OPTION, _options)
SET_OPTION = Task(
    "set-option",
    "Set an option, or drop its value so that the file or the default applies",
    "erp.options",
    _OPTION,
    _set_option,
    (
        Input("option", is_required=True, longest=120, help="Section and name, such as sales.backorders."),
        Input("value", longest=10_000, help="As in the ini file; the value is dropped, without it."),
    ),
)
JOBS = Report(
    "jobs", "Jobs", "erp.jobs", _JOB, lambda session, _values: [_job(status) for status in jobs.overview(session)]
)
RUN_JOB = Task(
    "run-job",
    "Ask for a run of a job: a worker starts it within seconds",
    "erp.jobs",
    _JOB,
    _run_job,
    (Input("name", is_required=True, longest=60),),
)
IMPORTS = Resource(
    name="imports",
    title="Files to import",
    noun="import",
    model=ImportFile,
    permission="erp.import",
    condition=_may_import,
    filters=("state", "kind", "name", "uploaded_at"),
    fields=tuple(
        map(Field, ("name", "size", "kind", "state", "summary", "error", "user_name", "uploaded_at", "finished_at"))
    ),
    writes=(
        Create(
            "Send a CSV file, which a job checks",
            "erp.import",
            _receive,
            (
                Input("name", is_required=True, longest=200, help="The name of the file."),
                Input("kind", is_required=True, longest=60, help="What it is, such as sales_orders."),
                Input("content", is_required=True, longest=10_000_000, help="The text of the file."),
            ),
        ),
        Change("apply", "Let a job import a file that was checked and has no problems", "erp.import", _apply),
    ),
)
EXPORTS = Resource(
    name="exports",
    title="Exports",
    noun="export",
    model=ExportFile,
    permission="erp.export",
    condition=_may_export,
    filters=("state", "kind", "asked_at"),
    fields=tuple(map(Field, ("kind", "state", "size", "error", "user_name", "asked_at", "finished_at"))),
    writes=(
        Create(
            "Ask for a CSV file, which a job writes",
            "erp.export",
            _ask_for_export,
            (Input("kind", is_required=True, longest=60, help="What is exported, such as orders."),),
        ),
    ),
    file=File("The file of an export that is written", "text/csv", services.content_of_export),
)


def register(core: Core) -> None:
    """Register what the core shows and takes."""
    core.add_resource(OPTIONS, SET_OPTION, JOBS, RUN_JOB, IMPORTS, EXPORTS)
