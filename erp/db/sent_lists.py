"""How statements of the hot path are sent to PostgreSQL: with numbered places, and lists as text."""

from __future__ import annotations

from typing import Any

from psycopg import Connection, DataError, RawCursor
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Dumper
from psycopg.rows import TupleRow, tuple_row
from typing_extensions import override


class ListDumper(Dumper):
    """Sends a list as text: the statement casts it, so that its elements need not be looked at for their types."""

    def __init__(self, cls: type, context: AdaptContext | None = None) -> None:
        super().__init__(cls, context)
        self._encoding = self.connection.info.encoding if self.connection else "utf-8"

    @override
    def dump(self, obj: list[Any]) -> Buffer:
        text = ",".join(map(_element, obj))
        if "\0" in text:
            raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
        return f"{{{text}}}".encode(self._encoding)


def _element(value: Any) -> str:
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, int):
        return int.__repr__(value)
    if value is None:
        return "NULL"
    text = value if isinstance(value, str) else str(value)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class NumberedCursor(RawCursor[TupleRow]):
    """A cursor for statements whose places are numbered: the driver need not look for them."""

    def __init__(self, connection: Connection[Any]) -> None:
        super().__init__(connection, row_factory=tuple_row)
        self.adapters.register_dumper(list, ListDumper)
