"""Texts: English wherever programs, files and logs read them, in the language of the reader on a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from string import Formatter
from typing import Any, Protocol, Self

from markupsafe import Markup, escape
from typing_extensions import override


@dataclass(frozen=True)
class Note:
    """A sentence about what an action would do, what introduces it, and the path of a page that shows an example."""

    label: str
    text: str
    path: str = ""


class Reader(Protocol):
    """Whom a page is for: the catalogues of their language, and how it writes numbers and days."""

    def gettext(self, message: str) -> str:
        """Return a message in their language."""

    def ngettext(self, one: str, many: str, number: int) -> str:
        """Return the one of two messages that goes with a number, in their language."""

    def number(self, value: Any) -> str:
        """Return a number with separators of thousands."""

    def exact(self, plain: str) -> str:
        """Return a plain number with all its decimals and with separators."""

    def day(self, value: date) -> str:
        """Return a calendar date."""

    def instant(self, value: datetime) -> str:
        """Return a time to the minute, in the zone that it is in."""


class _Readers:
    # Set when an application is made; without one there is nobody to translate for.
    find: Callable[[], Reader | None] = staticmethod(lambda: None)


def translate_for(find: Callable[[], Reader | None]) -> None:
    """Ask `find` from now on who reads what is shown; it returns None where a text stays English."""
    _Readers.find = staticmethod(find)


def _as_it_is(text: str) -> str:
    return text


class Figure(str):
    """A number as files have it, which a sentence shows with the separators of the reader."""


class Translatable(str):
    """A text in English that knows how it was made, so that a page can show it in another language.

    `message` is what the catalogues have, with the names of `facts` in braces; `many` is its plural, for `number`.
    Whatever escapes it for a page, such as a template or a form, gets the translation; `change` is made to either.
    """

    message: str
    facts: dict[str, Any]
    many: str
    number: int
    change: Callable[[str], str]

    def __new__(
        cls,
        message: str,
        facts: dict[str, Any] | None = None,
        many: str = "",
        number: int = 1,
        change: Callable[[str], str] = _as_it_is,
    ) -> Self:
        """Put the facts into the English message."""
        english = many if many and number != 1 else message
        made = super().__new__(cls, change(english.format(**facts) if facts else english))
        made.message, made.facts, made.many, made.number, made.change = message, facts or {}, many, number, change
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self.message, self.facts, self.many, self.number, self.change

    @override
    def __str__(self) -> str:
        return self  # str() of it, or of an exception that has it, is as translatable

    def __html__(self) -> Markup:
        return escape(self.translated())

    @override
    def __add__(self, other: str) -> Translatable:
        return joined((self, other), "")

    def translated(self) -> str:
        """Return the text in the language of the reader."""
        reader = _Readers.find()
        if reader is None:
            return "".join(self)
        many, message = self.many, self.message
        found = reader.ngettext(message, many, self.number) if many else reader.gettext(message)
        return self.change(_Shown(reader).format(found, **self.facts) if self.facts else found)


class _Shown(Formatter):
    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    @override
    def convert_field(self, value: Any, conversion: Any) -> Any:
        return super().convert_field(
            self.reader.exact(value) if isinstance(value, Figure) else shown(value), conversion
        )

    @override
    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec == "," and not isinstance(value, str):
            return self.reader.number(value)
        if isinstance(value, datetime) and "%H" in format_spec:
            return self.reader.instant(value)
        if format_spec == "%d %b %Y" or (not format_spec and type(value) is date):
            return self.reader.day(value)
        return str(shown(super().format_field(value, format_spec)))  # the text of an object may be translatable


def shown(value: Any) -> Any:
    """Return a text that `say` made, or a refusal, in the language of the reader, and other things as they are."""
    if isinstance(value, BaseException):
        value = str(value)
    return value.translated() if isinstance(value, Translatable) else value


def say(message: str, /, **facts: Any) -> Translatable:
    """Return a text of the catalogues; `facts` go where their names stand in braces, as with `str.format`.

    Facts that are themselves made by `say` or `plural`, and refusals, are translated with it; other text is data.
    """
    return Translatable(message, facts)


def plural(number: int, noun: str, many: str = "") -> Translatable:
    """Return the number and the noun that goes with it: `1 line`, `2 lines`, `1,200 lines`.

    `many` is the plural of a noun that does not just take an s.
    """
    return Translatable(f"{{number:,}} {noun}", {"number": number}, f"{{number:,}} {many or f'{noun}s'}", number)


def joined(parts: Iterable[str], separator: str = " ") -> Translatable:
    """Return texts as one, each as translatable as before."""
    facts: dict[str, Any] = {}
    for part in parts:
        facts |= {f"separator{len(facts)}": separator} if facts else {}
        facts[f"part{len(facts)}"] = part
    return Translatable("".join(f"{{{name}}}" for name in facts), facts)


def translated(text: Any) -> str:
    """Return a text of this product, or a refusal, in the language of the reader; Markup is ready and stays."""
    if isinstance(text, Translatable):
        return text.translated()
    if isinstance(text, BaseException):
        return translated(str(text))
    reader = None if isinstance(text, Markup) else _Readers.find()
    return text if reader is None or not text else reader.gettext(str(text))


def named(text: Any) -> Translatable:
    """Return a declared text, such as the label of an action, to go into a sentence and be translated there."""
    return text if isinstance(text, Translatable) else Translatable(str(text))


def verb(infinitive: str) -> Translatable:
    """Return what a button says, from the verb that the catalogues have: `to order` is `Order`, unlike the noun."""
    return _changed(named(infinitive), _imperative)


def capital(text: Any) -> Translatable:
    """Return a declared text that begins with a capital letter."""
    return _changed(named(text), _capital)


def word(name: Any) -> Translatable:
    """Return an identifier, such as a state, as a word inside a sentence: `partly_received` is `partly received`."""
    return _changed(named(_capital(str(name).replace("_", " "))), _small)


def without_stop(text: Any) -> Translatable:
    """Return a text, or a refusal's, without the full stop at its end, to go into another sentence."""
    return _changed(named(text), _without_stop)


