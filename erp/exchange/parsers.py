"""Parsers of cells: each returns a value or raises ValueError with what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeVar

from erp import clock
from erp.addresses import MAX_LENGTH, BadAddress, check_address
from erp.identity import JOINERS, refused_character
from erp.numbers import LIMIT, PLACES
from erp.text import say

E = TypeVar("E", bound=StrEnum)

Parser = Callable[[str], Any]


def long_text(cell: str) -> str:
    """Read any text, line breaks included."""
    return cell


def text(length: int) -> Parser:
    """Read one line of at most `length` characters."""

    return lambda cell: _line(cell, length, allowed=JOINERS)


def email_address(cell: str) -> str:
    """Read one email address without a name."""
    line: str = text(MAX_LENGTH)(cell)
    try:
        check_address(line)
    except BadAddress as error:
        raise ValueError(say("is no email address: {error}", error=error.facts["reason"])) from None
    return line


# What a spreadsheet makes of a long number, in names too: 4.00638E+12. A code such as 1E5 is left alone.
_EXPONENT = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+[eE][+-]?|[eE][+-])[0-9]+")


def _line(cell: str, length: int, *, allowed: str) -> str:
    return _checked_line(cell.strip(), length, allowed)


@lru_cache(maxsize=10_000)
def _checked_line(line: str, length: int, allowed: str) -> str:
    if _EXPONENT.fullmatch(line):
        raise ValueError(say("is a number in exponent form, as a spreadsheet shortens it: write it in full, as text"))
    if character := refused_character(line, allowed=allowed):
        raise ValueError(say("has {character}: remove it", character=character))
    if len(line) > length:
        raise ValueError(say("is longer than {length} characters", length=length))
    return line


@dataclass(frozen=True)
class code:
    """Read an identifier such as a SKU, a code or the number of a document, compared by its key.

    In all rows of a file it has the spelling of the first. One that `is_local` is of something else in each row, as a
    lot number is of the row's product, and keeps its own. `read` reads it further, as a location's path is.
    """

    length: int
    is_local: bool = False
    read: Parser | None = None

    def __call__(self, cell: str) -> str:
        """Return the identifier without white space around it."""
        line = _line(cell, self.length, allowed="")
        return line if self.read is None else str(self.read(line))


def quantity(cell: str) -> Decimal:
    """Read a number above 0 with at most four decimals."""
    value = _number(cell)
    if value <= 0:
        raise ValueError(say("is not more than 0"))
    return value


def quantity_or_zero(cell: str) -> Decimal:
    """Read a number of at least 0 with at most four decimals."""
    value = _number(cell)
    if value < 0:
        raise ValueError(say("is less than 0"))
    return value


money = quantity_or_zero


def signed_quantity(cell: str) -> Decimal:
    """Read a number other than 0, with its sign and at most four decimals."""
    value = _number(cell)
    if value == 0:
        raise ValueError(say("is 0"))
    return value


def _number(cell: str) -> Decimal:
    return _number_of(cell.strip())


@lru_cache(maxsize=5000)
def _number_of(text: str) -> Decimal:
    """Return the number that a text without white space around it is: in a file many are the same."""
    found = re.fullmatch(r"[+-]?[0-9]{1,30}(?:\.([0-9]{1,30}))?", text)
    if not found:
        raise ValueError(_number_problem(text))
    if len((found[1] or "").rstrip("0")) > PLACES:
        raise ValueError(say("has more than four decimals"))
    value = Decimal(text)
    if abs(value) > LIMIT:
        raise ValueError(say("is beyond {LIMIT:,}", LIMIT=LIMIT))
    return value


def _number_problem(text: str) -> str:
    """Return why a text is no number, and how to write it."""
    if re.fullmatch(r"[+-]?[0-9]+(?:[.,][0-9]+)?[eE][+-]?[0-9]+", text):
        return say("is in exponent form, as a spreadsheet shortens it: write the number in full")
    if re.fullmatch(r"[+-]?[0-9][0-9., '\u00a0\u2019\u202f]*", text):
        return say("is not a number such as 1234.5: write a decimal point, and nothing between thousands")
    return say("is not a number such as 12 or 12.5")


def whole_number(cell: str) -> int:
    """Read a whole number with its sign."""
    if not re.fullmatch(r"[+-]?[0-9]{1,30}", cell.strip()):
        raise ValueError(say("is not a whole number"))
    if abs(int(cell)) > 999_999_999:
        raise ValueError(say("is beyond 999,999,999"))
    return int(cell)


def day(cell: str) -> date:
    """Read a calendar date such as 2026-11-23; midnight may follow it, as programs write it."""
    text, _, time = re.sub("[T ]+", " ", cell.strip(), count=1).partition(" ")
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(say("is not a date such as 2026-11-23{text}", text=_other_order(text)))
    if time and not re.fullmatch(r"00:00(:00(\.0{1,9})?)?", time):
        raise ValueError(say("has a time, and a date is wanted: write it without a time, such as 2026-11-23"))
    try:
        read = date.fromisoformat(text)
    except ValueError:
        raise ValueError(say("is not a day of the calendar")) from None
    if read.year not in clock.YEARS:
        raise ValueError(
            say("is not a day of the years {start} to {stop}", start=clock.YEARS.start, stop=clock.YEARS.stop - 1)
        )
    return read


def _other_order(text: str) -> str:
    """Return what to do about a date whose order of day and month nobody can know."""
    is_other = re.fullmatch(r"[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}\.?", text)
    return ": write the year, the month and the day in this order" if is_other else ""


_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?) ?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)


def instant(cell: str) -> datetime:
    """Read a time such as 2026-11-23T14:30:00+01:00; one without a zone is in `[erp] timezone`.

    Refuses one without a zone that the company's clocks skip or show twice.
    """
    found = _INSTANT.fullmatch(cell.strip())
    if not found:
        order = _other_order(cell.strip().partition(" ")[0])
        raise ValueError(
            say("is not a time such as 2026-11-23T14:30:00, a zone such as +01:00 or Z may follow{order}", order=order)
        )
    day_, time, zone = found.groups()
    try:
        wall_time = datetime.fromisoformat(f"{day_}T{time or '00:00'}{zone or ''}")
        problem = "" if zone else clock.problem_of(wall_time)
        read = clock.from_local(wall_time)
    except (ValueError, OverflowError):
        raise ValueError(say("is not a time of the calendar")) from None
    if problem:
        raise ValueError(say("{problem}: write it with its zone, such as +01:00", problem=problem))
    return read


def switch(cell: str) -> bool:
    """Read yes or no."""
    try:
        return {"yes": True, "no": False}[cell.strip().lower()]
    except KeyError:
        raise ValueError(say("is neither yes nor no")) from None


def one_of(words: type[E]) -> Callable[[str], E]:
    """Read one of the words of an enum."""

    def parse(cell: str) -> E:
        try:
            return words(cell.strip())
        except ValueError:
            raise ValueError(say("is none of {words}", words=", ".join(words))) from None

    return parse
