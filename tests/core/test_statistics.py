"""The planner knows how many rows the tables have: after many new ones at once, and when SQLite has counted them."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from erp import migrations
from erp.db import Model, bulk_insert, commit, db, is_postgresql, reading, refresh_statistics

CUSTOMER = ("code", "name", "email", "street", "postcode", "city", "region", "country", "row_version")
RARE = "SELECT id FROM thing WHERE kind = 'rare' ORDER BY id LIMIT 10"


def has_counted(session):
    """Say whether SQLite ever counted its rows."""
    return bool(session.scalar(text("SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_stat1'")))


def known_rows(table):
    """Return how many rows the planner takes a table for; 0 where it knows nothing."""
    session = db.session()
    if is_postgresql(session):
        found = session.scalar(text(f"SELECT reltuples FROM pg_class WHERE relname = '{table}'"))
        return max(0, int(found))
    if not has_counted(session):
        return 0
    rows = f"SELECT max(CAST(stat AS INTEGER)) FROM sqlite_stat1 WHERE tbl = '{table}'"
    return session.scalar(text(rows)) or 0


def plan(connection, statement):
    """Return how SQLite carries out a statement."""
    return " ".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}"))


def write_customers(session, number):
    table = Model.metadata.tables["sales_customer"]
    first = session.scalar(text("SELECT count(*) FROM sales_customer"))
    rows = [(f"C{each:06d}", "Anna", "", "", "", "", "", "", 1) for each in range(first, first + number)]
    bulk_insert(session, table, CUSTOMER, rows)


@pytest.fixture(autouse=True)
def known_as_before(app):
    """Let other tests plan as if this one had not been."""
    yield
    session = db.session()
    session.rollback()
    session.execute(text("DROP TABLE IF EXISTS thing"))
    if not is_postgresql(session) and has_counted(session):
        session.execute(text("DELETE FROM sqlite_stat1"))
    session.commit()


def test_after_many_new_rows_at_once_the_planner_knows_their_number(session):
    commit(lambda session: write_customers(session, 2_500))
    assert known_rows("sales_customer") == 2_500


def test_a_few_new_rows_are_not_counted_at_once(session):
    before = known_rows("sales_customer")
    commit(lambda session: write_customers(session, 20))
    assert known_rows("sales_customer") == before


def test_what_is_undone_is_not_counted(session):
    before = known_rows("sales_customer")
    write_customers(session, 2_500)
    session.rollback()
    commit(lambda session: write_customers(session, 20))
    assert known_rows("sales_customer") == before


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_rows_that_came_one_by_one_are_counted_by_the_job_and_by_an_upgrade(session):
    commit(lambda session: write_customers(session, 20))
    commit(refresh_statistics)
    assert known_rows("sales_customer") == 20
    commit(lambda session: write_customers(session, 30))
    migrations.tune()
    assert known_rows("sales_customer") == 50


@pytest.fixture
def things(session):
    """A table of which an index has no row."""
    session.execute(text("CREATE TABLE thing (id INTEGER PRIMARY KEY, kind TEXT)"))
    session.execute(text("CREATE INDEX ix_thing_rare ON thing (kind) WHERE kind = 'rare'"))
    session.execute(text("INSERT INTO thing (kind) SELECT 'usual' FROM (VALUES (1), (2), (3)), (VALUES (1), (2), (3))"))
    session.commit()


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_an_index_without_rows_is_known_as_a_small_one(session, things):
    commit(refresh_statistics)
    assert "ix_thing_rare" in plan(session.connection(), RARE)


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_a_connection_that_reads_meanwhile_goes_on_and_knows_it_afterwards(session, things):
    with db.engine.connect() as other:
        with reading():
            assert other.exec_driver_sql("SELECT count(*) FROM thing").scalar() == 9
        commit(refresh_statistics)
        assert other.exec_driver_sql("SELECT count(*) FROM thing").scalar() == 9
        other.commit()
        with reading():
            other.exec_driver_sql("SELECT count(*) FROM thing")
            assert "ix_thing_rare" in plan(other, RARE)


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_rows_that_are_read_step_by_step_do_not_keep_them_from_being_counted(session, things):
    rows = session.connection().exec_driver_sql("SELECT id FROM thing")
    rows.fetchone()
    refresh_statistics(session)
    assert len(rows.fetchall()) == 8
    session.commit()
    assert known_rows("thing") == 9
