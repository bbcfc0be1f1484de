"""The kinds of options: what each allows, and how its values are read from and written to ini text."""

from __future__ import annotations

import configparser
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal as ExactDecimal
from decimal import InvalidOperation
from typing import ClassVar, Generic, TypeVar

from typing_extensions import override

from erp.addresses import BadAddress, parse_mailbox
from erp.text import joined, say

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Option(Generic[T]):
    """One key of a module's ini section.

    `only_if` names the condition to show it: a switch of the same section that is on, or `option=value`. `at_start`
    marks an option that is read before there is a database, so that only the file and the environment can set it.
    """

    name: str
    default: T
    help: str
    only_if: str = ""
    at_start: bool = False
    kind: ClassVar[str] = "text"

    @property
    def needs(self) -> tuple[str, str]:
        """The option of the same section that this one depends on, and the value that it needs; two blanks if none."""
        name, _, value = self.only_if.partition("=")
        return name, value or ("yes" if name else "")

    @property
    def allowed(self) -> str:
        """What a value may be, in words, for help texts and refusals."""
        return say("any text is allowed")

    def refusal(self, text: str) -> str:
        """Return why a text that does not fit is refused, in words."""
        return self.allowed

    def parse(self, text: str) -> T:
        """Read an ini value; raise ValueError when it does not fit."""
        raise ValueError(text)

    def format(self, value: T) -> str:
        """Write a value as `parse` reads it."""
        return "" if value is None else str(value)


@dataclass(frozen=True, kw_only=True)
class Text(Option[str]):
    """A line of text."""

    @property
    @override
    def allowed(self) -> str:
        return say("one line of text is allowed")

    def parse(self, text: str) -> str:
        """Return the text without surrounding blanks; raise ValueError for control characters and broken text."""
        if re.search(r"[\x00-\x1f\ud800-\udfff]", text.strip()):
            raise ValueError(text)
        return text.strip()


@dataclass(frozen=True, kw_only=True)
class Mailbox(Text):
    """An email address, with a name before it or without; empty where the default is empty."""

    @property
    @override
    def allowed(self) -> str:
        empty = _or_empty(self.default or None)
        return say('an address, `Name <address>` or `"Name, with a comma" <address>`{empty} is allowed', empty=empty)

    @override
    def refusal(self, text: str) -> str:
        return joined((_address_problem(text) or say("it has a control character"), self.allowed), "; ")

    @override
    def parse(self, text: str) -> str:
        line = super().parse(text)
        if (line or self.default) and _address_problem(line):
            raise ValueError(text)
        return line


def _address_problem(text: str) -> str:
    """Return why a text is no mailbox; empty where it is one."""
    try:
        parse_mailbox(text)
    except BadAddress as error:
        return str(error.facts["reason"])
    return ""


IMAGES = (".png", ".jpg", ".jpeg", ".svg", ".webp")


@dataclass(frozen=True, kw_only=True)
class ImageFile(Text):
    """The path of an image where the server runs, or nothing; the file may come later."""

    @property
    @override
    def allowed(self) -> str:
        return say(
            "a file that ends with {IMAGES} or {IMAGES_}, or nothing, is allowed",
            IMAGES=", ".join(IMAGES[:-1]),
            IMAGES_=IMAGES[-1],
        )

    @override
    def parse(self, text: str) -> str:
        line = super().parse(text)
        if line and not line.lower().endswith(IMAGES):
            raise ValueError(text)
        return line


@dataclass(frozen=True, kw_only=True)
class Switch(Option[bool]):
    """Yes or no."""

    kind: ClassVar[str] = "switch"

    @property
    @override
    def allowed(self) -> str:
        return say("yes or no is allowed")

    def parse(self, text: str) -> bool:
        """Read yes/no, true/false, on/off, 1/0."""
        try:
            return configparser.ConfigParser.BOOLEAN_STATES[text.strip().lower()]
        except KeyError:
            raise ValueError(text) from None

    def format(self, value: bool) -> str:
        """Write yes or no."""
        return "yes" if value else "no"


