"""The list page of a screen, its export, and the actions on ticked rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import Any

from flask import Response, abort, flash, redirect, request, stream_with_context
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_admin.model.base import ViewArgs
from sqlalchemy.orm import Session
from werkzeug.utils import secure_filename

from erp.admin import versions
from erp.admin.access import flash_sentence, may, only_read, permitted, run_and_commit, screen_session
from erp.admin.bulk import BulkAction, BulkPage, facts_of
from erp.admin.cells import Cell, Heading, ShownRow, make_cell, with_columns
from erp.admin.declarations import AnyColumns, Facts, ListAction, column_heads, read_columns
from erp.admin.fields import as_id
from erp.admin.formatting import cell, cell_of_type, is_numeric_type, plain
from erp.admin.list_query import PageOfRows, last_page
from erp.admin.quick_filters import QuickFiltered
from erp.admin.reading import read_lines, read_list
from erp.admin.view_choice import ViewChoice
from erp.db import UtcDateTime, total
from erp.errors import ErpError
from erp.text import Translatable, joined, named, say

EXPORT_CHUNK = 500
EXPORT_RIGHT = "erp.export"


class Listing(QuickFiltered, ViewChoice):
    """The list page."""

    title: str = ""
    list_template = "erp/list.html"
    can_export = True
    list_actions: tuple[ListAction, ...] = ()
    computed_columns: Sequence[AnyColumns] = ()
    noun: str = "record"
    plural: str = ""
    empty_message: str = ""
    columns_hidden: Sequence[str] = ()
    column_totals: Sequence[str] = ()

    def counted(self, count: int) -> Translatable:
        """Return the noun for so many rows."""
        return named(self.noun if count == 1 else self.plural or self.title.lower())

    def added_columns(self) -> list[AnyColumns]:
        """Return the columns that are not attributes: the screen's own, then those of other live modules."""
        return [*self.computed_columns, *self.contributed("columns")]

    def added_names(self) -> list[str]:
        """Return the names of these columns."""
        return [name for name, _ in column_heads(self.added_columns())]

    def details_url(self, row: Any) -> str:
        """Return the address of a row's page."""
        return str(self.get_url(".details_view", id=row.id))

    def next_of(self, row: Any) -> tuple[str, str] | None:
        """Return the label and the address of the page that is a row's next step. Override for a list of work."""
        return None

    def value(self, row: Any, name: str) -> Any:
        """Return what a column shows of a row."""
        formatter = self.column_formatters.get(name)
        raw = formatter(self, None, row, name) if formatter else self._get_field_value(row, name)
        column = self.column_of(name)
        return cell(raw) if column is None else cell_of_type(raw, column.type)

    def _is_number(self, name: str) -> bool:
        column = self.column_of(name)
        return column is not None and is_numeric_type(column.type)

    def _shown_row(self, row: Any, added: Sequence[Any]) -> ShownRow:
        own = (self._cell(row, name) for name, _ in self._list_columns)
        more = (make_cell(value) for value in added)
        return ShownRow(row.id, self.details_url(row), [*own, *more], next=self.next_of(row))

    def _cell(self, row: Any, name: str) -> Cell:
        exact = plain(self._get_field_value(row, name)) if name in self.column_totals else ""
        column = self.column_of(name)
        is_number = column is not None and is_numeric_type(column.type)
        is_instant = column is not None and isinstance(column.type, UtcDateTime)
        return Cell(self.value(row, name), is_number, exact, is_instant)

    def shown_rows(self, rows: Sequence[Any], extra: Sequence[AnyColumns]) -> list[ShownRow]:
        """Return rows ready for the page; each set of extra columns is read once, whatever the number of rows."""
        added = read_columns(extra, screen_session(), rows)
        return [self._shown_row(row, values) for row, values in zip(rows, added, strict=True)]

    def headings(self, extra: Sequence[AnyColumns], rows: Sequence[ShownRow]) -> list[Heading]:
        """Return the heads of the screen's own columns and of the contributed ones."""
        notes = self.column_descriptions or {}
        own = [
            Heading(name, label, self._is_number(name), notes.get(name, ""), at if self.is_sortable(name) else None)
            for at, (name, label) in enumerate(self._list_columns)
        ]
        for at, (name, label) in enumerate(column_heads(extra), start=len(own)):
            own.append(Heading(name, label, any(row.cells[at].is_number for row in rows)))
        return own

    @expose("/")
    def index_view(self) -> ResponseReturnValue:
        """Show the list, or the saved view that the address names or that the user opens it with."""
        if address := self.address_of_view():
            return redirect(address)
        return read_list(self._show_list)

    def _show_list(self, ticked: Collection[int] = ()) -> str:
        args = self._get_list_extra_args()
        page = self.page_of_rows(args)
        extra = self.added_columns()
        shown = [replace(row, is_ticked=row.id in ticked) for row in self.shown_rows(page.rows, extra)]
        headings = self._with_totals(self.headings(extra, shown), args, page)
        headings, shown = with_columns(headings, shown, self.columns_chosen(), self.columns_hidden)
        frame = self._frame(args, page.count)
        version = versions.as_field(_parts(frame["actions"], screen_session(), [row.id for row in page.rows]))
        return str(self.render(self.list_template, rows=shown, headings=headings, version=version, **frame))

    def _with_totals(self, headings: list[Heading], args: ViewArgs, page: PageOfRows) -> list[Heading]:
        """Return the heads with the totals of all listed rows; of more than the pager counts there are none."""
        if not self.column_totals or not 0 < page.count <= self.count_bound(args.filters):
            return headings
        columns = [self.column_of(name) for name in self.column_totals]
        rows = self.selection(args) if page.ids is None else self.having(page.ids)
        found = rows.with_entities(*(total(column) for column in columns)).one()
        totals = dict(zip(self.column_totals, map(cell_of_type, found, (each.type for each in columns)), strict=True))
        return [replace(head, total=totals.get(head.name)) for head in headings]

    def _frame(self, args: ViewArgs, count: int) -> dict[str, Any]:
        size, bound = self.get_safe_page_size(args.page_size), self.count_bound(args.filters)
        return {
            "args": args,
            "count": count,
            "count_bound": bound,
            "page": args.page,
            "pages": last_page(count, bound, size) + 1,
            "page_size": size,
            "list_url": lambda **changes: self._get_list_url(args.clone(**changes)),
            "filter_groups": self.filter_groups(),
            "quick_filters": self.quick_counts(args),
            "state": self.list_state(),
            "active_filters": self.active_filters(args),
            "filter_args": self._get_filters(args.filters),
            "kept_args": {**self._get_filters(args.filters), **args.extra_args},
            "actions": permitted(self.all_list_actions()),
            "row_action": self.row_action(),
            "may_export": self.can_export and may(EXPORT_RIGHT),
            "is_filtered": bool(args.search or args.filters),
        }

    def active_filters(self, args: ViewArgs) -> list[dict[str, Any]]:
        """Return the active filters, each with the address of the list without it."""
        filters = list(args.filters or ())
        return [
            {
                "name": name,
                "operation": str(self._filters[index].operation()),
                "text": self._option_text(index, value),
                "remove": self._get_list_url(args.clone(page=0, filters=filters[:at] + filters[at + 1 :])),
            }
            for at, (index, name, value) in enumerate(filters)
        ]

    def _option_text(self, index: int, value: str) -> str:
        options = self._filters[index].get_options(self) or ()
        return next((str(text) for key, text in options if str(key) == value), value)

    def all_list_actions(self) -> list[ListAction]:
        """Return the actions on ticked rows: the screen's own and those of other live modules."""
        return [*self.list_actions, *self.contributed("list_actions")]

    def row_action(self) -> BulkAction | None:
        """Return the action that each row has a button for, None where the user may use none."""
        offered = permitted(self.all_list_actions())
        return next((each for each in offered if isinstance(each, BulkAction) and each.of_one), None)

    @expose("/action/", methods=("POST",))
    def action_view(self) -> ResponseReturnValue:
        """Run an action on the ticked rows, or show first what it would do; `now` names an action and one row."""
        name, _, now = request.form.get("now", "").partition(":")
        name = name or request.form.get("action", "")
        action = next((each for each in permitted(self.all_list_actions()) if each.name == name), None)
        if action is None:
            return abort(403 if name in {each.name for each in self.all_list_actions()} else 404)
        if isinstance(action, BulkAction) and now:
            return self._run_of_one(action, as_id(now))
        ids = _ids("rowid") or (_ids("shown") if isinstance(action, BulkAction) else [])
        if action.needs_rows and not ids:
            flash("Tick at least one row first.", "warning")
            return redirect(self._this_list())
        return BulkPage(self, action, ids).answer() if isinstance(action, BulkAction) else self._run(action, ids)

    def _run(self, action: ListAction, ids: list[int]) -> ResponseReturnValue:
        def work(session: Session) -> str | None:
            with versions.unchanged(session, lambda: _parts([action], session, ids), map(str, ids)):
                return action.run(session, ids)

        try:
            message = run_and_commit(f"{self.view_name}.{action.name}", work)
        except ErpError as error:
            only_read()
            flash(str(error), "error")
            return self._show_list(ticked=ids), 409
        flash_sentence(message or say("{action}: done.", action=named(action.label)))
        return redirect(self._this_list())

    def _run_of_one(self, action: BulkAction, id: int | None) -> ResponseReturnValue:
        """Do to one row what its button says, and show the list again with what was done or why not."""
        try:
            effects = BulkPage(self, action, [] if id is None else [id]).do()
        except ErpError as error:
            only_read()
            flash(str(error), "error")
            return self._show_list(), 409
        for each in effects:
            flash_sentence(
                joined((each.name, named(each.text)), ": ") if each.text else each.refusal,
                "error" if each.refusal else "success",
            )
        return redirect(self._this_list())

    def _this_list(self) -> str:
        """Return the address of the list with the filters, the order and the page that the request names."""
        return str(self._get_list_url(self._get_list_extra_args()))

    @expose("/export/csv/")
    def export(self) -> ResponseReturnValue:
        """Send the filtered list as CSV, a chunk at a time, so that memory stays flat."""
        if not (self.can_export and may(EXPORT_RIGHT)):
            return abort(403)
        args = self._get_list_extra_args()
        name = secure_filename(f"{self.title}.csv").lower()
        headers = {"Content-Disposition": f"attachment;filename={name}"}
        return Response(stream_with_context(read_lines(lambda: self._csv(args))), headers=headers, mimetype="text/csv")

    def _csv(self, args: ViewArgs) -> Iterator[str]:
        # All of this runs while the answer is sent: the request's own session has ended by then.
        extra = self.added_columns()
        yield _line(str(label) for _, label in (*self._export_columns, *column_heads(extra)))
        for rows in _chunks(self._all_rows(args).yield_per(EXPORT_CHUNK)):
            for row, added in zip(rows, read_columns(extra, screen_session(), rows), strict=True):
                own = (self.get_export_value(row, name) for name, _ in self._export_columns)
                yield _line(chain(own, map(plain, added)))

    def _all_rows(self, args: ViewArgs) -> Any:
        return self.in_order(self.selection(args).options(*self._loads()), args)

    def get_export_value(self, model: Any, name: Any) -> str:
        """Return a value for the file, never one that a spreadsheet would run as a formula."""
        formatter = (self.column_formatters_export or {}).get(name)
        return plain(formatter(self, None, model, name) if formatter else self._get_field_value(model, name))


def _parts(actions: Iterable[ListAction], session: Session, ids: Sequence[int]) -> dict[str, Facts]:
    """Return what actions depend on, by row; those that are told apart by what they depend on, by that and row."""
    parts: dict[str, dict[str, Any]] = {}
    for action in {action.depends_on: action for action in actions if action.depends_on}.values():
        for key, facts in facts_of(action, session, ids).items():
            parts.setdefault(key, {}).update(facts)
    return dict(parts)


def _ids(field: str) -> list[int]:
    return [found for found in map(as_id, request.form.getlist(field)) if found is not None]


def _chunks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    remaining = iter(rows)
    while chunk := list(islice(remaining, EXPORT_CHUNK)):
        yield chunk


def _line(values: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()
