"""Option values: read from four places, checked when they are set, and read as `options.section.name`."""

from __future__ import annotations

import configparser
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import current_app, g
from sqlalchemy.orm import Session

from erp import clock, history
from erp.db import carried, lock_switches
from erp.errors import NotFound, OptionError, UnknownOption
from erp.events import OptionsChanged, publish
from erp.models import OptionValue, Revision
from erp.options.ini import parse_ini, read_ini_file
from erp.options.types import Option
from erp.text import say

log = logging.getLogger(__name__)

SOURCES = ("default", "file", "database", "environment")


@dataclass(frozen=True)
class Effective:
    """The effective value of an option, and which of SOURCES it comes from."""

    value: Any
    source: str


class OptionTable:
    """Every declared option with its values in the file and the environment; both are checked at the start.

    Values for `broken` modules cannot be checked and are left out.
    """

    def __init__(
        self,
        declared: Mapping[str, Iterable[Option[Any]]],
        ini: Path | None = None,
        environment: Mapping[str, str] | None = None,
        broken: Iterable[str] = (),
    ) -> None:
        self._broken = frozenset(broken)
        self.declared: dict[str, Option[Any]] = {
            f"{section}.{option.name}": option for section, options in declared.items() for option in options
        }
        self.sections = list(declared)
        self.ini_path = ini
        self._file = self._read_file(ini)
        self._environment = self._read_environment(environment or {})

    def by_section(self) -> dict[str, list[Option[Any]]]:
        """Return the declarations by section, in order."""
        sections: dict[str, list[Option[Any]]] = {section: [] for section in self.sections}
        for key, option in self.declared.items():
            sections[key.partition(".")[0]].append(option)
        return {section: declared for section, declared in sections.items() if declared}

    def option(self, key: str) -> Option[Any]:
        """Return the declaration of `section.name`; raise NotFound."""
        try:
            return self.declared[key]
        except KeyError:
            raise NotFound(say("option"), key) from None

    def parse(self, key: str, text: str, *, place: str = "") -> Any:
        """Return the typed value of `text`; raise OptionError with what is allowed."""
        option = self.option(key)
        try:
            return option.parse(text)
        except ValueError:
            raise OptionError(key + place, text, option.refusal(text)) from None

    def effective(self, stored: Mapping[str, str]) -> dict[str, Effective]:
        """Return every option's value: the environment, then the database, then the file, then the default."""
        values = {key: Effective(option.default, "default") for key, option in self.declared.items()}
        values.update((key, Effective(value, "file")) for key, value in self._file.items())
        for key, text in stored.items():
            if key in self.declared:
                try:
                    values[key] = Effective(self.declared[key].parse(text), "database")
                except ValueError:
                    log.warning("stored option %s = %r no longer fits and is left out", key, text)
        values.update((key, Effective(value, "environment")) for key, value in self._environment.items())
        return values

    def is_locked(self, key: str) -> bool:
        """Say whether an administrator cannot set this option: the environment sets it, or it is read at the start."""
        return key in self._environment or self.option(key).at_start

    def _read_file(self, path: Path | None) -> dict[str, Any]:
        if path is None or not path.exists():
            return {}
        return self.read_ini(read_ini_file(path), place=f" in {path}")

    def read_ini(self, text: str, *, place: str = "") -> dict[str, Any]:
        """Return the typed values of an ini text; raise OptionError for what is unknown or does not fit."""
        parser = parse_ini(text, place=place)
        found: dict[str, Any] = {}
        for section in self._sections(parser, place):
            for name, value in parser.items(section):
                key = f"{section}.{name}"
                if key not in self.declared:
                    raise UnknownOption(key + place)
                found[key] = self.parse(key, value, place=place)
        return found

    def _sections(self, parser: configparser.ConfigParser, place: str) -> list[str]:
        known = [section for section in parser.sections() if section not in self._broken]
        for section in known:
            if section not in self.sections:
                raise OptionError(f"[{section}]{place}", "", say("there is no such section"))
        return known

    def _read_environment(self, environment: Mapping[str, str]) -> dict[str, Any]:
        found = {}
        for name, text in environment.items():
            section, separator, option = name.removeprefix("ERP_").lower().partition("__")
            if name.startswith("ERP_") and separator and section not in self._broken:
                key = f"{section}.{option}"
                if key not in self.declared:
                    raise UnknownOption(name)
                found[key] = self.parse(key, text, place=f" (environment {name})")
        return found


