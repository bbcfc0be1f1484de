"""Options as ini text: reading it, writing it, and the example file that explains every option."""

from __future__ import annotations

import configparser
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from erp.errors import OptionError
from erp.options.types import Option
from erp.text import say

_WIDTH = 100


def read_ini_file(path: Path) -> str:
    """Return what is in an ini file; raise OptionError where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise OptionError(say("file"), str(path), say("it cannot be read: {reason}", reason=error.strerror)) from None
    except UnicodeDecodeError:
        raise OptionError(say("file"), str(path), say("UTF-8 text is allowed")) from None


def parse_ini(text: str, *, place: str = "") -> configparser.ConfigParser:
    """Return the sections of an ini text; raise OptionError for any other text."""
    parser = configparser.ConfigParser(interpolation=None, default_section="")
    try:
        parser.read_string(text)
    except configparser.Error as error:
        problem = " ".join(str(error).split())
        raise OptionError(place.removeprefix(" in ") or say("file"), problem, say("ini text is allowed")) from None
    return parser


def as_ini(values: Mapping[str, str]) -> str:
    """Return options by `section.name` as ini text, in the order given."""
    sections: dict[str, list[str]] = {}
    for key, value in values.items():
        section, _, name = key.partition(".")
        sections.setdefault(section, []).append(f"{name} = {value}".rstrip())
    return "\n".join(f"[{section}]\n" + "".join(f"{line}\n" for line in lines) for section, lines in sections.items())


def example_ini(declared: Mapping[str, Iterable[Option[Any]]]) -> str:
    """Return an ini file of comments: every option with its help, what is allowed and its default."""
    head = "; Every option with its default. Copy this file to config/erp.ini and set what you want to differ.\n"
    return head + "".join(f"\n[{section}]\n{''.join(_explained(options))}" for section, options in declared.items())


def _explained(options: Iterable[Option[Any]]) -> Iterator[str]:
    for number, option in enumerate(options):
        allowed = "" if option.kind == "text" else f" {option.allowed[0].upper()}{option.allowed[1:]}."
        lines = textwrap.wrap(f"{option.help}{allowed}", _WIDTH, initial_indent="; ", subsequent_indent="; ")
        default = f"; {option.name} = {option.format(option.default)}".rstrip()
        yield "\n" * bool(number) + "".join(f"{line}\n" for line in [*lines, default])
