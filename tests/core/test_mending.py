"""`erp init` on tables that somebody has changed by hand."""

from __future__ import annotations

from sqlalchemy import inspect, text

from erp.db import db
from erp.models import JobRun, JobRunState


def change(*statements):
    for statement in statements:
        db.session.execute(text(statement))
    db.session.commit()


def an_index():
    """Return the name of an index of a module's table."""
    found = inspect(db.session.connection()).get_indexes("sales_order_line")
    db.session.rollback()
    return found[0]["name"]


def a_trigger():
    on_table = " ON erp_history_entry" if db.engine.dialect.name == "postgresql" else ""
    return f"erp_history_entry_no_{'rewriting' if on_table else 'update'}", on_table


def test_indexes_and_triggers_are_made_again(app, command):
    index, (trigger, on_table) = an_index(), a_trigger()
    change(
        f"DROP INDEX {index}",
        f"DROP TRIGGER {trigger}{on_table}",
        "DROP INDEX uq_erp_job_run_running",
        "CREATE INDEX uq_erp_job_run_running ON erp_job_run (job)",
    )
    code, out, err = command(app, "init")
    assert (code, err) == (0, "")
    assert {line for line in out.splitlines() if "again" in line} == {
        f"Table erp_history_entry: the trigger {trigger} was made again.",
        "Table erp_job_run: the index uq_erp_job_run_running was made again.",
        f"Table sales_order_line: the index {index} was made again.",
    }
    assert command(app, "check")[0] == 0
    assert "The database is up to date." in command(app, "init")[1]


def test_an_index_that_rows_break_changes_nothing_and_says_what_to_do(app, command, session):
    index = an_index()
    change("DROP INDEX uq_erp_job_run_running", f"DROP INDEX {index}")
    session.add_all(JobRun(job="count", state=JobRunState.running, worker="here:1") for _ in range(2))
    session.commit()
    code, out, err = command(app, "init")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("The index uq_erp_job_run_running of table erp_job_run cannot be made again, so that nothing")
    assert index in command(app, "check")[1]


def test_what_cannot_be_made_again_is_named_with_what_to_do(app, command):
    change("ALTER TABLE erp_user ADD COLUMN nickname VARCHAR(20)")
    code, out, err = command(app, "init")
    assert (code, out) == (1, "Table erp_user: the column nickname is made by no revision.\n")
    assert err.startswith("1 part of the tables, printed above, is not as this program makes it.")
    assert "restore a backup" in err
