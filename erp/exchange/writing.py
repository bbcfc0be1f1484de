"""CSV out: in pieces, in one format, without formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session
from typing_extensions import override

from erp.exchange.kinds import ExportKind
from erp.numbers import format_quantity
from erp.registry import Extension, Registry, current_registry
from erp.text import say

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
_PIECE = 60_000


def export_kinds(may: Callable[[str], bool]) -> dict[str, ExportKind]:
    """Return the export kinds of modules that are on, by name, that a user may export."""
    registry = current_registry()
    live = {name: owned.thing for name, owned in registry.exports.items() if registry.is_live(owned.module)}
    return {name: kind for name, kind in sorted(live.items()) if may(kind.permission)}


def export_csv(session: Session, kind_name: str) -> Iterator[str]:
    """Yield a CSV file in pieces, header first. Raises NotFound or ModuleOff before the first piece."""
    registry = current_registry()
    kind: ExportKind = registry.live_thing(registry.exports, "export kind", kind_name)
    extensions = registry.live(registry.export_extensions[kind_name])
    added = [(len(extension.columns), _given(registry, extension, session)) for extension in extensions]
    header = [*kind.columns, *(name for extension in extensions for name in extension.columns)]
    return _lines(header, (_extended(row, added) for row in kind.rows(session)))


def _given(registry: Registry, extension: Extension, session: Session) -> Any:
    """Return what gives another module's values; where a third party's fails, the file says so in their place."""
    what = say("export column {str}", str=", ".join(map(str, extension.columns)))

    def instead(text: str) -> Callable[[Any], list[str]]:
        return lambda _key: [text] * len(extension.columns)

    given: Any = registry.contained(extension, what, lambda: extension.apply(session), instead)
    if not registry.foreign_owner(extension):
        return given
    find = given.get if isinstance(given, Mapping) else given
    return lambda key: registry.contained(extension, what, lambda: find(key), lambda text: instead(text)(key))


def _extended(row: Sequence[Any], added: Sequence[tuple[int, Any]]) -> Sequence[Any]:
    """Return a row with the values of other modules, which a mapping or a function gives for its first value."""
    more = list(row)
    for width, give in added:
        values = give.get(row[0]) if isinstance(give, Mapping) else give(row[0])
        more += [None] * width if values is None else values
    return more


class PlainEnds(io.StringIO):
    """Text of a csv.writer with plain line ends, of which cells with a carriage return are quoted, too.

    A writer of older Pythons quotes only the characters of its own terminator.
    """

    TERMINATOR = "\r\n"

    @override
    def write(self, line: str) -> int:
        return super().write(f"{line.removesuffix(self.TERMINATOR)}\n")


def line_of(cells: Iterable[str]) -> str:
    """Return one line of a CSV file."""
    buffer = PlainEnds()
    csv.writer(buffer, lineterminator=PlainEnds.TERMINATOR).writerow(cells)
    return buffer.getvalue()


def _lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    buffer = PlainEnds()
    writer = csv.writer(buffer, lineterminator=PlainEnds.TERMINATOR)
    writer.writerow(header)
    for row in rows:
        writer.writerow([as_cell(value) for value in row])
        if buffer.tell() > _PIECE:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def as_cell(value: Any) -> str:
    """Return a value as a CSV file shows it: no trailing zeros, ISO dates, UTC with Z, yes and no, no formulas."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return format_quantity(value)
        case int():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case _:
            return _guarded(str(value))


def _guarded(text: str) -> str:
    """Return a text that no spreadsheet runs as a formula, and that an import reads as it is."""
    return f"'{text}" if text.lstrip("'").startswith(FORMULA_SIGNS) else text
