"""Settings > Export: CSV files by kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from flask import Response, abort, stream_with_context
from flask.typing import ResponseReturnValue
from flask_admin import expose

from erp.admin.access import may
from erp.admin.page import Page
from erp.admin.reading import read_lines
from erp.db import db
from erp.exchange import ExportKind, export_csv
from erp.registry import Extension, Owned, current_registry


def _permitted(kinds: dict[str, Owned[Any]]) -> dict[str, Any]:
    live = {name: owned.thing for name, owned in kinds.items() if current_registry().is_live(owned.module)}
    return {name: kind for name, kind in sorted(live.items()) if may(kind.permission)}


def _columns(kind: ExportKind, extensions: Iterable[Extension]) -> list[Any]:
    return [*kind.columns, *(column for extension in extensions for column in extension.columns)]


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
        return Response(
            stream_with_context(read_lines(lambda: _lines(kind_name))), headers=headers, mimetype="text/csv"
        )


def _lines(kind_name: str) -> Iterator[str]:
    # This runs while the answer is sent: the request's own session has ended by then.
    yield from export_csv(db.session(), kind_name)
