"""What modules show and take at the HTTP interface, declared as data: the module `api` answers with it.

A resource is a list of rows of one model with the fields of a row and the writes that change it. The writes call the
services that screens call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from erp.errors import ErpError

Values = Mapping[str, Any]


class Kind(StrEnum):
    """What a value is. Quantities and money are decimal numbers in text; an instant has its zone."""

    text = "text"
    whole = "whole"
    quantity = "quantity"
    money = "money"
    day = "day"
    instant = "instant"
    switch = "switch"
    word = "word"
    objects = "objects"


@dataclass(frozen=True)
class Field:
    """A value of a row: the attribute at a dotted path, by default that of the same name.

    What it is follows from the table column there. Of an attribute that is no column `kind` says it, and `words` which
    ones a word can be.
    """

    name: str
    path: str = ""
    kind: Kind | None = None
    words: tuple[str, ...] = ()
    is_nullable: bool = False


@dataclass(frozen=True)
class Computed:
    """A value that no attribute holds: `values(session, rows)` returns those of a page by row id, in one query.

    Of `objects` the `fields`, each with its kind, say what each has; their values are as JSON has them.
    """

    name: str
    kind: Kind
    values: Callable[[Session, Sequence[Any]], Mapping[int, Any]]
    words: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True)
class Input:
    """A value that a write takes. Of `objects` the `fields` say what each has.

    A value that may be left out is None where it is, or `default`.
    """

    name: str
    kind: Kind = Kind.text
    help: str = ""
    is_required: bool = False
    words: tuple[str, ...] = ()
    fields: tuple[Input, ...] = ()
    default: Any = None
    longest: int = 500


@dataclass(frozen=True)
class Create:
    """Makes a row: `run(session, values)` returns its id."""

    title: str
    permission: str
    run: Callable[[Session, Values], int]
    inputs: tuple[Input, ...] = ()


@dataclass(frozen=True)
class Change:
    """Changes a row: `run(session, id, values)`.

    `run_many(session, ids, values)` does so to many rows and returns why it refused some of them, by id.
    """

    name: str
    title: str
    permission: str
    run: Callable[[Session, int, Values], object]
    inputs: tuple[Input, ...] = ()
    run_many: Callable[[Session, Sequence[int], Values], Mapping[int, ErpError]] | None = None


@dataclass(frozen=True)
class Lines:
    """The lines of a document: the relationship, and the fields of a line."""

    relation: str
    fields: tuple[Field | Computed, ...]


@dataclass(frozen=True)
class Resource:
    """Rows of a model, below `/api/v1/<name>`.

    `screen` is the `module.noun` of the screen that lists them: its right, its condition, its search and its filters
    hold here too. `loads` are loader options for what the fields show.
    """

    name: str
    title: str
    noun: str
    screen: str
    fields: tuple[Field | Computed, ...]
    lines: Lines | None = None
    writes: tuple[Create | Change, ...] = ()
    loads: tuple[Any, ...] = ()


class UnknownName(ErpError):
    """A value of a request names something that is not there."""

    def __init__(self, field: str, kind: str, name: object) -> None:
        self.field = field
        super().__init__(f"{field}: there is no {kind} {str(name)!r}.")
