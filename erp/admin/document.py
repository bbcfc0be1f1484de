"""Documents: a screen whose rows have lines, shown and edited with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import abort
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.orm.attributes import flag_modified
from typing_extensions import override
from wtforms import Form

from erp import history
from erp.admin.access import permitted, screen_session
from erp.admin.cells import Cell, make_cell
from erp.admin.declarations import LINE_NAME, Action, AnyColumns, Facts, Getter, column_heads, read_columns
from erp.admin.formatting import follow, words
from erp.admin.forms import VERSION
from erp.admin.line_menu import LineMenu
from erp.admin.lines import LineChanges, LinesField, lines_field
from erp.admin.screen import Screen
from erp.errors import ErpError
from erp.text import named, say

# The cards below the lines of a document with more lines than this are folded at first.
LONG = 8


@dataclass(frozen=True)
class ShownLine:
    """A line as the page shows it."""

    line: Any
    cells: Sequence[Cell]
    actions: Sequence[Action]


class DocumentScreen(Screen):
    """A screen of documents.

    - `lines`: the relationship to the lines; `line_columns`: (label, attribute or getter) pairs, then extra columns
    - `line_actions`: Actions whose row is the line
    - `line_form_columns`, `line_ajax_refs`, `line_labels`, `line_form_args`: the lines in the form; without
      columns it has none
    - `line_loads`: loader options on the lines, for getters that follow relations

    Made to be overridden: `check_line`, `fill`, `save`, `may_edit(row)`, `may_delete(row)`, `page_context(row)`.

    With `line_form_columns` documents are entered in a form, by those who have the `edit_permission`. `save` stores it
    with its lines: an override calls `super().save`, or stores what `line_changes` says. What the form does not ask
    for, such as a number, is set in `fill`. `save` numbers new lines in their `position`. A document may have no lines:
    the action that needs some refuses it. `may_edit(row)` says whether its state lets it be changed.

    Documents cannot be deleted unless `can_delete` is True; `may_delete(row)` then says which.
    """

    details_template = "erp/document.html"
    lines: str = "lines"
    lines_title: str = "Lines"
    line_columns: Sequence[tuple[str, Getter] | AnyColumns] = ()
    line_actions: Sequence[Action] = ()
    line_form_columns: tuple[str, ...] = ()
    line_ajax_refs: dict[str, dict[str, Any]] = {}
    line_labels: dict[str, str] = {}
    line_form_args: dict[str, dict[str, Any]] = {}
    line_loads: Sequence[Any] = ()
    can_delete = False

    @property
    def line_model(self) -> Any:
        """Return the model of the lines."""
        return self.model.__mapper__.relationships[self.lines].mapper.class_

    def page_loads(self) -> list[Any]:
        """Return the loader options of a document's page, with its lines and what they show, in one query."""
        shown = [*self.line_form_columns, *(getter for _, getter in self._pairs())]
        lines = selectinload(getattr(self.model, self.lines))
        return [lines.options(*self.load_paths(self.line_model, shown), *self.line_loads), *super().page_loads()]

    def _pairs(self) -> list[tuple[str, Getter]]:
        return [column for column in self.line_columns if isinstance(column, tuple)]

    def line_extras(self) -> list[AnyColumns]:
        """Return the computed line columns, with those of other modules at the end."""
        own = [column for column in self.line_columns if not isinstance(column, tuple)]
        return own + self.contributed("line_columns")

    def line_headings(self, shown: Sequence[ShownLine]) -> list[tuple[str, bool]]:
        """Return the label of each line column and whether it has numbers."""
        labels = [pair[0] for pair in self._pairs()] + [label for _, label in column_heads(self.line_extras())]
        return [(label, any(line.cells[at].is_number for line in shown)) for at, label in enumerate(labels)]

    def show_lines(self, row: Any) -> list[ShownLine]:
        """Return the lines ready to show; each set of computed columns is read once."""
        lines = list(getattr(row, self.lines))
        added = read_columns(self.line_extras(), screen_session(), lines)
        # Those that destroy something at the end.
        actions = sorted(permitted(self._own_line_actions()), key=lambda action: action.style == "danger")
        allowed = [(action, self.permits(action)) for action in actions]
        columns = self.line_model.__mapper__.columns
        own = [(getter, columns.get(getter)) for _, getter in self._pairs()]
        return [
            ShownLine(
                line,
                [*(_line_cell(line, *each) for each in own), *map(make_cell, values)],
                [action for action, is_allowed in allowed if is_allowed(line)],
            )
            for line, values in zip(lines, added, strict=True)
        ]

    def line_menu(self, row: Any, button: Any) -> LineMenu:
        """Return what renders the actions of the document's lines, by the template's macro `button`."""
        return LineMenu(button, lambda name, line: self.action_url(row, name, line), self.version)

    def page_context(self, row: Any) -> dict[str, Any]:
        """Add the lines to the page."""
        shown = self.show_lines(row)
        is_long = len(shown) > LONG
        return {"shown_lines": shown, "line_headings": self.line_headings(shown), "is_long": is_long}

    def _own_line_actions(self) -> list[Action]:
        return [*self.line_actions, *self.contributed("line_actions")]

    @override
    def run_at_once(self, row: Any) -> set[str]:
        actions = [action for action in permitted(self._own_line_actions()) if action.run]
        lines = getattr(row, self.lines)
        at_once = (each for each in actions if any(self.is_allowed(each, line) for line in lines))
        return super().run_at_once(row) | {LINE_NAME + each.name for each in at_once}

    @expose("/<int:id>/lines/<int:line_id>/<name>/", methods=("GET", "POST"))
    def line_action(self, id: int, line_id: int, name: str) -> ResponseReturnValue:
        """Run an action of a line, or show its page."""
        line = self.line_of(self.get_one(id), line_id) or abort(404)
        action = self._find(self._own_line_actions(), name)
        return self._act(action, id, lambda session: self._fresh_line(session, id, line_id), line)

    def _fresh_line(self, session: Session, id: int, line_id: int) -> Any:
        row = self.load(session, id)
        return None if row is None else self.line_of(row, line_id)

    def line_of(self, row: Any, line_id: int) -> Any:
        """Return a line of this document, None where it is another's."""
        return next((line for line in getattr(row, self.lines) if line.id == line_id), None)

    def scaffold_form(self) -> type[Form]:
        """Return the form with the table of lines."""
        form = super().scaffold_form()
        if not self.line_form_columns:
            return form
        labels = {name: {"label": self.line_labels.get(name, words(name))} for name in self.line_form_columns}
        field, loaders = lines_field(
            self.line_model,
            self.line_form_columns,
            lookups=self.line_ajax_refs,
            args={name: label | self.line_form_args.get(name, {}) for name, label in labels.items()},
            name=self.lines,
        )
        self._form_ajax_refs.update(loaders)
        return type(form.__name__, (form,), {self.lines: field})

    def prepare_form(self, form: Form, row: Any) -> None:
        """Begin a new document with one empty line."""
        if row is None and self.line_form_columns and not form[self.lines].entries:
            form[self.lines].append_entry()

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        return {**super().depends_on(session, row), **dict(self._line_facts(row))}

    def _line_facts(self, row: Any) -> Iterator[tuple[str, Any]]:
        # Choices are left out, as reading their names again would ask for each: the row's version covers them.
        plain = [name for name in self.line_form_columns if name in self.line_model.__mapper__.columns]
        for line in getattr(row, self.lines):
            for name in plain:
                label = named(self.line_labels.get(name, words(name)).lower())
                yield say("{label} of line {line}", label=label, line=line.position), getattr(line, name)

    def check_line(self, values: Mapping[str, Any]) -> None:
        """Raise an ErpError, whose `field` is marked, for values that a line may not have. Override to check them.

        `values` has the `line_form_columns` by name; for a relation it has the row itself. A value is None only where
        the field may be left empty: lines are checked when all fields are valid.
        """

    @override
    def is_valid(self, form: Form) -> bool:
        return super().is_valid(form) and (self.lines not in form or form[self.lines].check(self.check_line))

    @override
    def mark(self, form: Form, row: Any, error: ErpError) -> None:
        super().mark(form, row, error)
        if row is not None and self.lines in form:
            for line in getattr(row, self.lines):
                if str(line) == error.facts.get("line"):
                    form[self.lines].mark(line.id, error)

    def line_changes(self, form: Form, row: Any) -> LineChanges:
        """Return which lines the form adds, changes and removes; for `save`."""
        field = form[self.lines]
        assert isinstance(field, LinesField)
        return field.changes([] if row is None else list(getattr(row, self.lines)))

    def save(self, session: Session, form: Form, row: Any) -> Any:
        """Store the form and its lines. An override calls this one, or stores what `line_changes` says by a service."""
        changes = self.line_changes(form, row) if self.line_form_columns else LineChanges()
        is_new = row is None
        row = super().save(session, form, row)
        lines = getattr(row, self.lines)
        history.record_all(session, self._changes("removed", changes.removed))
        for line in changes.removed:
            lines.remove(line)
        for line, values in changes.changed:
            _set(line, values)
        if not is_new:
            self._count_up_version(session, row, changes)
        session.flush()
        last = max((line.position for line in lines), default=0)
        for position, values in enumerate(changes.added, start=last + 1):
            line = self.line_model(position=position)
            _set(line, values)
            lines.append(line)
        session.flush()
        if changes.added and not is_new:
            history.record_all(session, self._changes("added", lines[-len(changes.added) :]))
        return row

    def _count_up_version(self, session: Session, row: Any, changes: LineChanges) -> None:
        """Count up the version of a document even if only its lines change, so that other open forms become stale."""
        changed = changes.added or changes.removed or any(session.is_modified(line) for line, _ in changes.changed)
        if changed and self._has_version() and not session.is_modified(row):
            columns = (each.key for each in self.model.__mapper__.column_attrs)
            name = next(name for name in columns if name not in ("id", VERSION))
            getattr(row, name)  # loaded, where it has expired
            flag_modified(row, name)

    def _changes(self, action: str, lines: Sequence[Any]) -> list[history.Change]:
        """Return the history entries of added or removed lines, each with what the form shows of the line."""
        tracked = [line for line in lines if isinstance(line, history.Tracked)]
        side = "new" if action == "added" else "old"
        return [
            history.Change(line.history_subject(), action, "line", **{side: self._summary(line)}) for line in tracked
        ]

    def _summary(self, line: Any) -> str:
        values = (history.as_text(getattr(line, name)) for name in self.line_form_columns)
        return ", ".join(value for value in values if value)


def _line_cell(line: Any, getter: Getter, column: Any) -> Cell:
    if callable(getter):
        return make_cell(getter(line))
    return make_cell(follow(line, getter), None if column is None else column.type)


def _set(line: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(line, name, value)
