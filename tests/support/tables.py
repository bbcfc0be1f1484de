"""The tables that a database of the tests has."""

from __future__ import annotations

from sqlalchemy import inspect

from erp.db import Model


def tables_of(engine):
    """Return the tables that are in a database; modules of earlier tests may have left models without one."""
    names = set(inspect(engine).get_table_names())
    return [table for table in Model.metadata.sorted_tables if table.name in names]
