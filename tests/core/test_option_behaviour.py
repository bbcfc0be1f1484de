"""Every option is shown by tests to govern what it says it governs, on either side."""

from __future__ import annotations

from collections import defaultdict

import pytest

from erp import core, discovery, jobs
from erp.app import create_app
from erp.db import db
from erp.models import JobRun, JobRunState
from tests.core.test_worker import MODULES
from tests.support import shown_options

FOUND = discovery.find()
DECLARED = {
    f"{section}.{option.name}": option
    for section, options in {core.NAME: core.OPTIONS, **{m.name: m.options for m in FOUND.manifests.values()}}.items()
    for option in options
}
MOST_CHOICES = 10


def shown():
    """Return the marked values of each option; a mark without one shows two of its own."""
    values = defaultdict(set)
    for key, named, _ in shown_options.option_demonstrations():
        values[key] |= set(named) or {"one value", "another value"}
    return values


@pytest.mark.parametrize("key", DECLARED)
def test_an_option_is_shown_on_both_sides(key):
    option, values = DECLARED[key], shown()[key]
    choices = {"yes", "no"} if option.kind == "switch" else set(getattr(option, "choices", ()))
    if len(choices) <= MOST_CHOICES:
        assert choices <= values, f"no test is marked as showing {key} = {sorted(choices - values)}"
    assert len(values) >= 2, f"no two tests are marked as showing what {key} governs"


def test_every_mark_names_an_option_and_values_that_exist():
    for key, values, place in shown_options.option_demonstrations():
        assert key in DECLARED, place
        for value in values:
            assert DECLARED[key].format(DECLARED[key].parse(value)) == value, place


def test_a_mark_that_is_not_true_is_reported(app):
    from erp.options import options

    with shown_options.noted() as read:
        assert options.sales.backorders
    backorders, covered = "sales.backorders", "sales.cancel_covered"
    marked = [(backorders, "yes"), (backorders, "no"), (backorders,), (covered, "no")]
    assert shown_options.unread(marked, read) == [
        "sales.backorders = no",
        "sales.cancel_covered = no",
        "a second value of sales.backorders",
    ]


# How often jobs run


@pytest.mark.parametrize(("job", "option"), [
    pytest.param(
        "run-imports", "erp.import_every", marks=pytest.mark.option("erp.import_every", "20 min", "2 h")
    ),
    pytest.param("back-up", "erp.backup_every", marks=pytest.mark.option("erp.backup_every", "20 min", "2 h")),
    pytest.param("check-invariants", "erp.check_every",
                 marks=pytest.mark.option("erp.check_every", "20 min", "2 h")),
    pytest.param("refresh-statistics", "erp.statistics_every",
                 marks=pytest.mark.option("erp.statistics_every", "20 min", "2 h")),
    pytest.param("report-troubles", "erp.report_every",
                 marks=pytest.mark.option("erp.report_every", "20 min", "2 h")),
    pytest.param("allocate-backorders", "sales.allocate_every",
                 marks=pytest.mark.option("sales.allocate_every", "20 min", "2 h")),
    pytest.param("delete-past-quotes", "sales.clear_quotes_every",
                 marks=pytest.mark.option("sales.clear_quotes_every", "20 min", "2 h")),
    pytest.param("deliver-webhooks", "api.deliver_every",
                 marks=pytest.mark.option("api.deliver_every", "20 min", "2 h")),
    pytest.param("cancel-overdue-backorders", "sales.cancel_every",
                 marks=pytest.mark.option("sales.cancel_every", "20 min", "2 h")),
    pytest.param("launch-preorders", "preorder.launch_every",
                 marks=pytest.mark.option("preorder.launch_every", "20 min", "2 h")),
    pytest.param("remind-of-returns", "returns.remind_every",
                 marks=pytest.mark.option("returns.remind_every", "20 min", "2 h")),
    pytest.param("forget-answers", "api.forget_every",
                 marks=pytest.mark.option("api.forget_every", "20 min", "2 h")),
    pytest.param("write-exports", "api.export_every",
                 marks=pytest.mark.option("api.export_every", "20 min", "2 h")),
    pytest.param("send-pending-emails", "backorder_email.send_interval",
                 marks=pytest.mark.option("backorder_email.send_interval", "20 min", "2 h")),
])  # fmt: skip
def test_a_job_runs_as_often_as_its_option_says(session, set_option, at, job, option):
    set_option(option, "20 min")
    jobs.run(job)
    at("2026-11-23T12:30:00Z")
    set_option(option, "2 h")
    assert jobs.run_if_due(job) is None
    set_option(option, "20 min")
    assert jobs.run_if_due(job).state == JobRunState.done
    assert session.query(JobRun).count() == 2


@pytest.mark.option("erp.module_path", "", "tests/core/worker_modules")
def test_modules_come_from_the_folders_of_the_module_path(tmp_path, monkeypatch):
    monkeypatch.setenv("SLOWPOKE_FILE", str(tmp_path / "events.txt"))
    for folders, is_there in (("", False), (str(MODULES), True)):
        app = create_app(environment={"ERP_INSTANCE": str(tmp_path), "ERP_ERP__MODULE_PATH": folders})
        assert ("slowpoke" in app.extensions["erp"].modules) is is_there
        with app.app_context():
            db.engine.dispose()
