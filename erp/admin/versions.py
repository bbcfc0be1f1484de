"""The version of a page: the figures and states that its change depends on, as they were when it was opened.

A form carries it in a hidden field. When the form is sent, it is compared with what holds then, before the work and
again under its locks; where something differs, the work is refused with what has changed.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum

from flask import request
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import ObjectDeletedError

from erp.admin.declarations import Facts
from erp.db import when_locked
from erp.errors import StaleRecord
from erp.history import as_text
from erp.text import joined, named, say

FIELD = "page_version"
PAGE = ""
LONGEST = 200
MOST_NAMED = 10
LARGEST = 10_000_000

# Facts by part: those of the page itself have the key PAGE, those of each of its rows the row's key.
Parts = Mapping[str, Facts]
Texts = dict[str, dict[str, str]]


class StalePage(StaleRecord):
    """What a page depends on has changed since it was opened; `changes` says each in words."""

    def __init__(self, changes: Sequence[str]) -> None:
        more = len(changes) - MOST_NAMED
        named = [*changes[:MOST_NAMED], *([say("and {more} more", more=more)] if more > 0 else [])]
        text = say(
            "Nothing was done, because something has changed: {named}. Check it, and send it again.",
            named=joined(named, "; "),
        )
        Exception.__init__(self, text)


def as_field(parts: Parts) -> str:
    """Return the version as the text of its field, empty where nothing is declared.

    It is packed: a form has room for an order of a thousand lines and their figures.
    """
    texts = texts_of(parts)
    return urlsafe_b64encode(zlib.compress(json.dumps(texts).encode())).decode() if any(texts.values()) else ""


def sent() -> Texts | None:
    """Return the version that was sent; None where the sender opened no page.

    Raises StaleRecord for one that never was.
    """
    text = request.form.get(FIELD, "")
    if not text:
        return None
    try:
        return {str(key): {str(label): str(value) for label, value in part.items()} for key, part in _pairs(text)}
    except (ValueError, AttributeError, RecursionError, zlib.error):
        raise StaleRecord from None


def _pairs(text: str) -> Iterable[tuple[str, dict[str, str]]]:
    unpacked = zlib.decompressobj().decompress(urlsafe_b64decode(text.encode()), LARGEST)
    return json.loads(unpacked).items()  # type: ignore[no-any-return]


def changes(read: Callable[[], Parts], concerned: Iterable[str] = ()) -> list[str]:
    """Return what has changed since the page was opened: of itself and of the rows with the keys `concerned`.

    Raises StaleRecord where the row that it is about does not exist any more.
    """
    opened = sent()
    if opened is None:
        return []
    try:
        now = texts_of(read())
    except ObjectDeletedError:
        raise StaleRecord from None
    keys = [PAGE, *concerned]
    return [change for key in keys for change in _differences(opened.get(key, {}), now.get(key, {}))]


@contextmanager
def unchanged(session: Session, read: Callable[[], Parts], concerned: Iterable[str] = ()) -> Iterator[None]:
    """Raise StalePage where something has changed, before the work inside and again when it has taken its locks."""
    keys = list(concerned)

    def check() -> None:
        if found := changes(read, keys):
            raise StalePage(found)

    check()
    with when_locked(session, check):
        yield


def texts_of(parts: Parts) -> Texts:
    """Return facts as a version has them."""
    return {key: {label: text_of(value) for label, value in facts.items()} for key, facts in parts.items()}


def text_of(value: object) -> str:
    """Return a value as a version has it; of a long one the beginning and a digest."""
    text = str(value.value).replace("_", " ") if isinstance(value, Enum) else as_text(value)
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}… ({hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:12]})"


def _differences(was: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for label in {**was, **now}:
        if label not in now:
            yield say(
                "{label} no longer exists, was {was} when this page was opened",
                label=named(label),
                was=_shown(was[label]),
            )
        elif label not in was:
            yield say(
                "{label} is now {now}, was not there when this page was opened",
                label=named(label),
                now=_shown(now[label]),
            )
        elif was[label] != now[label]:
            yield say(
                "{label} is now {now}, was {was} when this page was opened",
                label=named(label),
                now=_shown(now[label]),
                was=_shown(was[label]),
            )


def _shown(text: str) -> str:
    return text or "empty"
