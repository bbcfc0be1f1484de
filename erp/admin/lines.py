"""Lines of a document in its form: a table of rows that are added, changed and removed with the document."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from flask_admin.contrib.sqla.form import get_form
from sqlalchemy import select
from wtforms import FieldList, Form, FormField, HiddenField
from wtforms.utils import unset_value

from erp.admin.converter import Converter
from erp.admin.fields import Lookup, LookupField, as_id, lookup
from erp.admin.refusals import mark
from erp.db import db
from erp.errors import ErpError

MAX_LINES = 1000


@dataclass
class LineChanges:
    """What the form changes: values by field name; the lines are those of the document, never posted ones."""

    added: list[dict[str, Any]] = field(default_factory=list)
    changed: list[tuple[Any, dict[str, Any]]] = field(default_factory=list)
    removed: list[Any] = field(default_factory=list)


class _LineView:
    """The attributes of a view that the form converter reads, here for lines."""

    def __init__(self, model: Any, columns: tuple[str, ...], refs: dict[str, Lookup]) -> None:
        self.model = model
        self.form_columns = columns
        self._form_ajax_refs = refs
        self.column_labels: dict[str, str] = {}
        self.column_descriptions: dict[str, str] = {}


class LineForm(FormField):
    """One line; a removed line is not checked."""

    @property
    def is_removed(self) -> bool:
        """Say whether the user removed the line."""
        return bool(self.form.removed.data)

    @property
    def is_blank(self) -> bool:
        """Say whether nothing was entered in a new line."""
        entered = (f for f in self.shown() if f.default is None)
        return not self.form.id.data and not any(f.raw_data and any(f.raw_data) for f in entered)

    def shown(self) -> list[Any]:
        """Return the visible fields."""
        return [each for each in self.form if each.name.rpartition("-")[2] not in ("id", "removed")]

    def values(self) -> dict[str, Any]:
        """Return what was entered by field name."""
        return {each.short_name: each.data for each in self.shown()}

    def check(self, rule: Callable[[dict[str, Any]], None]) -> bool:
        """Apply a rule that may refuse the values, and mark the field that it names; return whether it accepts them."""
        try:
            rule(self.values())
        except ErpError as error:
            mark(self.form, error)
            return False
        return True

    def validate(self, form: Any, extra_validators: Any = ()) -> bool:
        """Check the line, unless it is removed or blank."""
        return self.is_removed or self.is_blank or bool(self.form.validate())


class LinesField(FieldList):
    """The lines of a document."""

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        """Read the lines; the rows that they name are loaded in one query for each kind of choice."""
        self._found = self._preload(formdata) if formdata else []
        super().process(formdata, data)

    def _preload(self, formdata: Any) -> list[Any]:
        rows: list[Any] = []
        blank = self.blank()
        for each in blank.form:
            if isinstance(each, LookupField):
                mine = re.compile(rf"{self.name}-\d+-{each.short_name}")
                keys = (as_id(value) for name, value in formdata.items() if mine.fullmatch(name))
                ids = {found for found in keys if found is not None}
                model = each.loader.model
                rows += db.session.scalars(select(model).where(model.id.in_(sorted(ids)[:MAX_LINES]))) if ids else []
        return rows

    def blank(self) -> Any:
        """Return an empty line, the pattern of new ones, with `__index__` in place of its number."""
        line = self.unbound_field.bind(form=None, name=f"{self.name}-__index__", _meta=self.meta, prefix="")
        line.process(None)
        return line

    def validate(self, form: Any, extra_validators: Any = ()) -> bool:
        """Check every line."""
        results = [line.validate(form) for line in self.entries]
        self.errors = [] if all(results) else ["Check the marked lines."]
        return all(results)

    def check(self, rule: Callable[[dict[str, Any]], None]) -> bool:
        """Apply a rule to the values of each line; return whether it accepts all of them."""
        results = [line.check(rule) for line in self.entries if not line.is_removed and not line.is_blank]
        return all(results)

    def mark(self, line_id: int, error: ErpError) -> None:
        """Show a refusal at the field that it names of the line with that id."""
        for line in self.entries:
            if str(line.form.id.data) == str(line_id):
                mark(line.form, error)

    def changes(self, existing: list[Any]) -> LineChanges:
        """Return the differences to the document's lines; a posted id that is not one of theirs is ignored."""
        known = {str(line.id): line for line in existing}
        changes = LineChanges()
        for entry in self.entries:
            line = known.get(str(entry.form.id.data or ""))
            if line is not None and entry.is_removed:
                changes.removed.append(line)
            elif line is not None:
                changes.changed.append((line, entry.values()))
            elif not entry.is_removed and not entry.is_blank and not entry.form.id.data:
                changes.added.append(entry.values())
        return changes

    def populate_obj(self, obj: Any, name: str) -> None:
        """Leave the lines to the screen's `save`."""

    def _extract_indices(self, prefix: str, formdata: Any) -> Iterator[int]:
        for index in super()._extract_indices(prefix, formdata):
            if int(index) < MAX_LINES * 10:
                yield index


def lines_field(
    model: Any,
    columns: tuple[str, ...],
    *,
    lookups: dict[str, dict[str, Any]],
    args: dict[str, dict[str, Any]],
    name: str = "lines",
) -> tuple[Any, dict[str, Lookup]]:
    """Return the field `name` for lines of `model` and the loaders of its choices by name.

    `lookups` are the options of the choices that are looked up, `args` those of all fields, labels among them.
    """
    loaders = {key: lookup(f"{name}-{key}", model, key, options) for key, options in lookups.items()}
    base = type("LineBase", (Form,), {"id": HiddenField(), "removed": HiddenField()})
    converter = Converter(db, _LineView(model, columns, loaders))
    form = get_form(model, converter, base_class=base, only=columns, field_args=args)
    return LinesField(LineForm(form), label=""), {loader.name: loader for loader in loaders.values()}
