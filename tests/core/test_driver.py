"""Statements that go to the driver as they are: lists arrive as they were sent, and errors are those of SQLAlchemy."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from psycopg.errors import DataError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from erp.db import is_duplicate, is_postgresql, run


@pytest.fixture
def postgres(session):
    if not is_postgresql(session):
        pytest.skip("SQLite has no lists")
    return session.connection()


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (
            "text",
            ["", "plain", "a,b", "{c}", 'say "d"', "back\\slash", "two\nlines", "NULL", "null", " ", "żółć €", None],
        ),
        ("bigint", [0, -1, 2**62, None]),
        ("boolean", [True, False, None]),
        ("date", [date(2026, 1, 31), None]),
        ("timestamp", [datetime(2026, 1, 31, 23, 59, 59, 999999), None]),  # noqa: DTZ001
        ("bigint", []),
    ],
)
def test_a_list_arrives_as_it_was_sent(postgres, kind, values):
    assert run(postgres, f"SELECT %s::{kind}[]", (values,)) == [(values,)]


def test_a_text_in_a_list_that_the_database_cannot_hold_is_refused_and_not_cut_off(postgres):
    with pytest.raises(DBAPIError) as raised:
        run(postgres, "SELECT %s::text[]", (["cut\0here"],))
    assert isinstance(raised.value.orig, DataError)


def test_a_statement_that_comes_again_keeps_its_plan_whatever_the_numbers_in_its_list(postgres):
    before = postgres.scalar(text("SELECT count(*) FROM pg_prepared_statements"))
    for ids in ([1], [40_000], [2**40], [1, 2**40]):
        run(postgres, "SELECT id FROM erp_user WHERE id = ANY(%s::bigint[])", (ids,))
    assert postgres.scalar(text("SELECT count(*) FROM pg_prepared_statements")) == before + 1


def test_a_statement_keeps_its_plan_when_a_transaction_is_undone(session):
    if not is_postgresql(session):
        pytest.skip("SQLite keeps no plans")
    for _ in range(3):
        run(
            session.connection(),
            "INSERT INTO erp_sequence (name, next_number) VALUES (%s, 1)",
            ("undone",),
            gives_rows=False,
        )
        session.rollback()
    start = "INSERT INTO erp_sequence (name, next_number) VALUES ($1%"
    plans = text("SELECT generic_plans + custom_plans FROM pg_prepared_statements WHERE statement LIKE :start")
    assert session.scalars(plans, {"start": start}).all() == [2]
    assert session.scalar(text("SELECT count(*) FROM erp_sequence WHERE name = 'undone'")) == 0


def test_a_refused_statement_raises_what_sqlalchemy_raises_and_undoes_the_transaction(session):
    insert = "INSERT INTO erp_sequence (name, next_number) VALUES ('twice', 1)"
    run(session.connection(), insert, (), gives_rows=False)
    with pytest.raises(IntegrityError) as raised:
        run(session.connection(), insert, (), gives_rows=False)
    assert is_duplicate(raised.value)
    session.rollback()
    assert session.scalar(text("SELECT count(*) FROM erp_sequence WHERE name = 'twice'")) == 0


def test_a_statement_is_counted_as_every_other(session, count_statements):
    with count_statements() as sent:
        assert run(session.connection(), "SELECT 1", ()) == [(1,)]
    assert sent[-1] == "SELECT 1"
