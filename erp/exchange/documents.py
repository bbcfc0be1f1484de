"""The rows of a file of documents, kept on disk: a file of a million rows takes no more memory than a small one."""

from __future__ import annotations

import json
import pickle
import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, overload

from typing_extensions import override

from erp.exchange.kinds import Row
from erp.identity import identity_key

# The database has no name and ends with its connection, so that nothing of it needs to outlast a crash.
_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE document (key TEXT PRIMARY KEY, id INTEGER, said TEXT) WITHOUT ROWID;
CREATE TABLE part (document INTEGER, number INTEGER, content BLOB, PRIMARY KEY (document, number)) WITHOUT ROWID;
BEGIN;
"""
# Rows of one document that follow each other are written together, so many of them at most.
_TOGETHER = 500

# The number of a row, its cells and its values.
_Kept = tuple[int, Sequence[str], list[Any]]


class Documents(Sequence[Row]):
    """The rows of documents, by document in order of first appearance, wherever they stand in the file.

    `header` names the columns that say the same in all rows of a document, its number first; `places` are those of the
    file's columns, and `columns` those of which a row has values.
    """

    def __init__(self, header: Sequence[str], places: Mapping[str, int], columns: Iterable[str]) -> None:
        self._places, self._columns = places, tuple(columns)
        self._header = [places[name] for name in header if name in places]
        self._count = self._documents = 0
        self._id = self._document = 0
        self._waiting: list[_Kept] = []
        self._first: list[str] = []
        # The garbage may be collected in another thread.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.executescript(_TABLES)
        weakref.finalize(self, self._database.close)

    def complete(self, cells: list[str]) -> None:
        """Fill the empty cells of a row from the first row of its document, and spell the number as there.

        A row that says nothing of its document belongs to that of the row above.
        """
        said = [cells[place].strip() for place in self._header]
        if said[0] and said[:1] != self._first[:1]:
            self._find(said)
        elif not said[0] and any(said):
            self._first = []
        for place, own, first in zip(self._header, said, self._first, strict=False):
            if not own:
                cells[place] = first
        if self._first:
            cells[self._header[0]] = self._first[0]

    def _find(self, said: list[str]) -> None:
        key = identity_key(said[0])
        found = self._database.execute("SELECT id, said FROM document WHERE key = ?", (key,)).fetchone()
        if found is None:
            self._documents += 1
            found = self._documents, json.dumps(said)
            self._database.execute("INSERT INTO document VALUES (?, ?, ?)", (key, *found))
        self._id, self._first = found[0], json.loads(found[1])

    def append(self, row: Row) -> None:
        """Keep a row of the document whose cells were completed last."""
        if self._document != self._id or len(self._waiting) >= _TOGETHER:
            self._write()
        self._document = self._id
        self._waiting.append((row.number, row.cells, [row.values[name] for name in self._columns]))
        self._count += 1

    def _write(self) -> None:
        if self._waiting:
            content = pickle.dumps(self._waiting, pickle.HIGHEST_PROTOCOL)
            number = self._waiting[0][0]
            self._database.execute("INSERT INTO part VALUES (?, ?, ?)", (self._document, number, content))
            self._waiting = []

    @override
    def __len__(self) -> int:
        return self._count

    @override
    def __iter__(self) -> Iterator[Row]:
        self._write()
        for (content,) in self._database.execute("SELECT content FROM part ORDER BY document, number"):
            for number, cells, values in pickle.loads(content):
                row = Row(number, self._places, cells)
                row.values = dict(zip(self._columns, values, strict=True))
                yield row

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    @override
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        places = range(self._count)[index]
        if isinstance(places, int):
            return next(islice(self, places, None))
        return list(islice(self, places.start, places.stop, places.step))
