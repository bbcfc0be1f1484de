"""The search over all documents: words of descriptive rows, kept in step with them, and numbers by their keys.

A word that was typed finds the words that begin with it. Where nothing is found, one wrong, missing, extra or swapped
character in each longer word is forgiven: every such spelling is looked up in the same index, so that a million rows
take as long as a thousand and both databases answer alike.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Index,
    Select,
    String,
    Text,
    and_,
    delete,
    event,
    insert,
    inspect,
    intersect,
    select,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from erp.db import BigId, CodePoints, ErpSession, Model, is_one_of, key_of, rows_table
from erp.identity import identity_key
from erp.text import say

LONGEST_TEXT = 100
MOST_WORDS = 8
SHORTEST_FORGIVEN = 4
LONGEST_FORGIVEN = 24
LONGEST_WORD = 60
# A number that a sequence gives has at least so many digits.
DIGITS = 5

# Found by what it is called, by its beginning, by that with a typing error, or by the name of another row.
EXACT, BEGINS, SIMILAR, RELATED = range(4)

M = TypeVar("M", bound=Model)

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_READ = 500
_KEPT = 20
_BATCH = 5000
# Sorts after every text that begins with what stands before it.
_LAST = "\U0010ffff"


class SearchWord(Model):
    """A word by which a row of a Searchable table is found; `document` is the name of that table."""

    __tablename__ = "erp_search_word"
    __table_args__ = (Index("ix_erp_search_word_document", "document", "document_id"),)

    document: Mapped[str] = mapped_column(String(60), primary_key=True)
    word: Mapped[str] = mapped_column(CodePoints, primary_key=True)
    document_id: Mapped[int] = mapped_column(BigId, primary_key=True)


class Searchable:
    """Mix-in of a table whose rows are found by the words of the columns `search_fields`.

    Rows that the session writes are kept in step by themselves; a bulk statement is followed by `refresh`.
    """

    search_fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """A row that was found: `text` is what it is called, `note` a few words about it; the lowest `rank` comes first."""

    id: int
    text: str
    note: str = ""
    rank: int = BEGINS


@dataclass(frozen=True)
class Sought:
    """What is searched for: the text as it was typed, and whether typing errors are forgiven."""

    text: str
    is_forgiving: bool = False
    # Several sources ask for the rows of one table: the customers themselves, and the orders of these.
    _ids: dict[str, dict[int, int]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def words(self) -> list[str]:
        """The words that each result must have."""
        return typed_words(self.text)

    def forgiving(self) -> Sought:
        """Return the same search with typing errors forgiven."""
        return Sought(self.text, is_forgiving=True)


@dataclass(frozen=True)
class SearchSource:
    """Rows that the search finds: `find(session, sought, limit)` returns them.

    `name` is the screen (`module.noun`) that shows them: users who may not open it do not find them. `title` is what
    one is called.
    """

    name: str
    title: str
    find: Callable[[Session, Sought, int], Sequence[Found]]


def plain_text(text: str) -> str:
    """Return a text without case and accents, as words are compared."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in apart if not unicodedata.combining(character))


def stored_words(texts: Iterable[str]) -> set[str]:
    """Return the words by which texts are found; an email address is found by its parts and as a whole."""
    found: set[str] = set()
    for token in (token for text in texts for token in plain_text(text or "").split()):
        found.update(_parts(token))
        if "@" in token:
            found.add(token[:LONGEST_WORD])
    return found


def typed_words(text: str) -> list[str]:
    """Return the words of what was typed, each once; an email address is one word."""
    tokens = plain_text(text[:LONGEST_TEXT]).split()
    words = (word for token in tokens for word in ([token[:LONGEST_WORD]] if "@" in token else _parts(token)))
    return list(dict.fromkeys(words))[:MOST_WORDS]


def _parts(token: str) -> list[str]:
    return [part[:LONGEST_WORD] for part in re.findall(r"[^\W_]+", token)]