def store_options(session: Session, table: OptionTable, given: Mapping[str, str | None], *, user_name: str) -> None:
    """Check and store an administrator's values, by option; None drops one, so that the file or the default applies.

    Waits until nobody holds row locks. Raises OptionError where a value does not fit or must not be set here, and
    NotFound for an unknown option.
    """
    lock_switches(session)
    before = {key: _stored(session, table, key) for key in given}
    for key, text in given.items():
        if text is None:
            _forget(session, table, key)
        else:
            _store(session, table, key, text, user_name=user_name)
    changed = tuple(key for key, text in before.items() if _stored(session, table, key) != text)
    if changed:
        publish(session, OptionsChanged(changed))


def store_option(session: Session, table: OptionTable, key: str, text: str, *, user_name: str) -> None:
    """Store an administrator's value of one option, as `store_options` does."""
    store_options(session, table, {key: text}, user_name=user_name)


def _store(session: Session, table: OptionTable, key: str, text: str, *, user_name: str) -> None:
    value = table.parse(key, text)
    _require_free(table, key, text)
    before = _stored(session, table, key)
    new = table.option(key).format(value)
    session.merge(OptionValue(name=key, value=new, changed_at=clock.now(), changed_by=user_name))
    history.record(session, subject(key), "set", field="value", old=before, new=new)
    bump_revision(session)


def _require_free(table: OptionTable, key: str, text: str) -> None:
    if table.option(key).at_start:
        raise OptionError(key, text, say("it is read at the start: set it in the ini file or the environment"))
    if table.is_locked(key):
        raise OptionError(key, text, say("the environment sets it, so it cannot be changed here"))


def _forget(session: Session, table: OptionTable, key: str) -> None:
    row = session.get(OptionValue, key)
    if row is None:
        return
    before = _stored(session, table, key)
    session.delete(row)
    session.flush()
    history.record(session, subject(key), "unset", field="value", old=before, new=_stored(session, table, key))
    bump_revision(session)


def _stored(session: Session, table: OptionTable, key: str) -> str:
    """Return the text of an option's effective value, as the database has it now."""
    option = table.option(key)
    row = session.get(OptionValue, key)
    return option.format(table.effective({key: row.value} if row is not None else {})[key].value)


def subject(key: str) -> history.Subject:
    """Return what the history calls an option."""
    return history.Subject("erp.option", None, key)


def store_ini(session: Session, table: OptionTable, text: str, *, user_name: str) -> list[str]:
    """Store each value of an ini text that differs from the effective one, all or nothing; return what changed."""
    given = {key: table.option(key).format(value) for key, value in table.read_ini(text).items()}
    changed = {key: new for key, new in given.items() if new != _stored(session, table, key)}
    store_options(session, table, changed, user_name=user_name)
    return list(changed)


@dataclass
class Switched:
    """Whether a session's transaction itself changed modules or options: what it reads of them may be rolled back."""

    here: bool = False


def bump_revision(session: Session) -> None:
    """Make every process read modules and options again: this request at once, others with their next one."""
    row = session.get(Revision, 1, with_for_update=True)
    if row is None:
        session.add(Revision(id=1, number=1))
    else:
        row.number += 1
    session.flush()
    carried(session, Switched).here = True
    g.pop("erp_state", None)


class _Section:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, option: str) -> Any:
        state = g.get("erp_state") or current_app.extensions["erp"].state()
        return state.options[f"{self._name}.{option}"].value


class _Options:
    """`options.preorder.auto_allocate`: the typed effective value for this request, command or job run."""

    def __getattr__(self, section: str) -> _Section:
        found = self.__dict__[section] = _Section(section)
        return found


options = _Options()
