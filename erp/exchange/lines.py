"""The records of a CSV file, read one by one: its encoding, its delimiter and its header."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import BinaryIO

from erp.exchange.problems import Errors
from erp.text import say

csv.field_size_limit(1_000_000)

Record = tuple[int, list[str]]
_DELIMITERS = ",;\t"
_SEPARATOR = re.compile(r"\s*\"?sep=([,;\t|])\"?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Header:
    """The header of a file: the number of its row and the names of the columns, empty where one has none."""

    number: int
    names: tuple[str, ...]


def read_records(file: BinaryIO, errors: Errors) -> tuple[Header, Iterator[Record]]:
    """Return the header of a file, and its other records as they are read, each with its number.

    Raises ImportRefused for a file without a header; a row that cannot be read ends the file with an error.
    """
    lines = _decoded(file, errors)
    start = list(islice(lines, 1))
    found = _SEPARATOR.fullmatch(start[0]) if start else None
    if found:
        records = _records(lines, found[1], 2, errors)
    else:
        records = _guessed(chain(start, lines), errors)
    number, names = next(records, (1, None))
    if names is None:
        errors.add_at(1, "", "", say("the file is empty: a header row is needed"))
        errors.raise_if_any()
    named = _stripped(names or ())
    return Header(number, named), _even(records, named, errors)


def _decoded(file: BinaryIO, errors: Errors) -> Iterator[str]:
    """Yield the lines of a file, whatever their ends; one that is not UTF-8 ends it with an error."""
    for number, raw in enumerate(file, start=1):
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            errors.add_at(number, "", "", say("the file is not UTF-8 text: save it as CSV UTF-8"))
            errors.raise_if_any()
        if "\r" in line.removesuffix("\n").removesuffix("\r"):
            yield from io.StringIO(line, newline="")
        else:
            yield line


def _guessed(lines: Iterator[str], errors: Errors) -> Iterator[Record]:
    """Read with the delimiter that splits the header most; a comma where none does."""
    first: list[str] = []
    for line in lines:
        first.append(line)
        if line.strip():
            break
    header = first[-1] if first else ""
    delimiter = max(_DELIMITERS, key=lambda each: _unquoted(header).count(each))
    return _records(chain(first, lines), delimiter, 1, errors)


def _unquoted(header: str) -> str:
    return re.sub(r'"[^"]*"?', "", header)


def _records(lines: Iterable[str], delimiter: str, first: int, errors: Errors) -> Iterator[Record]:
    """Yield the records that are not blank with their numbers; a broken one ends the file with an error."""
    reader = csv.reader(lines, strict=True, delimiter=delimiter)
    number = first - 1
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            errors.add_at(number, "", "", say("the row cannot be read as CSV: {error}", error=error))
            return
        if any(map(str.strip, cells)):
            yield number, cells


def _even(records: Iterator[Record], names: Sequence[str], errors: Errors) -> Iterator[Record]:
    """Yield the records that have a cell for each column of the header; nameless ones may be missing."""
    without_name = [place for place, name in enumerate(names) if not name]
    for number, cells in records:
        if len(cells) == len(names) and not without_name and cells[0].isascii() and cells[0].strip() != names[0]:
            yield number, cells  # as nearly all rows are
            continue
        missing = names[len(cells) :]
        nameless = [place for place in without_name if place < len(cells) and cells[place].strip()]
        if _stripped(cells[:1]) == names[:1] and _stripped(cells) == names:
            errors.add_at(number, "", "", say("the row is the header once more: remove it"))
        elif len(cells) > len(names) or any(missing):
            errors.add_at(
                number,
                "",
                "",
                say("the row has {cells} where the header has {names}", cells=_cells(len(cells)), names=len(names)),
            )
        elif nameless:
            place = nameless[0]
            message = say("stands in column {place}, which has no name: name the column, or empty it", place=place + 1)
            errors.add_at(number, "", cells[place].strip(), message)
        else:
            yield number, [*cells, *missing]


def _stripped(cells: Iterable[str]) -> tuple[str, ...]:
    return tuple(unicodedata.normalize("NFC", cell).strip() for cell in cells)


def _cells(number: int) -> str:
    return "1 cell" if number == 1 else say("{number} cells", number=number)