@lru_cache(maxsize=100)
def spellings(word: str, letters: str = _LETTERS) -> Sequence[str]:
    """Return what may have been meant by a word: itself first, then all with one typing error less, likelier first.

    Short words, of which every other is similar, are not changed.
    """
    if not SHORTEST_FORGIVEN <= len(word) <= LONGEST_FORGIVEN:
        return [word]
    cuts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    swapped = [a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1]
    inserted = [a + letter + b for a, b in cuts for letter in letters]
    removed = [a + b[1:] for a, b in cuts if b]
    replaced = [a + letter + b[1:] for a, b in cuts if b for letter in letters]
    return list(dict.fromkeys([word, *swapped, *inserted, *removed, *replaced]))


def ids_by_words(session: Session, model: type[Model], sought: Sought, limit: int) -> dict[int, int]:
    """Return the ids of rows of a Searchable table that have every word, the best first, each with its rank."""
    known = sought._ids
    name = model.__tablename__
    if name not in known:
        known[name] = _ids_by_words(session, model, sought) if sought.words else {}
    return dict(list(known[name].items())[:limit])


def _ids_by_words(session: Session, model: type[Model], sought: Sought) -> dict[int, int]:
    rank = SIMILAR if sought.is_forgiving else BEGINS
    first, *others = sought.words
    if others:
        parts = (_matching(session, model, word, sought) for word in sought.words)
        all_words = intersect(*(part.with_only_columns(SearchWord.document_id) for part in parts))
        return dict.fromkeys(sorted(session.scalars(all_words.limit(_READ)))[:_KEPT], rank)
    rows = _matching(session, model, first, sought)
    if not sought.is_forgiving:
        rows = rows.order_by(SearchWord.word, SearchWord.document_id)
    # A word that is just as meant comes before those that go on.
    order = {spelling: place for place, spelling in enumerate(_meant(first, sought))}
    likely = sorted((order.get(word, len(order)), id_) for id_, word in session.execute(rows.limit(_READ)))
    return dict.fromkeys([id_ for _, id_ in likely][:_KEPT], rank)


def rows_by_words(session: Session, model: type[M], sought: Sought, limit: int) -> list[tuple[M, int]]:
    """Return the rows of a Searchable table that have every word, the best first, each with its rank."""
    ranks = ids_by_words(session, model, sought, limit)
    key: Any = model.__mapper__.primary_key[0]
    wanted = select(key, model).where(is_one_of(session, key, ranks))
    rows: dict[int, M] = dict(session.execute(wanted).all()) if ranks else {}
    return [(rows[id_], rank) for id_, rank in ranks.items() if id_ in rows]


def _meant(word: str, sought: Sought) -> Sequence[str]:
    return spellings(word) if sought.is_forgiving and "@" not in word else [word]


def _matching(session: Session, model: type[Model], word: str, sought: Sought) -> Select[Any]:
    """Return a select of the rows and words of `model` that begin with what was meant."""
    meant = _meant(word, sought)
    columns: tuple[Any, ...] = (SearchWord.document_id, SearchWord.word)
    rows: Select[Any] = select(*columns)
    rows = rows.where(SearchWord.document == model.__tablename__)
    if len(meant) == 1:
        return rows.where(begins(SearchWord.word, word))
    ranges = rows_table(session, {"low": Text(), "high": Text()}, [(each, each + _LAST) for each in meant])
    return rows.where(SearchWord.word >= ranges.c.low, SearchWord.word < ranges.c.high)


def begins(column: Any, text: str) -> ColumnElement[bool]:
    """Return the condition that a column which is compared by code points begins with a text; an index answers it."""
    return and_(column >= text, column < text + _LAST)


def rows_by_number(
    session: Session, rows: Select[Any], column: Any, sought: Sought, limit: int, *, prefix: str = ""
) -> list[tuple[Any, int]]:
    """Return the rows whose identifier, a column with a key, is meant or begins so, each with its rank.

    `prefix` is that of the document's own numbers: with SO, `42` and `so42` mean SO00042.
    """
    key: Any = key_of(column)
    typed = identity_key(sought.text[:LONGEST_TEXT])
    if not typed:
        return []
    if sought.is_forgiving:
        order = {spelling: place for place, spelling in enumerate(spellings(typed, _LETTERS + "-/."))}
        # A text without a digit is a name that was mistyped, and no number.
        if len(order) == 1 or not any(map(str.isdigit, typed)):
            return []
        found = session.execute(rows.add_columns(key).where(is_one_of(session, key, order)).limit(_READ)).all()
        return [(row, SIMILAR) for row, _ in sorted(found, key=lambda pair: order[pair[1]])[:limit]]
    meant = [typed, *_with_zeros(typed, identity_key(prefix))]
    exact = session.scalars(rows.where(key.in_(meant)).limit(limit)).all()
    beginning = rows.where(begins(key, typed), key.not_in(meant)).order_by(key).limit(limit)
    more = session.scalars(beginning).all() if len(exact) < limit else []
    return [(row, EXACT) for row in exact] + [(row, BEGINS) for row in more][: limit - len(exact)]


