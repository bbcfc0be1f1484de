"""Rows of the session as the database has them now, read by a select that is built and compiled once.

The session works out again for each select how its rows become objects, which takes longer than to make a few.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Select, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import instance_state, set_committed_value
from sqlalchemy.orm.util import identity_key

from erp.db.bulk import is_one_of
from erp.db.prepared import Build, typed_rows
from erp.db.session import Model

M = TypeVar("M", bound=Model)


def fresh_rows(
    session: Session, build: Build, models: tuple[type[Model], ...], *variant: Hashable, **values: Any
) -> list[tuple[Any, ...]]:
    """Return the rows of the select `build(session, *variant)`: what it selects, then an object of each model.

    The select has each of the models once; one that a row lacks, by an outer join, is None. The objects are those of
    the session, with the values that the database has now; what they knew of other rows is forgotten. `values` are as
    for `typed_rows`.
    """
    found = typed_rows(session, _with_columns, build, models, *variant, **values)
    known: dict[tuple[type[Model], Any], Any] = {}
    return [_with_objects(session, row, models, known) for row in found]


def _with_columns(
    session: Session, build: Build, models: tuple[type[Model], ...], *variant: Hashable
) -> Select[*tuple[Any, ...]]:
    rows: Any = build(session, *variant)
    columns = (column.label(None) for model in models for column in _columns(model).values())
    return rows.add_columns(*columns)  # type: ignore[no-any-return]


@cache
def _columns(model: type[Model]) -> Mapping[str, Any]:
    """Return the columns of a model by the names of its attributes, the primary key first."""
    of_model = {attribute.key: attribute.columns[0] for attribute in model.__mapper__.column_attrs}
    key = model.__mapper__.get_property_by_column(model.__mapper__.primary_key[0]).key
    return {key: of_model[key], **of_model}


def _with_objects(
    session: Session, row: Sequence[Any], models: tuple[type[Model], ...], known: dict[tuple[type[Model], Any], Any]
) -> tuple[Any, ...]:
    start = len(row) - sum(len(_columns(model)) for model in models)
    found = list(row[:start])
    for model in models:
        end = start + len(_columns(model))
        key = model, row[start]
        if key not in known:
            known[key] = None if row[start] is None else _object(session, model, row[start:end])
        found.append(known[key])
        start = end
    return tuple(found)


def _object(session: Session, model: type[Model], cells: Sequence[Any]) -> Model:
    """Return the object of the session whose primary key is the first cell, with these values."""
    names, key = _columns(model), identity_key(model, cells[0])
    row: Model | None = session.identity_map.get(key)
    if row is None:
        return _attached(session, model, key, dict(zip(names, cells, strict=True)))
    session.expire(row)
    for name, value in zip(names, cells, strict=True):
        set_committed_value(row, name, value)
    return row


def _attached(session: Session, model: type[Model], key: Any, values: Mapping[str, Any]) -> Model:
    """Return a new object of the session as if the session had loaded it."""
    row: Model = model.__mapper__.class_manager.new_instance()
    row.__dict__.update(values)
    state = instance_state(row)
    state.key, state.session_id = key, session.hash_key
    session.identity_map.add(state)
    return row


def is_loaded(row: Model) -> bool:
    """Say whether the session has the values of a row, so that nothing is read when somebody asks for them."""
    return not instance_state(row).expired


def objects_by_id(session: Session, model: type[M], ids: Iterable[int]) -> dict[int, M]:
    """Return the objects of these ids: in one statement those that the session does not have loaded."""
    key_of, wanted, found = model.__mapper__.identity_key_from_primary_key, set(ids), {}
    for id_ in wanted:
        row: Any = session.identity_map.get(key_of((id_,)))
        if row is not None and is_loaded(row):
            found[id_] = row
    if missing := wanted.difference(found):
        column: Any = model.__mapper__.primary_key[0]
        for row in session.scalars(select(model).where(is_one_of(session, column, missing))):
            found[row.id] = row
    return found
