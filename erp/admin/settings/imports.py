"""Settings > Import: a file is uploaded, checked and shown as it would be stored, then applied once."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import PurePath
from typing import Any

from flask import Response, abort, flash, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from erp import clock, jobs
from erp.admin import tokens
from erp.admin.access import flash_sentence, may, permitted, user_name
from erp.admin.declarations import Card
from erp.admin.fields import as_id
from erp.admin.page import Page
from erp.admin.settings.own_maps import OwnMap
from erp.errors import ErpError
from erp.exchange import columns_of, import_csv, maps_of, uploads
from erp.exchange.jobs import run_imports
from erp.exchange.own_maps import find_map, save_map
from erp.exchange.problems import ImportRefused
from erp.models import ImportFile, ImportState
from erp.options import options
from erp.text import capital, from_stored, joined, say

DAYS_COUNTED = 7
FILES_SHOWN = 20
REFRESH_SECONDS = 2
JOB = run_imports.__name__.replace("_", "-")


def _readable(found: dict[str, Any]) -> dict[str, Any]:
    """Return what is kept of a checked file with its sentences as texts that the page translates."""
    problems = [
        each | {"rows": from_stored(each["rows"]), "message": capital(from_stored(each["message"]))}
        for each in found.get("problems", ())
    ]
    return found | {"problems": problems, "summary": from_stored(found.get("summary", ""))}


def _numbers(session: Session) -> list[tuple[str, Any, str]]:
    since = clock.now() - timedelta(days=DAYS_COUNTED)
    failed = select(func.count()).where(ImportFile.state == ImportState.failed, ImportFile.finished_at >= since)
    return [
        (
            say("Failed in the last {DAYS_COUNTED} days", DAYS_COUNTED=DAYS_COUNTED),
            session.scalar(failed),
            url_for("erp_import.index_view"),
        )
    ]


CARD = Card("Imports", "erp.import", _numbers)


class ImportPage(Page):
    """Imports CSV files, all or nothing, after somebody has looked at what they would do."""

    view_name = "erp.import"
    title = "Import"
    url = "/settings/import"
    icon = "fa-upload"
    needs_no_version = {
        "index_view": "A file that is sent twice from one page is kept once, and nothing is imported yet.",
        "choose_view": "What was chosen last counts, and the file is checked again.",
        "columns_view": "The map that was saved last counts, and the file is checked again.",
        "make_view": "What exists already stays as it is.",
        "apply_view": "The import checks everything again, and a file is applied once.",
    }

    @expose("/", methods=("GET", "POST"))
    def index_view(self) -> ResponseReturnValue:
        """Ask for a file and list the last ones, or keep one that was sent and check it."""
        kinds = uploads.live_kinds(may)
        chosen = request.values.get("kind", "")
        if request.method == "POST":
            if chosen and chosen not in kinds:
                return abort(404 if chosen not in uploads.live_kinds(lambda _: True) else 403)
            file = request.files.get("file")
            if file is not None and file.filename:
                with closing(file):
                    content = file.read()
                return self._keep(PurePath(file.filename).name, content, chosen)
            flash("Choose a file.", "error")
        columns = {name: permitted(columns_of(kind, may)) for name, kind in kinds.items()}
        shown = {"kinds": kinds, "columns": columns, "chosen": chosen, "files": self._last_files(list(kinds))}
        limit = options.erp.upload_limit
        page = self.render("erp/settings/import.html", form_token=tokens.new_or_sent(), limit=limit, **shown)
        return page, 422 if request.method == "POST" else 200

    def _last_files(self, kinds: list[str]) -> list[ImportFile]:
        rows = select(ImportFile).where(ImportFile.kind.in_([*kinds, ""])).order_by(ImportFile.id.desc())
        return list(self.session().scalars(rows.limit(FILES_SHOWN)))

    def _keep(self, name: str, content: bytes, kind: str) -> ResponseReturnValue:
        def work(session: Session) -> int:
            key = tokens.use(session, "erp.import", content)
            file_id = uploads.receive(session, name, content, kind=kind, user_name=user_name())
            tokens.keep(session, key, file_id)
            return file_id

        try:
            file_id = self.do("upload", work)
        except tokens.SentTwice as again:
            flash(str(again), "error")
            return redirect(self.get_url(".index_view"))
        return self._check(file_id)

    def _check(self, file_id: int) -> ResponseReturnValue:
        """Check a file now, or ask the job to check a large one, and show it."""
        if self._file(file_id).size > uploads.IN_REQUEST:
            self.do("ask", lambda session: jobs.request_run(session, JOB))
        else:
            uploads.check(file_id, may)
        return redirect(self.get_url(".file_view", id=file_id))

    def _file(self, id: int) -> ImportFile:
        self.session().expire_all()
        file = None if as_id(id) is None else self.session().get(ImportFile, id)
        if file is None or (file.kind and file.kind not in uploads.live_kinds(may)):
            abort(404)
        return file

    @expose("/<int:id>/")
    def file_view(self, id: int) -> ResponseReturnValue:
        """Show what a file is, its first rows, its problems, and what it would do or did."""
        file = self._file(id)
        is_waiting = file.state in (ImportState.waiting, ImportState.applying)
        answer = make_response(self.render("erp/settings/import_file.html", **self._shown(file)))
        if is_waiting:
            answer.headers["Refresh"] = str(REFRESH_SECONDS)
        return answer

    def _shown(self, file: ImportFile) -> dict[str, Any]:
        kinds = uploads.live_kinds(may)
        kind = kinds.get(file.kind)
        found = json.loads(file.checked) if file.checked else {}
        makes = {column: kinds.get(other) for column, other in (kind.refers if kind else {}).items()}
        return {
            "file": file,
            "found": _readable(found),
            "kind": kind,
            "kinds": kinds,
            "maps": maps_of(self.session(), kind) if kind else [],
            "makes": {column: each for column, each in makes.items() if found.get("unknown", {}).get(column) and each},
            "steps": permitted(kind.after) if kind else [],
            "is_led": jobs.is_led(),
        }

    @expose("/<int:id>/choose/", methods=("POST",))
    def choose_view(self, id: int) -> ResponseReturnValue:
        """Choose the kind, the map, the steps and the update of a file, and check it again."""
        file, form = self._file(id), request.form
        kind = form.get("kind", file.kind)
        if kind and kind not in uploads.live_kinds(may):
            return abort(404)
        steps = " ".join(form.getlist("after"))
        map_name = form.get("map", "") if kind == file.kind else ""
        is_update = form.get("update") == "1" or (kind != file.kind)
        return self._choose(id, kind=kind, map_name=map_name, steps=steps, is_update=is_update)

    def _choose(self, id: int, **chosen: Any) -> ResponseReturnValue:
        try:
            self.do("choose", partial(uploads.choose, file_id=id, **chosen))
        except ErpError as refused:
            flash(str(refused), "error")
            return redirect(self.get_url(".file_view", id=id))
        return self._check(id)

    @expose("/<int:id>/columns/", methods=("GET", "POST"))
    def columns_view(self, id: int) -> ResponseReturnValue:
        """Choose for each of our columns the one of the file, and keep that as a map under a name."""
        file = self._file(id)
        kind = uploads.live_kinds(may).get(file.kind)
        if kind is None:
            return abort(404)
        names = [name for name in json.loads(file.checked or "{}").get("names", []) if name]
        base = find_map(self.session(), kind, file.map_name) if file.map_name else None
        own = OwnMap(kind, columns_of(kind, may), names, base)
        if request.method == "POST":
            try:
                used = own.read(request.form)
                self.do("map", lambda session: save_map(session, used, user_name=user_name()))
                return self._choose(id, map_name=used.name)
            except ErpError as refused:
                flash(str(refused), "error")
        page = self.render("erp/settings/import_columns.html", file=file, kind=kind, own=own, names=names)
        return page, 422 if request.method == "POST" else 200

    @expose("/<int:id>/make/", methods=("POST",))
    def make_view(self, id: int) -> ResponseReturnValue:
        """Make what a column of the file names and nobody knows, and check the file again."""
        self._file(id)
        try:
            name, rows = uploads.missing_rows(self.session(), id, request.form.get("column", ""), may)
            flash_sentence(self.do("make", lambda session: import_csv(session, name, rows, may=may)))
        except ImportRefused as refused:
            flash_sentence(joined(refused.lines(5)), "error")
        except ErpError as refused:
            flash(str(refused), "error")
        return self._check(id)

    @expose("/<int:id>/apply/", methods=("POST",))
    def apply_view(self, id: int) -> ResponseReturnValue:
        """Import a checked file now, or let the job import a large one."""
        file = self._file(id)
        try:
            if file.size > uploads.IN_REQUEST:
                self.do("ask", partial(uploads.ask_to_apply, file_id=id))
                self.do("ask", lambda session: jobs.request_run(session, JOB))
            else:
                self.do("apply", partial(uploads.apply, file_id=id, may=may))
        except ImportRefused as refused:
            flash(say("{refused} Something has changed since the file was checked.", refused=refused), "error")
            return self._check(id)
        except ErpError as refused:
            flash(str(refused), "error")
        return redirect(self.get_url(".file_view", id=id))

    @expose("/<int:id>/rejected.csv")
    def rejected_view(self, id: int) -> ResponseReturnValue:
        """Send the rows that have problems."""
        lines = list(uploads.rejected_rows(self._file(id)))
        headers = {"Content-Disposition": "attachment;filename=rejected.csv"}
        return Response(lines, headers=headers, mimetype="text/csv")