def first_line(text: str) -> Translatable:
    """Return the first line of a text."""
    return _changed(Translatable("{text}", {"text": text}), _first_line)


def _changed(text: Translatable, change: Callable[[str], str]) -> Translatable:
    if text.change is not _as_it_is:
        return Translatable("{text}", {"text": text}, change=change)
    return Translatable(text.message, text.facts, text.many, text.number, change)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _imperative(text: str) -> str:
    return _capital(text.removeprefix("to "))


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]


def _without_stop(text: str) -> str:
    return text.rstrip(".")


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


# What parts the English of a stored text from its facts; nobody's text has it.
_PART = "\x1e"
_JSON = json.JSONEncoder(ensure_ascii=False)
_CHANGES = {
    change.__name__: change for change in (_as_it_is, _capital, _first_line, _imperative, _small, _without_stop)
}


class Stored(str):
    """A text as a column keeps it: in English, and behind that how it was made, if `say` or its like made it."""


def stored(text: str) -> Stored:
    """Return a text as a column keeps it; `from_stored` makes the same text of it again."""
    if isinstance(text, Stored):
        return text
    if not isinstance(text, Translatable):
        return Stored(text.replace(_PART, ""))
    english = "".join(text).replace(_PART, "")
    return Stored(f"{english}{_PART}{_JSON.encode(_as_data(text))}")


def storing(text: Translatable) -> Callable[..., Stored]:
    """Return a function that stores a text without facts, as `say` makes it, with the facts that it is given.

    It does what `stored` does, for thousands of texts in a fraction of the time: what a fact becomes is kept.
    """
    before, _, after = _JSON.encode(_as_data(text)).partition("{}")

    def store(**facts: Any) -> Stored:
        english = text.message.format(**facts).replace(_PART, "")
        data = ", ".join([f'"{name}": {_encoded(fact)}' for name, fact in facts.items()])
        return Stored(f"{english}{_PART}{before}{{{data}}}{after}")

    return store


def _encoded(fact: Any) -> str:
    # Texts that are the same in English may be made in several ways.
    return _JSON.encode(_as_data(fact)) if isinstance(fact, Translatable) else _kept(fact)


@lru_cache(maxsize=10_000, typed=True)
def _kept(fact: Any) -> str:
    return _JSON.encode(_as_data(fact))


def from_stored(text: str) -> str:
    """Return a text that a column kept, as translatable as it was when it was stored."""
    _, _, data = text.partition(_PART)
    return _from_data(json.loads(data)) if data else text


def _as_data(value: Any) -> Any:
    """Return a fact as JSON keeps it; of what is neither a text, a number nor a day, its text is kept."""
    if not isinstance(value, str | int | Decimal | date | None):
        value = str(value)
    if isinstance(value, Translatable):
        facts = {name: _as_data(fact) for name, fact in value.facts.items()}
        return {"text": [value.message, facts, value.many, value.number, value.change.__name__]}
    if isinstance(value, Figure):
        return {"figure": value}
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, datetime):
        return {"instant": value.isoformat()}
    if isinstance(value, date):
        return {"day": value.isoformat()}
    return value


def _from_data(data: Any) -> Any:
    if not isinstance(data, dict):
        return data
    ((kind, value),) = data.items()
    if kind == "text":
        message, given, many, number, change = value
        facts = {name: _from_data(fact) for name, fact in given.items()}
        return Translatable(message, facts, many, number, _CHANGES.get(change, _as_it_is))
    read: dict[str, Callable[[str], Any]] = {
        "figure": Figure,
        "decimal": Decimal,
        "instant": datetime.fromisoformat,
        "day": date.fromisoformat,
    }
    return read[kind](value)
