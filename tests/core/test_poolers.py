"""PostgreSQL behind a pooler that gives each transaction another connection, and without JIT."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from erp import migrations
from erp.db import connections, db
from erp.db.connections import prepared
from erp.jobs import locks


@pytest.fixture
def postgres(app):
    if db.engine.dialect.name != "postgresql":
        pytest.skip("this is about PostgreSQL alone")
    return db.engine


def test_nothing_is_prepared_on_a_connection_unless_that_is_asked_for(postgres):
    with postgres.connect() as connection:
        for number in range(20):
            connection.execute(text("SELECT :number"), {"number": number})
        assert connection.scalar(text("SELECT count(*) FROM pg_prepared_statements")) == 0


def test_a_short_statement_keeps_its_plan_except_behind_a_pooler_or_with_a_long_list(postgres):
    def kept(ids, **info):
        """Return how many plans a new connection has after it has carried out a statement three times."""
        postgres.dispose()
        with postgres.connect() as connection:
            connection.info.update(info)
            for _ in range(3):
                with prepared(connection, [ids]):
                    connection.execute(text("SELECT id FROM erp_user WHERE id = ANY(:ids)"), {"ids": ids})
            return connection.scalar(text("SELECT count(*) FROM pg_prepared_statements"))

    assert kept([1, 2]) == 1
    assert kept([1, 2], erp_is_direct=False) == 0
    assert kept(list(range(1000))) == 0


def test_a_connection_that_was_idle_for_long_is_asked_before_it_is_used(postgres, monkeypatch):
    monkeypatch.setattr(connections, "_PING_AFTER_SECONDS", -1.0)
    asked = []
    monkeypatch.setattr(type(postgres.dialect), "do_ping", lambda _self, driver: asked.append(driver) or True)
    with postgres.connect() as connection:
        assert asked == [connection.connection.driver_connection]


def test_a_connection_that_the_server_has_closed_is_replaced_before_it_is_used(postgres, session):
    session.rollback()
    with postgres.connect() as connection:
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
    other = create_engine(postgres.url)
    with other.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": pid})
    other.dispose()
    with postgres.connect() as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) != pid


def test_a_connection_that_is_cut_while_a_page_is_made_does_not_spoil_the_page(app, postgres, session):
    session.rollback()
    other = create_engine(postgres.url)
    with app.app_context():
        pid = db.session.scalar(text("SELECT pg_backend_pid()"))
        with other.connect() as connection:
            connection.execute(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": pid})
    other.dispose()
    with app.app_context():
        assert db.session.scalar(text("SELECT pg_backend_pid()")) != pid


def test_a_lock_is_of_a_transaction_that_stays_open_so_a_pooler_cannot_pass_it_on(postgres):
    one, other = locks.lock("leader-test"), locks.lock("leader-test")
    assert one.take() and one.is_held()
    assert not other.take()
    assert not locks.is_free("leader-test")
    with postgres.connect() as connection:
        states = connection.execute(
            text("SELECT a.state, a.backend_xmin FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
                 " WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND a.datname = current_database()")
        ).all()  # fmt: skip
    assert [tuple(row) for row in states] == [("idle in transaction", None)]
    one.release()
    assert locks.is_free("leader-test")
    assert other.take()
    other.release()


def test_a_lock_ends_with_its_connection(postgres):
    one = locks.lock("leader-test")
    assert one.take()
    one._connection.connection.driver_connection.close()
    assert not one.is_held()
    assert locks.is_free("leader-test")
    one.release()


@pytest.fixture
def set_for_database(postgres):
    """Change the settings of the database, as its owner does; at the end it has none."""

    def alter(change: str) -> None:
        with postgres.connect() as connection:
            name = connection.dialect.identifier_preparer.quote(str(postgres.url.database))
            connection.execute(text(f"ALTER DATABASE {name} {change}"))
            connection.commit()
        postgres.dispose()

    alter("RESET ALL")
    yield alter
    alter("RESET ALL")


def test_jit_is_off_and_reading_anywhere_costs_the_same_for_the_database(postgres, set_for_database):
    assert migrations.tune() == ""
    postgres.dispose()
    with postgres.connect() as connection:
        assert connection.scalar(text("SHOW jit")) == "off"
        assert connection.scalar(text("SHOW random_page_cost")) == "1.1"


def test_a_cost_that_somebody_has_set_stays(postgres, set_for_database):
    set_for_database("SET random_page_cost = 3")
    assert migrations.tune() == ""
    postgres.dispose()
    with postgres.connect() as connection:
        assert connection.scalar(text("SHOW random_page_cost")) == "3"


def test_where_that_is_not_allowed_a_sentence_says_what_to_do(postgres, set_for_database, monkeypatch):
    with postgres.connect() as connection:
        connection.execute(
            text("DO $$ BEGIN CREATE ROLE visitor LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        )
        connection.commit()
    visitor = create_engine(postgres.url.set(username="visitor"))
    try:
        monkeypatch.setattr("erp.migrations.tuning.db", type("Database", (), {"engine": visitor}))
        advice = migrations.tune()
    except DBAPIError as error:
        pytest.skip(f"this server lets no other role in: {error.orig}")
    finally:
        visitor.dispose()
    assert advice.startswith("Statements are faster when the owner of the database runs: ALTER DATABASE")
    assert advice.endswith("SET random_page_cost = 1.1")


def test_sqlite_has_no_such_settings(app):
    if db.engine.dialect.name == "sqlite":
        assert migrations.tune() == ""