@dataclass(frozen=True, kw_only=True)
class Integer(Option[int | None]):
    """A whole number, or empty where the default is empty."""

    minimum: int = 0
    maximum: int = 1_000_000_000
    kind: ClassVar[str] = "number"

    @property
    @override
    def allowed(self) -> str:
        return say(
            "a whole number from {minimum} to {maximum}{default} is allowed",
            minimum=self.minimum,
            maximum=self.maximum,
            default=_or_empty(self.default),
        )

    def parse(self, text: str) -> int | None:
        """Read a whole number within the bounds."""
        text = text.strip()
        if not text and self.default is None:
            return None
        if not re.fullmatch(r"-?\d{1,18}", text) or not self.minimum <= int(text) <= self.maximum:
            raise ValueError(text)
        return int(text)


@dataclass(frozen=True, kw_only=True)
class Decimal(Option[ExactDecimal]):
    """An exact decimal number."""

    minimum: ExactDecimal = ExactDecimal(0)
    maximum: ExactDecimal = ExactDecimal(1_000_000_000)
    kind: ClassVar[str] = "number"

    @property
    @override
    def allowed(self) -> str:
        return say(
            "a number from {minimum} to {maximum} with at most four decimals is allowed",
            minimum=self.minimum,
            maximum=self.maximum,
        )

    def parse(self, text: str) -> ExactDecimal:
        """Read a plain decimal within the bounds."""
        if not re.fullmatch(r"-?\d{1,12}(\.\d{1,4})?", text.strip()):
            raise ValueError(text)
        try:
            value = ExactDecimal(text.strip())
        except InvalidOperation:
            raise ValueError(text) from None
        if not self.minimum <= value <= self.maximum:
            raise ValueError(text)
        return value


@dataclass(frozen=True, kw_only=True)
class Choice(Option[str]):
    """One word of a list."""

    choices: Sequence[str]
    kind: ClassVar[str] = "choice"

    @property
    @override
    def allowed(self) -> str:
        return say("one of {choices} is allowed", choices=", ".join(self.choices))

    def parse(self, text: str) -> str:
        """Read one of the choices."""
        if text.strip() not in self.choices:
            raise ValueError(text)
        return text.strip()


_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "day": "days", "days": "days"}


@dataclass(frozen=True, kw_only=True)
class Duration(Option[timedelta]):
    """A length of time: `30 s`, `10 min`, `2 h`, `1 day`."""

    minimum: timedelta = timedelta(seconds=1)
    maximum: timedelta = timedelta(days=31)
    kind: ClassVar[str] = "duration"

    @property
    @override
    def allowed(self) -> str:
        bounds = say("from {format} to {format_}", format=self.format(self.minimum), format_=self.format(self.maximum))
        return say("a time such as 30 s, 10 min, 2 h or 1 day, {bounds}, is allowed", bounds=bounds)

    def parse(self, text: str) -> timedelta:
        """Read a whole number and its unit; 0 needs none."""
        found = re.fullmatch(r"(\d{1,9})\s*(s|min|h|days?)", "0 s" if text.strip() == "0" else text.strip())
        if not found:
            raise ValueError(text)
        value = timedelta(**{_UNITS[found[2]]: int(found[1])})
        if not self.minimum <= value <= self.maximum:
            raise ValueError(text)
        return value

    def format(self, value: timedelta) -> str:
        """Write the value in its largest whole unit."""
        seconds = int(value.total_seconds())
        for size, unit in ((86400, "day"), (3600, "h"), (60, "min")):
            if seconds and seconds % size == 0:
                count = seconds // size
                return f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}"
        return f"{seconds} s"


def _or_empty(default: object) -> str:
    return say(" or nothing") if default is None else ""
