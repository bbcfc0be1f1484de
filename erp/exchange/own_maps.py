"""Finding a map: by its name, by the header of a file, and those that users keep in the database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from erp.errors import ErpError
from erp.exchange.kinds import ImportKind
from erp.exchange.maps import LeaveOut, Map, Source
from erp.exchange.reading import May, anyone, columns_of, known_columns
from erp.identity import check_descriptive, identity_key
from erp.models import ImportMap
from erp.registry import current_registry
from erp.text import say

NAME_LENGTH = 60


class UnknownMap(ErpError):
    """There is no map of this name for a kind of file."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = ", ".join(known)
        message = (
            say("There is no map {name!r} for {kind}; the maps are {names}.", name=name, kind=kind, names=names)
            if names
            else say("There is no map {name!r} for {kind}, nor any other.", name=name, kind=kind)
        )
        super().__init__(message, kind=kind, name=name)


class BadMap(ErpError):
    """A map that cannot be kept."""


@dataclass(frozen=True)
class Guess:
    """What a file seems to be: its kind, and the map that it needs, if any."""

    kind: ImportKind
    used: Map | None


def maps_of(session: Session, kind: ImportKind) -> list[Map]:
    """Return the maps for a kind: those that its module declares with what others add, then those of users by name."""
    own = session.scalars(select(ImportMap).where(ImportMap.kind == kind.name).order_by(ImportMap.name_key))
    return [*map(_with_added, kind.maps), *(_from_data(row) for row in own)]


def _with_added(shipped: Map) -> Map:
    """Return a map with the sources of the columns that other modules add to its kind."""
    registry = current_registry()
    added = (each.maps.get(shipped.name, {}) for each in registry.live(registry.import_extensions[shipped.kind]))
    more = {column: sources for columns in added for column, sources in columns.items()}
    return replace(shipped, columns={**shipped.columns, **more}) if more else shipped


def find_map(session: Session, kind: ImportKind, name: str) -> Map:
    """Return a map by the name of its kind and its own; raise UnknownMap."""
    known = maps_of(session, kind)
    for each in known:
        if identity_key(each.name) == identity_key(name):
            return each
    raise UnknownMap(kind.name, name, (each.name for each in known))


def recognise(session: Session, names: Sequence[str], kinds: Iterable[ImportKind], *, may: May = anyone) -> list[Guess]:
    """Return what a file with this header may be, the best guess first: our own layout, then the map that knows most.

    An own map counts before a shipped one that knows as many columns.
    """
    ours, guesses = [], []
    for kind in kinds:
        required = [column.name for column in columns_of(kind, may) if column.required]
        if {name for name in names if name} <= known_columns(kind) and set(required) <= set(names):
            ours.append(Guess(kind, None))
        for place, each in enumerate(maps_of(session, kind)):
            if fit := each.fit(names, required):
                guesses.append((fit, place, Guess(kind, each)))
    guesses.sort(key=lambda guess: guess[:2], reverse=True)
    return [*ours, *(guess for _, _, guess in guesses)]


def save_map(session: Session, used: Map, *, user_name: str = "") -> Map:
    """Keep a map of a user under its name, in place of an earlier one of theirs; raise BadMap.

    The names of the maps that ship stay with them.
    """
    name = check_descriptive(used.name)
    if len(name) > NAME_LENGTH:
        raise BadMap(say("The name of a map has at most {NAME_LENGTH} characters.", NAME_LENGTH=NAME_LENGTH))
    session.execute(delete(ImportMap).where(ImportMap.kind == used.kind, ImportMap.name_key == identity_key(name)))
    kept = replace(used, name=name, title=name)
    data = json.dumps(asdict(kept), ensure_ascii=False)
    session.add(ImportMap(kind=used.kind, name=name, data=data, user_name=user_name))
    session.flush()
    return kept


def _from_data(row: ImportMap) -> Map:
    return _map(json.loads(row.data))


def _map(data: Mapping[str, Any]) -> Map:
    return Map(
        name=data["name"],
        title=data["title"],
        kind=data["kind"],
        columns={column: tuple(map(_source, sources)) for column, sources in data["columns"].items()},
        constants=data["constants"],
        leaves_out=tuple(LeaveOut(rule["column"], rule["why"], tuple(rule["values"])) for rule in data["leaves_out"]),
        ignored=tuple(data["ignored"]),
        key=tuple(data["key"]),
        carried=tuple(data["carried"]),
        makes={kind: _map(made) for kind, made in data["makes"].items()},
    )


def _source(data: Mapping[str, Any]) -> Source:
    return Source(tuple(data["columns"]), data["values"], data["part"], data["form"])
