"""`erp check` compares the tables with what the revisions make: each difference is one line, and exit code 1."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import Connection, event, text

from erp.db import db
from erp.migrations.schema import schema_breaches

BALANCE = "inventory_lots_balance"
WITHIN = "ck_inventory_lots_balance_allocated_within_on_hand"


class Tables:
    """The tables of the test, changed in a transaction that never ends."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.is_sqlite = connection.dialect.name == "sqlite"

    def change(self, *statements: str) -> None:
        """Change the tables."""
        for statement in statements:
            self.connection.execute(text(statement))

    def rewrite(self, table: str, pattern: str, new: str) -> None:
        """Change the text that SQLite keeps of a table: it cannot drop a constraint in any other way."""
        where = "WHERE type = 'table' AND name = :name"
        before = self.connection.scalar(text(f"SELECT sql FROM sqlite_master {where}"), {"name": table})
        after, count = re.subn(pattern, new, before)
        assert count == 1
        self.change("PRAGMA writable_schema = ON")
        self.connection.execute(text(f"UPDATE sqlite_master SET sql = :sql {where}"), {"name": table, "sql": after})
        self.change("PRAGMA writable_schema = OFF")

    def breaches(self) -> list[str]:
        """Return what the check says of them."""
        return list(schema_breaches(self.connection))


@pytest.fixture
def tables(app):
    """The tables of an installed database, put back at the end of the test."""
    db.session.rollback()
    with db.engine.connect() as connection:
        yield Tables(connection)
        connection.rollback()


ON_POSTGRESQL = pytest.mark.parametrize("app", ["postgres"], indirect=True)


def test_a_database_that_the_revisions_made_has_no_breach(tables):
    assert tables.breaches() == []


def test_a_dropped_constraint_is_one_line(tables):
    if tables.is_sqlite:
        tables.rewrite(BALANCE, rf"CONSTRAINT {WITHIN} CHECK \(.*\),", "")
    else:
        tables.change(f"ALTER TABLE {BALANCE} DROP CONSTRAINT {WITHIN}")
    assert tables.breaches() == [f"Table {BALANCE}: the constraint {WITHIN} is missing."]


def test_a_constraint_that_says_something_else_is_named_with_both(tables):
    name = WITHIN
    if tables.is_sqlite:
        tables.rewrite(BALANCE, "allocated <= on_hand", "allocated <= on_hand + 1")
    else:
        tables.change(
            f"ALTER TABLE {BALANCE} DROP CONSTRAINT {name}",
            f"ALTER TABLE {BALANCE} ADD CONSTRAINT {name} CHECK (allocated >= 0 AND allocated <= on_hand + 1)",
        )
    (line,) = tables.breaches()
    assert line.startswith(f"Table {BALANCE}: the constraint {name} is ") and "on_hand + 1" in line


def test_a_dropped_unique_constraint_is_one_line(tables):
    name = "uq_preorder_on_hand_change_product_id_date_note"
    if tables.is_sqlite:
        tables.rewrite("preorder_on_hand_change", rf",\s*CONSTRAINT {name} UNIQUE \(.*\)", "")
    else:
        tables.change(f"ALTER TABLE preorder_on_hand_change DROP CONSTRAINT {name}")
    assert tables.breaches() == [f"Table preorder_on_hand_change: the constraint {name} is missing."]


@pytest.mark.parametrize(
    ("index", "table"),
    [
        ("ix_preorder_purchase_allocation_line", "preorder_purchase_allocation"),
        ("uq_preorder_purchase_allocation_open_pair", "preorder_purchase_allocation"),
    ],
)
def test_a_dropped_index_is_one_line(tables, index, table):
    tables.change(f"DROP INDEX {index}")
    assert tables.breaches() == [f"Table {table}: the index {index} is missing."]


def test_an_index_that_lost_its_condition_is_named(tables):
    index = "uq_preorder_purchase_allocation_open_pair"
    columns = "preorder_purchase_allocation (line_id, purchase_line_id)"
    tables.change(f"DROP INDEX {index}", f"CREATE UNIQUE INDEX {index} ON {columns}")
    (line,) = tables.breaches()
    assert line.startswith(f"Table preorder_purchase_allocation: the index {index} is CREATE UNIQUE INDEX")


def test_a_dropped_trigger_is_one_line(tables):
    if tables.is_sqlite:
        tables.change("DROP TRIGGER erp_history_entry_no_update")
    else:
        tables.change("DROP TRIGGER erp_history_entry_no_rewriting ON erp_history_entry")
    (line,) = tables.breaches()
    assert re.fullmatch(r"Table erp_history_entry: the trigger erp_history_entry_no_\w+ is missing\.", line)


@ON_POSTGRESQL
@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE erp_history_entry DISABLE TRIGGER erp_history_entry_no_rewriting",
        "CREATE OR REPLACE FUNCTION erp_refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RETURN NULL; END $$",
    ],
)
def test_a_trigger_that_does_nothing_any_more_is_named(tables, statement):
    tables.change(statement)
    assert any("the trigger erp_history_entry_no_rewriting is CREATE TRIGGER" in line for line in tables.breaches())


def test_a_dropped_and_an_added_column_are_a_line_each(tables):
    tables.change(
        "ALTER TABLE erp_user DROP COLUMN name",
        "ALTER TABLE erp_user ADD COLUMN nickname VARCHAR(20)",
    )
    assert tables.breaches() == [
        "Table erp_user: the column name is missing.",
        "Table erp_user: the column nickname is made by no revision.",
    ]


def test_a_dropped_table_is_one_line(tables):
    tables.change("DROP TABLE preorder_on_hand_change")
    assert tables.breaches() == ["Table preorder_on_hand_change is missing."]


def test_a_table_of_somebody_else_is_not_compared(tables):
    tables.change("CREATE TABLE somebody_else (id INTEGER PRIMARY KEY)")
    assert tables.breaches() == []


def test_the_tables_of_a_module_that_is_off_are_compared(tables):
    tables.change("UPDATE erp_module SET state = 'disabled' WHERE name IN ('backorder_email', 'preorder')")
    tables.change("DROP INDEX ix_preorder_purchase_allocation_line")
    assert len(tables.breaches()) == 1


@ON_POSTGRESQL
def test_a_user_who_may_make_no_schema_is_a_line_that_says_so(tables):
    def restrict(connection):
        connection.exec_driver_sql("SET LOCAL ROLE pg_read_all_data")

    event.listen(db.engine, "begin", restrict)
    try:
        (line,) = tables.breaches()
    finally:
        event.remove(db.engine, "begin", restrict)
    assert line.startswith("The tables cannot be compared with what the revisions make: permission denied for database")
