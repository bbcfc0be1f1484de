"""The rows of a file of documents, kept on disk: a file of a million rows takes no more memory than a small one."""

from __future__ import annotations

import json
import pickle
import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice
from operator import itemgetter
from typing import Any, overload

from typing_extensions import override

from erp.exchange.kinds import Row
from erp.identity import identity_key

# The database has no name and ends with its connection, so that nothing of it needs to outlast a crash.
_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE document (key TEXT PRIMARY KEY, id INTEGER, said TEXT) WITHOUT ROWID;
CREATE TABLE in_order (number INTEGER PRIMARY KEY, content BLOB);
CREATE TABLE late (document INTEGER, number INTEGER, content BLOB, PRIMARY KEY (document, number)) WITHOUT ROWID;
BEGIN;
"""
# So many rows that follow each other are written together at most.
_TOGETHER = 500

# The document of a row, its number, its cells and its values.
_Kept = tuple[int, int, Sequence[str], list[Any]]


class Documents(Sequence[Row]):
    """The rows of documents, by document in order of first appearance, wherever they stand in the file.

    `header` names the columns that say the same in all rows of a document, its number first; `places` are those of the
    file's columns, and `columns` those of which a row has values. `spelled` has by column what rows of the file say
    there, by its key.
    """

    def __init__(
        self,
        header: Sequence[str],
        places: Mapping[str, int],
        columns: Iterable[str],
        spelled: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._places, self._columns = places, tuple(columns)
        self._header = [places[name] for name in header if name in places]
        self._count = self._documents = 0
        self._id = 0
        self._waiting: list[_Kept] = []
        self._first: list[str] = []
        self._spelled = spelled
        # The garbage may be collected in another thread.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.executescript(_TABLES)
        weakref.finalize(self, self._database.close)

    def complete(self, cells: list[str]) -> None:
        """Fill the empty cells of a row from the first row of its document, and spell the number as there.

        A row that says nothing of its document belongs to that of the row above.
        """
        said = [cells[place].strip() for place in self._header]
        if said != self._first:  # most rows repeat what the row above says
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
        new = key, self._documents + 1, json.dumps(said)
        if self._database.execute("INSERT INTO document VALUES (?, ?, ?) ON CONFLICT DO NOTHING", new).rowcount:
            self._documents += 1
            self._id, self._first = self._documents, said
            return
        known = self._database.execute("SELECT id, said FROM document WHERE key = ?", (key,)).fetchone()
        self._id, self._first = known[0], json.loads(known[1])

    def append(self, row: Row) -> None:
        """Keep a row of the document whose cells were completed last."""
        kept = self._id, row.number, row.cells, [row.values[name] for name in self._columns]
        self._count += 1
        if self._id < self._documents:
            self._database.execute("INSERT INTO late VALUES (?, ?, ?)", (*kept[:2], _packed([kept])))
            return
        self._waiting.append(kept)
        if len(self._waiting) >= _TOGETHER:
            self._write()

    def named_in(self, column: str) -> set[Any]:
        """Return the different values of a column; the rows are not read once more for one that is `spelled`.

        Texts of rows that are left out for an error are among these: then nothing of the file is stored.
        """
        known = self._spelled.get(column)
        return {row[column] for row in self} if known is None else set(known.values())

    def _write(self) -> None:
        if self._waiting:
            self._database.execute("INSERT INTO in_order VALUES (?, ?)", (self._waiting[0][1], _packed(self._waiting)))
            self._waiting = []

    @override
    def __len__(self) -> int:
        return self._count

    @override
    def __iter__(self) -> Iterator[Row]:
        self._write()
        rows = _unpacked(self._database.execute("SELECT content FROM in_order ORDER BY number"))
        if self._database.execute("SELECT EXISTS (SELECT 1 FROM late)").fetchone()[0]:
            late = _unpacked(self._database.execute("SELECT content FROM late ORDER BY document, number"))
            rows = merge(rows, late, key=itemgetter(0, 1))
        for _, number, cells, values in rows:
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


def named_in(rows: Sequence[Row], column: str) -> set[Any]:
    """Return the different values of a column that holds the key of another kind."""
    return rows.named_in(column) if isinstance(rows, Documents) else {row[column] for row in rows}


def _packed(rows: Sequence[_Kept]) -> bytes:
    return pickle.dumps(rows, pickle.HIGHEST_PROTOCOL)


def _unpacked(found: Iterable[tuple[bytes]]) -> Iterator[_Kept]:
    for (content,) in found:
        yield from pickle.loads(content)
