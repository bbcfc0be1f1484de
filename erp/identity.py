"""Identifiers such as SKUs, codes, numbers and names: kept as first written and compared by a key.

`so-77a` and `SO-77A` have one key and are one number. `erp.db.key_column` stores the key next to the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import Any, TypeVar

from erp.errors import ErpError
from erp.text import joined, say

K = TypeVar("K")
V = TypeVar("V")

# Zero width non-joiner and joiner: many scripts and emoji need them, so that descriptive names may have them.
JOINERS = "\u200c\u200d"
# Control, format, private use, surrogate and unassigned characters, and separators of lines and paragraphs. A later
# version of Unicode may give an unassigned character another key.
_REFUSED = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}


# The keys of longer texts are not remembered.
_SHORT = 100
# No character from here on has another case.
_LAST_WITH_CASE = 0x1E944


class BadIdentifier(ErpError):
    """A number, code or name that cannot be kept: it is empty or has a character that cannot be seen."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(joined((repr(text), " ", reason, "."), ""))


def identity_key(text: str) -> str:
    """Return what an identifier is compared by: its letters without case, trimmed, white space runs as one space."""
    return _remembered_key(text) if len(text) <= _SHORT else _key_of(text)


def _key_of(text: str) -> str:
    if text.isascii():
        return " ".join(text.lower().split())
    folded = unicodedata.normalize("NFC", text).casefold()
    return " ".join(unicodedata.normalize("NFC", folded).split())


# A file names a product or a customer on many rows.
_remembered_key = lru_cache(maxsize=5000)(_key_of)


@cache
def _written() -> dict[str, list[str]]:
    """Return, for what characters are without case, the other characters that are the same, such as `ß` for `ss`."""
    found: dict[str, list[str]] = {}
    for character in map(chr, range(_LAST_WITH_CASE)):
        if (folded := character.casefold()) != character:
            found.setdefault(folded, []).append(character)
    return found


def any_case(text: str) -> str:
    """Return a regular expression for the text in any case, which Python and PostgreSQL read alike.

    `über` is found in `ÜBER` and `strasse` in `Straße`, however the letters are composed.
    """
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    pattern, at = "", 0
    while at < len(folded):
        longer = next((part for size in (3, 2) if (part := folded[at : at + size]) in _written()), "")
        part = longer if len(longer) > 1 else folded[at]
        letters = "".join(_one_of([each, *_written().get(each, ())]) for each in part)
        pattern += f"(?:{letters}|{_one_of(_written()[part])})" if len(part) > 1 else letters
        at += len(part)
    return pattern


def _one_of(texts: Sequence[str]) -> str:
    """Return a regular expression for one of several texts, composed or decomposed."""
    forms = dict.fromkeys(form for each in texts for form in (each, unicodedata.normalize("NFD", each)))
    if len(forms) == 1:
        return re.escape(texts[0])
    return f"[{''.join(forms)}]" if max(map(len, forms)) == 1 else f"(?:{'|'.join(forms)})"


def refused_character(text: str, *, allowed: str = "") -> str:
    """Return the first character that a name may not have, such as `U+200B ZERO WIDTH SPACE`; else an empty text."""
    if text.isascii() and text.isprintable():
        return ""
    for character in text:
        if unicodedata.category(character) in _REFUSED and character not in allowed:
            return joined((f"U+{ord(character):04X}", unicodedata.name(character, _kind(character))))
    return ""


def _kind(character: str) -> str:
    kinds = {"Cc": say("a control character"), "Co": say("a private use character"), "Cs": say("half a character")}
    return kinds.get(unicodedata.category(character), say("an unassigned character"))


def check_identifier(text: str) -> str:
    """Return an identifier as it is kept, without white space around it; raise BadIdentifier."""
    return _checked(text, allowed="")


def check_descriptive(text: str) -> str:
    """Return a descriptive name without white space around it; raise BadIdentifier."""
    return _checked(text, allowed=JOINERS)


def _checked(text: str, *, allowed: str) -> str:
    text = text.strip()
    if not text:
        raise BadIdentifier(text, say("is empty"))
    if character := refused_character(text, allowed=allowed):
        raise BadIdentifier(text, say("has {character}: remove it", character=character))
    return text


class ByKey(dict[K, V]):
    """Values by identifier, found however it is written; iterating gives the keys.

    An identifier may also be part of a tuple, such as the number of an order with the position of a line.
    """

    def __init__(self, pairs: Iterable[tuple[K, V]] = ()) -> None:
        super().__init__((_key(identifier), value) for identifier, value in pairs)

    def __getitem__(self, identifier: K) -> V:
        return super().__getitem__(_key(identifier))

    def __setitem__(self, identifier: K, value: V) -> None:
        super().__setitem__(_key(identifier), value)

    def __contains__(self, identifier: object) -> bool:
        return super().__contains__(_key(identifier))

    def get(self, identifier: K, default: V | None = None) -> V | None:  # type: ignore[override]
        """Return the value of an identifier, or the default."""
        return super().get(_key(identifier), default)

    def setdefault(self, identifier: K, default: V) -> V:
        """Return the value of an identifier; where it has none, it gets the default."""
        return super().setdefault(_key(identifier), default)


def _key(identifier: Any) -> Any:
    if isinstance(identifier, str):
        return identity_key(identifier)
    return tuple(map(_key, identifier)) if isinstance(identifier, tuple) else identifier
