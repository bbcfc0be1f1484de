"""Maps: how the columns of another system's files become those of an import kind. Data only, and how they are applied.

A map says for each of our columns where its value comes from; a module declares those of the systems that it knows
next to its import kinds, users keep their own in the database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from erp.identity import identity_key


@dataclass(frozen=True)
class Source:
    """Where a value comes from: the cells of these columns, joined by a space.

    `values` translates what the cells say; of that, `part` is a regular expression whose first group is taken;
    `form` puts the value into a longer text, such as `{}/STOCK`.
    """

    columns: tuple[str, ...]
    values: Mapping[str, str] = field(default_factory=dict)
    part: str = ""
    form: str = "{}"

    def value(self, cells: Sequence[str]) -> str:
        """Return the value of these cells; empty where they say nothing."""
        words = [self.values.get(cell.strip(), cell.strip()) for cell in cells]
        text = " ".join(word for word in words if word)
        if self.part and (found := re.search(self.part, text)):
            text = found[1]
        return self.form.format(text) if text else ""


Sources = tuple[Source, ...]


def take(*columns: str, **more: Any) -> Sources:
    """Take the value of the first of these columns that is there and filled."""
    return tuple(Source((column,), **more) for column in columns)


def join(*columns: str, **more: Any) -> Sources:
    """Join what these columns say by a space."""
    return (Source(columns, **more),)


@dataclass(frozen=True)
class LeaveOut:
    """A rule that leaves rows out: the cell of `column` is one of `values`, or is not empty where there are none.

    `why` says in words what is left out ("cancelled orders").
    """

    column: str
    why: str
    values: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(map(identity_key, self.values)))

    def holds(self, cell: str) -> bool:
        """Say whether the rule leaves out a row with this cell."""
        return identity_key(cell) in self.values if self.values else bool(cell.strip())


@dataclass(frozen=True)
class Map:
    """How files of one layout become files of the import kind `kind`.

    `columns` names the sources of each of our columns: the first that gives a value counts, then `constants`. Columns
    in `ignored` are left aside on purpose; `*` stands for any text. Rows with the same cell in the first column of
    `key` that is there, or an empty one, belong together: their empty cells in `carried` say what the first of them
    says. `makes` gives for another import kind the sources of its columns, so that what the file names and nobody
    knows can be made from it.
    """

    name: str
    title: str
    kind: str
    columns: Mapping[str, Sources]
    constants: Mapping[str, str] = field(default_factory=dict)
    leaves_out: tuple[LeaveOut, ...] = ()
    ignored: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    carried: tuple[str, ...] = ()
    makes: Mapping[str, Map] = field(default_factory=dict)

    def known(self) -> set[str]:
        """Return the keys of the columns that this map uses, those left aside on purpose not included."""
        sources = [source for each in self.columns.values() for source in each]
        named = {column for source in sources for column in source.columns}
        named.update(rule.column for rule in self.leaves_out)
        made = {column for other in self.makes.values() for column in other.known()}
        return {identity_key(column) for column in (*named, *self.carried, *self.key)} | made

    def is_ignored(self, name: str) -> bool:
        """Say whether a column is left aside on purpose."""
        return any(_pattern(ignored).fullmatch(identity_key(name)) for ignored in self.ignored)

    def fit(self, names: Iterable[str], required: Iterable[str]) -> int:
        """Return how many of a header's columns this map knows; 0 where a column that it needs is missing."""
        there = {identity_key(name) for name in names}
        if any(not self.is_given(column, there) for column in required):
            return 0
        return len(there & self.known()) * 100 + sum(self.is_ignored(name) for name in there)

    def is_given(self, column: str, there: set[str]) -> bool:
        """Say whether a file with these keys of columns gives values of one of our columns."""
        sources = self.columns.get(column, ())
        return column in self.constants or any(_is_there(source, there) for source in sources)


def _pattern(ignored: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in identity_key(ignored).split("*")))


def _is_there(source: Source, there: set[str]) -> bool:
    return any(identity_key(column) in there for column in source.columns)


class Bound:
    """A map applied to the header of one file: gives each row's cells in our columns."""

    def __init__(self, used: Map, names: Sequence[str]) -> None:
        self.map = used
        self.left_out: dict[str, int] = {}
        self._places = {identity_key(name): place for place, name in reversed(list(enumerate(names)))}
        self.names = tuple(column for column in used.columns if used.is_given(column, set(self._places)))
        self.names += tuple(column for column in used.constants if column not in self.names)
        self._carried = [place for name in used.carried if (place := self._place(name)) is not None]
        self._key = next((place for name in used.key if (place := self._place(name)) is not None), None)
        self._first: list[str] = []

    def naming(self) -> dict[str, str]:
        """Return what the file calls our columns, by our names; alternatives where it has none of them."""
        return {column: self._called(sources) for column, sources in self.map.columns.items()}

    def _called(self, sources: Sources) -> str:
        there = [source for source in sources if _is_there(source, set(self._places))]
        return " or ".join(" + ".join(source.columns) for source in there[:1] or sources)

    def _place(self, name: str) -> int | None:
        return self._places.get(identity_key(name))

    def cells(self, row: Sequence[str]) -> list[str] | None:
        """Return the cells of our columns, or None where a rule leaves the row out."""
        row = self.complete(row)
        for rule in self.map.leaves_out:
            place = self._place(rule.column)
            if place is not None and rule.holds(row[place]):
                self.left_out[rule.why] = self.left_out.get(rule.why, 0) + 1
                return None
        return [self._value(column, row) for column in self.names]

    def complete(self, row: Sequence[str]) -> Sequence[str]:
        """Fill a row's empty cells from the first row of the same key."""
        if self._key is None:
            return row
        if row[self._key].strip() and not (self._first and _same(row[self._key], self._first[self._key])):
            self._first = list(row)
            return row
        filled = list(row)
        for place in (self._key, *self._carried):
            if self._first and not filled[place].strip():
                filled[place] = self._first[place]
        return filled

    def _value(self, column: str, row: Sequence[str]) -> str:
        for source in self.map.columns.get(column, ()):
            places = [place for name in source.columns if (place := self._place(name)) is not None]
            if value := source.value([row[place] for place in places]):
                return value
        return self.map.constants.get(column, "")

    def unused(self, names: Iterable[str]) -> list[str]:
        """Return the columns of the file that the map neither uses nor leaves aside on purpose."""
        known = self.map.known()
        return [name for name in names if identity_key(name) not in known and not self.map.is_ignored(name)]


def _same(one: str, other: str) -> bool:
    return identity_key(one) == identity_key(other)
