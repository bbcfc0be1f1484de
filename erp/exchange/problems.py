"""What is wrong with a file: all of it in one pass, kept by kind, in memory that does not grow with the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from typing_extensions import override

from erp.errors import ErpError
from erp.text import joined, plural, say, without_stop

# How many faults of a kind are kept with their values, how many kinds, and how many unknown names of a column.
EXAMPLES = 20
KINDS = 200
UNKNOWN = 2000
_RANGES = 12
# What differs between messages of one kind: quoted text and numbers.
_DIFFERING = re.compile(r"'[^']*'|[0-9]+")


class FileRow(Protocol):
    """What an error needs of a row: its number in the file and the text of each cell."""

    @property
    def number(self) -> int:
        """The number in the file; the header is 1."""

    def text(self, column: str) -> str:
        """Return the text of a cell, without white space around it."""


@dataclass(frozen=True)
class RowError:
    """What is wrong with one cell: its row in the file, its column, its text; the `place` in which it was found."""

    row: int
    column: str
    value: str
    message: str
    place: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        return say("Row {row}{what}", row=self.row, what=self.what)

    @property
    def what(self) -> str:
        """The error without its row."""
        place = say(", column {column}", column=self.column) if self.column else ""
        if not self.value:
            return joined((place, self.message), ": ") + "."
        value = self.value if len(self.value) <= 60 else f"{self.value[:60]}…"
        return joined((place, ": ", repr(value), ": " if self.message[0].isupper() else " ", self.message, "."), "")


class RowNumbers:
    """Numbers of rows, kept as ranges: the first ranges, and how many rows there are in all."""

    def __init__(self) -> None:
        self.count = 0
        self._last = 0
        self._ranges: list[list[int]] = []

    def add(self, number: int) -> None:
        """Add a row; one that was added last is not counted again."""
        if number == self._last:
            return
        self.count, self._last = self.count + 1, number
        if self._ranges and number == self._ranges[-1][1] + 1:
            self._ranges[-1][1] = number
        elif len(self._ranges) < _RANGES:
            self._ranges.append([number, number])

    def __str__(self) -> str:
        shown = [str(first) if first == last else f"{first}–{last}" for first, last in self._ranges]
        more = self.count - sum(last - first + 1 for first, last in self._ranges)
        rows = ", ".join(shown)
        return say("{rows} and {more} more", rows=rows, more=more) if more > 0 else rows


@dataclass
class Problem:
    """One kind of fault of a column: the first faults, and all rows that have it."""

    column: str
    examples: list[RowError] = field(default_factory=list)
    rows: RowNumbers = field(default_factory=RowNumbers)
    count: int = 0

    def add(self, error: RowError) -> None:
        """Add a fault."""
        self.count += 1
        self.rows.add(error.row)
        if len(self.examples) < EXAMPLES:
            self.examples.append(error)

    @property
    def values(self) -> list[str]:
        """The first values that are wrong, each once."""
        return list(dict.fromkeys(error.value for error in self.examples if error.value))

    def __str__(self) -> str:
        first = self.examples[0]
        return str(first) if self.rows.count == 1 else say("Rows {rows}{what}", rows=str(self.rows), what=first.what)


class ImportRefused(ErpError):
    """A file with errors, of which nothing was imported.

    `errors` are the first of each kind in the order of the rows; `problems` the kinds, the worst first; `count` all.
    """

    def __init__(self, problems: Sequence[Problem], count: int) -> None:
        super().__init__(say("Nothing was imported: {errors} in the file.", errors=plural(count, "error")), count=count)
        self.problems = list(problems)
        self.count = count
        found = [error for problem in problems for error in problem.examples]
        self.errors = sorted(found, key=lambda error: (error.row, error.place))

    @override
    def lines(self, limit: int) -> list[str]:
        """Return up to `limit` lines, one an error or, where there are more errors, one a kind, and how many more."""
        if self.count <= limit:
            return [str(error) for error in self.errors]
        shown = self.problems[:limit]
        more = self.count - sum(problem.count for problem in shown)
        return [*map(str, shown), *([say("and {more} more", more=more)] if more else [])]


class Errors:
    """The errors found in a file so far. `naming` gives the names that columns have in the file itself."""

    def __init__(self, naming: Mapping[str, str] | None = None) -> None:
        self.count = 0
        self.bad_rows: set[int] = set()
        self.unknown: dict[str, dict[str, int]] = {}
        self._naming = naming or {}
        self._kinds: dict[tuple[str, str], Problem] = {}

    def add(self, row: FileRow, column: str, message: str | ErpError) -> None:
        """Add what is wrong with one cell: a refusal, a sentence, or words that follow its text ("is not known")."""
        self.add_at(row.number, column, row.text(column), message)

    def add_unknown(self, row: FileRow, column: str, message: str) -> None:
        """Add that a cell names something that does not exist and can be made."""
        self.add(row, column, message)
        names = self.unknown.setdefault(column, {})
        if len(names) < UNKNOWN:
            names.setdefault(row.text(column), row.number)

    def add_at(self, number: int, column: str, value: str, message: str | ErpError) -> None:
        """Add an error of a row that could not be read."""
        kind = type(message).__name__ if isinstance(message, ErpError) else _DIFFERING.sub("…", message)
        error = RowError(number, self._naming.get(column, column), value, without_stop(message), self.count)
        self.count += 1
        self.bad_rows.add(number)
        problem = self._kinds.get((column, kind))
        if problem is None and len(self._kinds) < KINDS:
            problem = self._kinds[column, kind] = Problem(error.column)
        if problem is not None:
            problem.add(error)

    @contextmanager
    def of(self, row: FileRow, column: str) -> Iterator[None]:
        """Add a refusal that is raised inside as an error of this row."""
        try:
            yield
        except ErpError as error:
            self.add(row, column, error)

    def problems(self) -> list[Problem]:
        """Return the kinds of errors, the worst first: those of whole rows, then those with the most rows."""
        return sorted(self._kinds.values(), key=_badness)

    def raise_if_any(self) -> None:
        """Raise ImportRefused if there is an error."""
        if self.count:
            raise ImportRefused(self.problems(), self.count)


def _badness(problem: Problem) -> tuple[bool, int, int]:
    return bool(problem.column), -problem.rows.count, problem.examples[0].row
