"""What a revision does to the rows that are there: values for new columns, and warnings of what is lost."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any

from alembic.operations.ops import AddColumnOp, AlterColumnOp, DropColumnOp, DropTableOp, ModifyTableOps, UpgradeOps
from sqlalchemy import Boolean, Column, Integer, String, text
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.types import TypeDecorator


def prepare(found: UpgradeOps) -> Iterator[str]:
    """Give new columns of existing tables a value for old rows; yield a sentence for what loses data."""
    for operation in found.ops:
        if isinstance(operation, DropTableOp):
            yield f"Table {operation.table_name} is dropped, with all its rows."
        for step in operation.ops if isinstance(operation, ModifyTableOps) else ():
            yield from _prepare_step(step)


def _prepare_step(step: Any) -> Iterator[str]:
    if isinstance(step, DropColumnOp):
        yield (
            f"Column {step.table_name}.{step.column_name} is dropped, with its values. If it was renamed, "
            "write alter_column with new_column_name instead."
        )
    if isinstance(step, AlterColumnOp) and step.modify_type is not None:
        yield f"Column {step.table_name}.{step.column_name} gets another type: a value may not fit."
    if isinstance(step, AlterColumnOp) and step.modify_nullable is False:
        yield f"Column {step.table_name}.{step.column_name} needs a value: fill the rows that have none first."
    if isinstance(step, AddColumnOp) and not step.column.nullable and step.column.server_default is None:
        value = _value_of_old_rows(step.column)
        if value is None:
            name = f"{step.table_name}.{step.column.name}"
            yield f"Column {name} needs a value, and none is known: give the rows that are there one (server_default)."
            return
        step.column = _with_default(step.column, value)
        yield f"Column {step.table_name}.{step.column.name} is {value} in the rows that are there."


def _with_default(column: Column[Any], value: str) -> Column[Any]:
    """Return a copy of a column with a default in the database; the model's own has none."""
    copied: Column[Any] = column._copy()
    copied.server_default = Column("", copied.type, server_default=text(value)).server_default
    return copied


def _value_of_old_rows(column: Column[Any]) -> str | None:
    """Return the SQL of a new column's value in old rows: the model's default, else an empty value; None if unknown."""
    default = column.default
    if default is not None and default.is_scalar:
        return _literal(_stored(column, default.arg))  # type: ignore[attr-defined]
    kind = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    if default is not None or column.foreign_keys:
        return None
    if isinstance(kind, Boolean):
        return "false"
    if isinstance(kind, Integer):
        return "0"
    return "''" if isinstance(kind, String) else None


def _stored(column: Column[Any], value: Any) -> Any:
    """Return a value as the database keeps it."""
    if isinstance(value, Enum):
        return value.name
    return column.type.process_bind_param(value, SQLiteDialect()) if isinstance(column.type, TypeDecorator) else value


def _literal(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else None
