"""What modules declare of the HTTP interface."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from erp.errors import ErpError
from erp.events import hook, publish

Values = Mapping[str, Any]
BIGGEST = 2**31 - 1


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

    A field of a report has no `values`: its rows have it under its name. Of `objects` the `fields`, each with its kind,
    say what each has; their values are as JSON has them. One that `is_secret` is kept nowhere in plain text.
    """

    name: str
    kind: Kind
    values: Callable[[Session, Sequence[Any]], Mapping[int, Any]] | None = None
    words: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    is_secret: bool = False


@dataclass(frozen=True)
class Input:
    """A value that a write takes. Of `objects` the `fields` say what each has.

    A value that may be left out is None where it is, or `default`. A text that is no longer than a line has no line
    breaks. `least` and `most` bound a whole number.
    """

    name: str
    kind: Kind = Kind.text
    help: str = ""
    is_required: bool = False
    words: tuple[str, ...] = ()
    fields: tuple[Input, ...] = ()
    default: Any = None
    longest: int = 500
    least: int = -BIGGEST
    most: int = BIGGEST


MakeMany = Callable[[Session, Sequence[Values]], Sequence[int | ErpError]]


@dataclass(frozen=True)
class Create:
    """Makes a row: `run(session, values)` returns its id.

    `run_many(session, rows)` makes many in one transaction, and returns for each its id or why it is refused. A dry run
    of one that `changes_no_row` only adds rows, and so waits for nobody: it locks nothing.
    """

    title: str
    permission: str
    run: Callable[[Session, Values], int]
    inputs: tuple[Input, ...] = ()
    run_many: MakeMany | None = None
    changes_no_row: bool = False


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
    """The lines of a document: the relationship, and the fields of a line.

    Where they `are_few` they are read with the document in one statement, otherwise by one of their own.
    """

    relation: str
    fields: tuple[Field | Computed, ...]
    are_few: bool = False


@dataclass(frozen=True)
class File:
    """The file of a row, at `/api/v1/<name>/<id>/file`: `read(session, id)` returns its content, of a media type."""

    title: str
    media_type: str
    read: Callable[[Session, int], bytes]


@dataclass(frozen=True)
class Resource:
    """Rows of a model, below `/api/v1/<name>`.

    `screen` is the `module.noun` of the screen that lists them: its right, its condition, its search and its filters
    hold here too. Rows that no screen lists have a `model`, the right `permission` to see them, `filters` (dotted names
    of columns, and filters of `erp.admin`), and a `condition` of the rows that the user may see, where not all. `loads`
    are loader options for what the fields show.
    """

    name: str
    title: str
    noun: str
    fields: tuple[Field | Computed, ...]
    screen: str = ""
    model: Any = None
    permission: str = ""
    filters: tuple[Any, ...] = ()
    condition: Callable[[], Any] | None = None
    loads: tuple[Any, ...] = ()
    lines: Lines | None = None
    writes: tuple[Create | Change, ...] = ()
    file: File | None = None


@dataclass(frozen=True)
class Report:
    """Figures that are no rows of a table: `run(session, values)` returns a mapping for each row of the answer.

    `inputs` are asked for in the address; those that are texts, words, days and whole numbers can be.
    """

    name: str
    title: str
    permission: str
    fields: tuple[Computed, ...]
    run: Callable[[Session, Values], Sequence[Values]]
    inputs: tuple[Input, ...] = ()


@dataclass(frozen=True)
class Planned:
    """How a task is previewed without locks, and done as it was shown.

    `preview(session, values)` only reads, and returns the answer and the plan; `run(session, values, plan)` returns the
    answer, or None where it would now do something else.
    """

    preview: Callable[[Session, Values], tuple[Values, str]]
    run: Callable[[Session, Values, str], Values | None]


@dataclass(frozen=True)
class Task:
    """Something that is done to no row: `run(session, values)` returns the answer, a mapping with these `fields`.

    A dry run does it and undoes it, where it is not `planned`.
    """

    name: str
    title: str
    permission: str
    fields: tuple[Computed, ...]
    run: Callable[[Session, Values], Values]
    inputs: tuple[Input, ...] = ()
    planned: Planned | None = None


@dataclass(frozen=True)
class Effect:
    """Figures that writes change besides those of their own row; a dry run shows which, before and after.

    `concerned(session, facts)` returns the ids of what the published facts may have changed, as of products;
    `read(session, ids)` returns the figures of these by a key that does not depend on ids of rows which are made
    meanwhile.
    """

    name: str
    fields: tuple[Computed, ...]
    concerned: Callable[[Session, Sequence[object]], Collection[int]]
    read: Callable[[Session, Collection[int]], Mapping[str, Values]]


@dataclass(frozen=True)
class Said:
    """What programs are told of one fact, as JSON has it.

    A later one with the same `key` takes the place of one that has not left yet; without a key each counts.
    """

    data: Mapping[str, Any]
    key: str = ""


@dataclass(frozen=True)
class Announcement:
    """A fact of a module that programs can be told of: `say(session, fact)` returns what they are told, in one query.

    `data["customer"]`, where it is there, is the code of the customer whom it concerns. `still_holds(session, data)` is
    asked just before it is sent, with what was to be told: what does not hold any more is not sent. Without it the fact
    is one of the past, which always holds.
    """

    name: str
    title: str
    fact: type
    say: Callable[[Session, Any], Sequence[Said]]
    still_holds: Callable[[Session, Values], bool] | None = None


@dataclass(frozen=True)
class Announced:
    """A fact that programs can be told of, by the name of its announcement; `say()` returns what they are told."""

    name: str
    say: Callable[[], Sequence[Said]]


@hook
def announcements(session: Session) -> Sequence[Announcement]:
    """Of which facts programs can be told. The answers are put together."""


def announcing(announcement: Announcement) -> Callable[[Session, Any], None]:
    """Return the handler of a fact that lets programs be told of it; it is said only where somebody wants to know."""

    def announce(session: Session, fact: Any) -> None:
        publish(session, Announced(announcement.name, partial(announcement.say, session, fact)))

    return announce


WHY = Input("why", help="The reason, shown in the history.", default="")
