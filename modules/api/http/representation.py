"""What a resource shows of its rows, as JSON has it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from erp.api import Computed, Field, Kind, Resource
from erp.db import Money, Quantity, Sentence, UtcDateTime, format_quantity
from erp.registry import current_registry

_KINDS: tuple[tuple[type[Any], Kind], ...] = (
    (Money, Kind.money),
    (Quantity, Kind.quantity),
    (UtcDateTime, Kind.instant),
    (sa.Enum, Kind.word),
    (sa.Boolean, Kind.switch),
    (sa.Date, Kind.day),
    (sa.Integer, Kind.whole),
    (sa.String, Kind.text),
    (Sentence, Kind.text),
)


@dataclass(frozen=True)
class Shown:
    """A field of a resource with all that its schema and its values need."""

    name: str
    kind: Kind
    words: tuple[str, ...]
    is_nullable: bool
    field: Field | Computed

    @property
    def path(self) -> str:
        """The dotted path to the attribute, empty where the value is computed or has the attribute's name."""
        return "" if isinstance(self.field, Computed) else self.field.path


def fields_of(model: Any, fields: Iterable[Field | Computed]) -> list[Shown]:
    """Return fields with what follows from the columns of a model."""
    return [_shown(model, field) for field in fields]


def _shown(model: Any, field: Field | Computed) -> Shown:
    if isinstance(field, Computed):
        return Shown(field.name, field.kind, field.words, True, field)
    column, is_nullable = _column(model, field.path or field.name)
    if field.kind is not None:
        return Shown(field.name, field.kind, field.words, field.is_nullable, field)
    if column is None:
        raise TypeError(f"{model.__name__} has no column {field.path or field.name}: the field needs a kind")
    kind = next(kind for type_, kind in _KINDS if isinstance(column.type, type_))
    words = tuple(column.type.enums) if isinstance(column.type, sa.Enum) else ()
    return Shown(field.name, kind, words, is_nullable or field.is_nullable, field)


def shown_fields(fields: Iterable[Computed]) -> list[Shown]:
    """Return the fields of a report or an effect."""
    return [Shown(field.name, field.kind, field.words, True, field) for field in fields]


def _column(model: Any, path: str) -> tuple[Any, bool]:
    """Return the column at a dotted path, and whether there may be no value."""
    mapper, is_nullable = model.__mapper__, False
    *relations, name = path.split(".")
    for each in relations:
        relation = mapper.relationships.get(each)
        if relation is None:
            return None, True
        is_nullable = is_nullable or any(column.nullable for column in relation.local_columns)
        mapper = relation.mapper
    column = mapper.columns.get(name)
    return column, is_nullable or (column is not None and bool(column.nullable))


class Shape:
    """A resource with the fields that the modules that are on give it."""

    def __init__(self, resource: Resource, view: Any) -> None:
        self.resource, self.view, self.model = resource, view, view.model
        registry = current_registry()
        added = registry.live(registry.resource_extensions.get(resource.name, ()))
        more = [field for each in added for field in each.fields]
        self.writes = [*resource.writes, *(write for each in added for write in each.writes)]
        self.fields = fields_of(self.model, [Field("id"), *resource.fields, *more])
        self.secrets = {shown.name for shown in self.fields if getattr(shown.field, "is_secret", False)}
        self.line_model: Any = None
        self.line_fields: list[Shown] = []
        if resource.lines is not None:
            self.line_model = self.model.__mapper__.relationships[resource.lines.relation].mapper.class_
            of_lines = [field for each in added for field in each.line_fields]
            self.line_fields = fields_of(self.line_model, [Field("id"), *resource.lines.fields, *of_lines])
        self.loads = [*self._loads(), *resource.loads]

    def _loads(self) -> Iterator[Any]:
        """Return the loaders of what the fields show: relations with their row, and lines."""
        yield from self.view.load_paths(self.model, [shown.path for shown in self.fields if shown.path])
        if self.resource.lines is not None:
            relation = getattr(self.model, self.resource.lines.relation)
            of_lines = [shown.path for shown in self.line_fields if shown.path]
            load = joinedload if self.resource.lines.are_few else selectinload
            yield load(relation).options(*self.view.load_paths(self.line_model, of_lines))

    def represent(self, session: Session, rows: Sequence[Any]) -> list[dict[str, Any]]:
        """Return rows as JSON has them, in a number of statements that does not depend on how many there are."""
        found = _values(session, self.fields, rows)
        if self.resource.lines is None:
            return found
        relation = self.resource.lines.relation
        lines = [line for row in rows for line in getattr(row, relation)]
        shown = iter(_values(session, self.line_fields, lines))
        for row, values in zip(rows, found, strict=True):
            values["lines"] = [next(shown) for _ in getattr(row, relation)]
        return found


def _values(session: Session, fields: Sequence[Shown], rows: Sequence[Any]) -> list[dict[str, Any]]:
    columns = [_column_values(session, shown, rows) for shown in fields]
    names = [shown.name for shown in fields]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)] if rows else []


def _column_values(session: Session, shown: Shown, rows: Sequence[Any]) -> list[Any]:
    field = shown.field
    if isinstance(field, Computed):
        values = field.values(session, rows) if rows and field.values is not None else {}
        return [_WRITERS[shown.kind](values.get(row.id)) for row in rows]
    path = (field.path or field.name).split(".")
    return [_WRITERS[shown.kind](_follow(row, path)) for row in rows]


def written(fields: Iterable[Computed], row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of a report as JSON has it."""
    return {field.name: _WRITERS[field.kind](row.get(field.name)) for field in fields}


def _follow(row: Any, path: Sequence[str]) -> Any:
    for name in path:
        row = None if row is None else getattr(row, name)
    return row


def _or_none(write: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else write(value)


_WRITERS: dict[Kind, Callable[[Any], Any]] = {
    Kind.text: _or_none(str),
    Kind.word: _or_none(lambda value: str(getattr(value, "value", value))),
    Kind.whole: _or_none(int),
    Kind.switch: _or_none(bool),
    Kind.quantity: _or_none(format_quantity),
    Kind.money: _or_none(format_quantity),
    Kind.day: _or_none(lambda value: value.isoformat()),
    Kind.instant: _or_none(lambda value: value.astimezone(UTC).isoformat().replace("+00:00", "Z")),
    Kind.objects: _or_none(list),
}


def etag_of(shown: object) -> str:
    """Return the entity tag of what is shown: another one for another value."""
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:32]