def _with_zeros(typed: str, prefix: str) -> list[str]:
    """Return the number that a sequence would have given, where only its last digits were typed."""
    matched = re.fullmatch(rf"#?(?:{re.escape(prefix)})?[-# ]?([0-9]{{1,12}})", typed) if prefix else None
    return [f"{prefix}{int(matched[1]):0{DIGITS}d}"] if matched else []


def refresh(session: Session, rows: Iterable[Any]) -> None:
    """Store the words of rows of Searchable tables, in the place of those that they had."""
    session.flush()
    _store(session, rows)


def forget_tables(session: Session, tables: Iterable[str]) -> None:
    """Delete the words of tables that are dropped."""
    session.execute(delete(SearchWord).where(SearchWord.document.in_(list(tables))))


def rebuild(session: Session, model: type[Model]) -> None:
    """Store the words of all rows of a Searchable table, such as one that became so with a new version."""
    forget_tables(session, [model.__tablename__])
    for part in session.scalars(select(model).execution_options(yield_per=_BATCH)).partitions():
        refresh(session, part)


def wrong_words(session: Session, model: type[Any]) -> Iterator[str]:
    """Yield a sentence for each row that the search finds by other words than its own, and one where rows are gone."""
    name = model.__tablename__
    for part in session.scalars(select(model).execution_options(yield_per=_BATCH)).partitions():
        stored: dict[int, set[str]] = {}
        of_part = is_one_of(session, SearchWord.document_id, [row.id for row in part])
        words = select(SearchWord.document_id, SearchWord.word).where(SearchWord.document == name, of_part)
        for id_, word in session.execute(words):
            stored.setdefault(id_, set()).add(word)
        wrong = [row for row in part if stored.get(row.id, set()) != _words_of(row)]
        yield from (say("{name} {row}: the search does not have its words.", name=name, row=row) for row in wrong)
    gone = SearchWord.document == name, SearchWord.document_id.not_in(select(model.id))
    if session.execute(select(SearchWord.document_id).where(*gone).limit(1)).first():
        yield say("{name}: the search has words of rows that are gone.", name=name)


def _words_of(row: Any) -> set[str]:
    return stored_words(getattr(row, name) for name in row.search_fields)


def _store(session: Session, rows: Iterable[Any], gone: Iterable[Any] = ()) -> None:
    by_table: dict[str, dict[int, set[str]]] = {}
    for row in rows:
        by_table.setdefault(row.__tablename__, {})[row.id] = _words_of(row)
    for row in gone:
        by_table.setdefault(row.__tablename__, {})[row.id] = set()
    connection = session.connection()
    for name, words in by_table.items():
        old = SearchWord.document == name, is_one_of(session, SearchWord.document_id, words)
        connection.execute(delete(SearchWord).where(*old))
        new = [_row(name, id_, word) for id_, found in words.items() for word in sorted(found)]
        if new:
            connection.execute(insert(SearchWord), new)


def _row(name: str, id_: int, word: str) -> Mapping[str, Any]:
    return {"document": name, "document_id": id_, "word": word}


def _is_changed(row: Any) -> bool:
    attributes = inspect(row).attrs
    return any(attributes[name].history.has_changes() for name in row.search_fields)


@event.listens_for(ErpSession, "after_flush")
def _keep_in_step(session: Session, _context: Any) -> None:
    new = [row for row in session.new if isinstance(row, Searchable)]
    new += [row for row in session.dirty if isinstance(row, Searchable) and _is_changed(row)]
    gone = [row for row in session.deleted if isinstance(row, Searchable)]
    if new or gone:
        _store(session, new, gone)
