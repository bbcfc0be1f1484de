"""Settings > Import and Export: CSV files by kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from flask import Response, abort, flash, redirect, request, stream_with_context
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy.orm import Session

from erp.admin import tokens
from erp.admin.access import flash_sentence, may, permitted
from erp.admin.page import Page
from erp.db import db
from erp.errors import ErpError
from erp.exchange import ExportKind, ImportKind, ImportRefused, RowError, export_csv, import_csv, notes_of_import
from erp.registry import Extension, Owned, current_registry

ERRORS_SHOWN = 200


def _permitted(kinds: dict[str, Owned[Any]]) -> dict[str, Any]:
    live = {name: owned.thing for name, owned in kinds.items() if current_registry().is_live(owned.module)}
    return {name: kind for name, kind in sorted(live.items()) if may(kind.permission)}


def _columns(kind: ImportKind | ExportKind, extensions: Iterable[Extension]) -> list[Any]:
    return [*kind.columns, *(column for extension in extensions for column in extension.columns)]


class _DryRun(Exception):
    """Carries the summary of a dry run out of its transaction, which is undone."""

    def __init__(self, summary: str) -> None:
        super().__init__(summary)
        self.summary = summary


class ImportPage(Page):
    """Imports a CSV file, all or nothing, and shows its errors by row."""

    view_name = "erp.import"
    title = "Import"
    url = "/settings/import"
    icon = "fa-upload"
    needs_no_version = {"index_view": "The file says what is wanted; the same file sent twice is imported once."}

    @expose("/", methods=("GET", "POST"))
    def index_view(self) -> ResponseReturnValue:
        """Ask for a file, or import it."""
        kinds: dict[str, ImportKind] = _permitted(current_registry().imports)
        chosen = request.values.get("kind", "")
        if request.method != "POST":
            return self._show(kinds, chosen)
        if chosen not in kinds:
            return abort(403 if chosen in current_registry().imports else 404)
        file = request.files.get("file")
        if file is None or not file.filename:
            flash("Choose a file.", "error")
            return self._show(kinds, chosen), 422
        return self._store(kinds, kinds[chosen], file.read())

    def _store(self, kinds: dict[str, ImportKind], kind: ImportKind, data: bytes) -> ResponseReturnValue:
        after = [step.name for step in permitted(kind.after) if step.name in request.form.getlist("after")]
        is_dry_run = request.form.get("dry_run") == "1"
        try:
            summary = self.do(kind.name, lambda session: self._work(session, kind.name, data, after, is_dry_run))
        except _DryRun as dry_run:
            flash(f"{dry_run.summary} Nothing was changed (dry run).", "info")
            return self._show(kinds, kind.name)
        except ImportRefused as refused:
            flash(str(refused), "error")
            return self._show(kinds, kind.name, refused.errors), 422
        except ErpError as refused:
            flash(str(refused), "error")
            return self._show(kinds, kind.name), 409
        flash_sentence(summary)
        return redirect(self.get_url(".index_view", kind=kind.name))

    @staticmethod
    def _work(session: Session, kind: str, data: bytes, after: list[str], is_dry_run: bool) -> str:
        if not is_dry_run:
            tokens.use(session, f"erp.import {kind}", data)
        summary = import_csv(session, kind, data, after=after, may=may)
        if is_dry_run:
            notes = [note for answer in notes_of_import(session) for note in answer]
            raise _DryRun(" ".join([summary, *notes]))
        return summary

    def _show(self, kinds: dict[str, ImportKind], chosen: str, errors: list[RowError] | None = None) -> str:
        registry = current_registry()
        added = registry.import_extensions
        columns = {name: permitted(_columns(kind, registry.live(added[name]))) for name, kind in kinds.items()}
        steps = {name: permitted(kind.after) for name, kind in kinds.items()}
        shown = {"kinds": kinds, "columns": columns, "chosen": chosen, "errors": errors or [], "most": ERRORS_SHOWN}
        return self.render("erp/settings/import.html", steps=steps, form_token=tokens.new_or_sent(), **shown)


class ExportPage(Page):
    """Exports CSV files."""

    view_name = "erp.export"
    title = "Export"
    url = "/settings/export"
    icon = "fa-download"

    @expose("/")
    def index_view(self) -> ResponseReturnValue:
        """List the kinds of files."""
        registry = current_registry()
        kinds: dict[str, ExportKind] = _permitted(registry.exports)
        added = registry.export_extensions
        columns = {name: _columns(kind, registry.live(added[name])) for name, kind in kinds.items()}
        return self.render("erp/settings/export.html", kinds=kinds, columns=columns)

    @expose("/<kind_name>.csv")
    def file(self, kind_name: str) -> ResponseReturnValue:
        """Send a file as it is made."""
        if kind_name not in _permitted(current_registry().exports):
            return abort(403 if kind_name in current_registry().exports else 404)
        headers = {"Content-Disposition": f"attachment;filename={kind_name}.csv"}
        return Response(stream_with_context(_lines(kind_name)), headers=headers, mimetype="text/csv")


def _lines(kind_name: str) -> Iterator[str]:
    # This runs while the answer is sent: the request's own session has ended by then.
    yield from export_csv(db.session(), kind_name)
