"""A map that is made on the screen by choosing columns of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from werkzeug.datastructures import MultiDict

from erp.exchange import BadMap, Column, ImportKind, LeaveOut, Map, take
from erp.exchange.maps import Sources
from erp.identity import identity_key
from erp.text import joined, say

KEEP = "*"


class OwnMap:
    """The form of a map: `names` are the columns of the file, and `base` is the map that is in use so far."""

    def __init__(self, kind: ImportKind, columns: Sequence[Column], names: Sequence[str], base: Map | None) -> None:
        self.kind = kind
        self.columns = columns
        self.names = names
        self.base = base

    def kept(self, column: str) -> str:
        """Return in words what the map in use takes for one of our columns; empty where it takes nothing."""
        sources = self.base.columns.get(column, ()) if self.base else ()
        return joined((" + ".join(source.columns) for source in sources), say(" or "))

    def chosen(self, column: str) -> str:
        """Return what is chosen at first: what the map in use takes, else the column of the same name."""
        if self.kept(column):
            return KEEP
        return next((name for name in self.names if identity_key(name) == identity_key(column)), "")

    def constant(self, column: str) -> str:
        """Return what stands where the file gives no value."""
        return self.base.constants.get(column, "") if self.base else ""

    def read(self, form: MultiDict[str, str]) -> Map:
        """Return the map that was entered; raise BadMap."""
        name = form.get("name", "").strip()
        if not name or any(identity_key(each.name) == identity_key(name) for each in self.kind.maps):
            raise BadMap("Give the map a name of its own: the maps that ship keep theirs.")
        columns = {column.name: sources for column in self.columns if (sources := self._sources(column.name, form))}
        constants = {
            column.name: text for column in self.columns if (text := form.get(f"constant-{column.name}", "").strip())
        }
        missing = [each.name for each in self.columns if each.required and each.name not in {*columns, *constants}]
        if missing:
            raise BadMap(say("Choose a column or a fixed value for {missing}.", missing=", ".join(missing)))
        made = self.base or Map(name, name, self.kind.name, {})
        rules = (*made.leaves_out, *self._rules(form))
        made = replace(made, name=name, title=name, columns=columns, constants=constants, leaves_out=rules)
        return self._with_documents(made) if self.kind.header else made

    def _sources(self, column: str, form: Mapping[str, str]) -> Sources:
        chosen = form.get(f"column-{column}", "")
        if chosen == KEEP and self.base:
            return self.base.columns.get(column, ())
        return take(chosen) if chosen in self.names else ()

    @staticmethod
    def _rules(form: Mapping[str, str]) -> tuple[LeaveOut, ...]:
        column, values = form.get("rule-column", ""), form.get("rule-values", "")
        if not column:
            return ()
        words = tuple(word.strip() for word in values.split(",") if word.strip())
        return (LeaveOut(column, f"{column} {' or '.join(words) or 'not empty'}", words),)

    def _with_documents(self, made: Map) -> Map:
        """Return a map that says by which columns rows of one document belong together, and what its first row says."""
        of_header = [source.columns for name in self.kind.header for source in made.columns.get(name, ())]
        key = tuple(column for source in made.columns.get(self.kind.header[0], ()) for column in source.columns)
        rules = {rule.column for rule in made.leaves_out if "" not in rule.values}
        carried = {*made.carried, *(column for each in of_header for column in each), *rules} - {*key}
        return replace(made, key=key, carried=tuple(sorted(carried)))
