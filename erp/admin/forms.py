"""The forms of a screen: new, edit and delete, each saved as one run and one transaction."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from wtforms import Form, HiddenField
from wtforms.fields.core import UnboundField

from erp import history
from erp.admin import tokens, versions
from erp.admin.access import may, only_read, permitted, run_and_commit, screen_session
from erp.admin.converter import Converter, with_fields
from erp.admin.declarations import ExtraField, Facts
from erp.admin.fields import Lookup, as_id, lookup
from erp.admin.formatting import words
from erp.admin.listing import Listing
from erp.admin.refusals import mark
from erp.db import is_duplicate, is_reading, key_columns
from erp.errors import ErpError, RecordInUse, RecordTaken, StaleRecord
from erp.identity import identity_key
from erp.registry import current_registry
from erp.text import capital, joined, say

VERSION, DIALOG, FAILED = "row_version", "erp/form_dialog.html", object()


class EditForms(Listing):
    """Create, edit and delete."""

    edit_permission: str = ""
    model_form_converter = Converter
    form_template = "erp/form.html"
    form_widths: dict[str, int] = {}
    refused_fields: dict[str, str] = {}

    def may_create(self) -> bool:
        """Say whether the user may add rows."""
        return bool(self.can_create) and may(self.edit_permission)

    def may_edit(self, row: Any) -> bool:
        """Say whether the user may change this row."""
        return bool(self.can_edit) and may(self.edit_permission)

    def may_delete(self, row: Any) -> bool:
        """Say whether the user may delete this row."""
        return bool(self.can_delete) and may(self.edit_permission)

    def load(self, session: Session, id: int) -> Any:
        """Return a row by id with what its page shows, or None."""
        return session.get(self.model, id, populate_existing=not is_reading())

    def get_one(self, id: Any) -> Any:
        """Return a row by an id from outside; answer 404 where there is none."""
        found = as_id(id)
        row = None if found is None else self.load(screen_session(), found)
        return row if row is not None else abort(404)

    def _create_ajax_loader(self, name: str, options: dict[str, Any]) -> Lookup:
        return lookup(name, self.model, name, options)

    def scaffold_form(self) -> type[Form]:
        """Return the form of the model, with the version against which a save is checked."""
        # Without a list of columns Flask-Admin would offer every relation and load all of its rows.
        form = super().scaffold_form() if self.form_columns else self._form_of_extra_fields()
        return with_fields(form, [(VERSION, HiddenField)] if self._has_version() else [])

    def _form_of_extra_fields(self) -> type[Form]:
        return type(f"{self.model.__name__}Form", (self.form_base_class,), dict(self.form_extra_fields or {}))

    def _has_version(self) -> bool:
        return self.model.__mapper__.version_id_col is not None

    def extra_fields(self) -> list[ExtraField]:
        """Return the fields that other live modules add."""
        return self.contributed("fields")

    def offered_fields(self) -> list[ExtraField]:
        """Return those that the user may fill in."""
        return permitted(self.extra_fields())

    def make_form(self, row: Any) -> Form:
        """Return the form, filled from the request when it is posted, else from the row."""
        given = ((extra, self.read_extra(extra, screen_session(), row, FAILED)) for extra in self.offered_fields())
        offered = [(extra, value) for extra, value in given if value is not FAILED]
        kind = self._create_form_class if row is None else self._edit_form_class
        form_class = with_fields(kind, [(extra.name, extra.field) for extra, _ in offered])
        values = {extra.name: value for extra, value in offered}
        form: Form = form_class(request.form if request.method == "POST" else None, obj=row, **values)
        self.prepare_form(form, row)
        return form

    def read_extra(self, extra: ExtraField, session: Session, row: Any, failed: Any = None) -> Any:
        """Return the value of another module's field; where that fails `failed`, or else the sentence that says so."""

        def read() -> Any:
            if not isinstance(extra.field(), UnboundField):
                raise TypeError(f"field {extra.name} is made by {extra.field}, which returns no field")
            return extra.read(session, row)

        def note(text: str) -> Any:
            if failed is not None:
                flash(joined((words(extra.name), text), ": "), "error")
            return text if failed is None else failed

        return current_registry().contained_anywhere(extra, f"field {extra.name}", read, note)

    def prepare_form(self, form: Form, row: Any) -> None:
        """Change the form before it is shown or checked: defaults, choices, fields that a state forbids."""

    def depends_on(self, session: Session, row: Any) -> Facts:
        """Return the state and the fields that the form writes, by label. Override for fields of your own."""
        names = [name for name in ("state", *(self.form_columns or ())) if hasattr(self.model, name)]
        own = {str(self.get_column_name(name)): getattr(row, name) for name in names}
        extras = [extra for extra in self.offered_fields() if extra.is_written]
        return own | {self.field_label(extra): self.read_extra(extra, session, row) for extra in extras}

    def _parts(self, row: Any) -> versions.Parts:
        return {versions.PAGE: self.depends_on(screen_session(), row)}

    def is_valid(self, form: Form) -> bool:
        """Check the form that was posted and mark what is wrong. Override to check more than its validators do."""
        return bool(form.validate())

    def mark(self, form: Form, row: Any, error: ErpError) -> None:
        """Show a refusal at the field that it names; `refused_fields` are those that the form calls otherwise."""
        mark(form, error, self.refused_fields)

    def check_version(self, form: Form, row: Any) -> None:
        """Raise StalePage or StaleRecord where the row was saved since the form was opened.

        It is called before anything is written. A `save` that takes locks calls it again after them.
        """
        if row is not None and (found := versions.changes(lambda: self._parts(row))):
            raise versions.StalePage(found)
        field = form._fields.get(VERSION)
        if row is not None and field is not None and field.data and str(field.data) != str(getattr(row, VERSION)):
            raise StaleRecord

    def save(self, session: Session, form: Form, row: Any) -> Any:
        """Store the form in `row`, or in a new one where it is None, and return it. Override to call services."""
        row = self.model() if row is None else row
        self.fill(form, row)
        session.add(row)
        session.flush()
        return row

    def fill(self, form: Form, row: Any) -> None:
        """Set the row's own fields from the form, in the transaction of the save: its session is `screen_session()`."""
        skipped = {VERSION, *(extra.name for extra in self.offered_fields())}
        with screen_session().no_autoflush:
            for name, field in form._fields.items():
                if name not in skipped:
                    field.populate_obj(row, name)

    def _store(self, session: Session, form: Form, id: int | None) -> Any:
        row = None if id is None else self.load(session, id)
        if id is not None and row is None:
            raise StaleRecord
        self.check_version(form, row)
        is_new = row is None
        token = tokens.use(session, self.view_name) if is_new else ""
        row = self.save(session, form, row)
        session.flush()
        if is_new:
            history.record_document(session, row, "created")
        for extra in self.offered_fields():
            if extra.name in form:
                with current_registry().blaming(extra, f"field {extra.name}"):
                    extra.write(session, row, form[extra.name].data)
        session.flush()
        tokens.keep(session, token, row.id)
        return row.id

    def _submit(self, form: Form, id: int | None) -> int:
        verb = "create" if id is None else "edit"
        try:
            return int(run_and_commit(f"{self.view_name}.{verb}", lambda session: self._store(session, form, id)))
        except IntegrityError as error:
            raise (RecordTaken(self.noun, self._taken(form)) if is_duplicate(error) else error) from None

    def _taken(self, form: Form) -> str:
        """Return the identifier that another row has just got, as it is written there."""
        table = self.model.__table__
        for key, source in key_columns(table).items():
            if source in form:
                rows = select(table.c[source]).where(table.c[key] == identity_key(form[source].data or ""))
                return screen_session().scalar(rows) or ""
        return ""

    def saved(self, id: int, is_new: bool) -> ResponseReturnValue:
        """Say that the row is saved, and go to its page or to another form."""
        if is_new and _is_in_dialog():
            return self._made(id)
        noun = capital(self.noun)
        said = say("{noun} created.", noun=noun) if is_new else say("{noun} saved.", noun=noun)
        flash(said, "success")
        if "_add_another" in request.form:
            return redirect(self.get_url(".create_view"))
        return redirect(self.get_url(".details_view", id=id))

    def _form_page(self, row: Any, id: int | None) -> ResponseReturnValue:
        form = self.make_form(row)
        if request.method != "POST":
            return self._show_form(form, row, id)
        try:
            if not self.is_valid(form):
                return self._unfit(form, row, id)
            return self.saved(self._submit(form, id), is_new=id is None)
        except tokens.SentTwice as error:
            return self._saved_before(error)
        except ErpError as error:
            return self._refused_form(form, id, error)

    def _unfit(self, form: Form, row: Any, id: int | None) -> ResponseReturnValue:
        if row is None:
            tokens.check(screen_session(), self.view_name)
        flash("Not saved: check the marked fields.", "error")
        return self._show_form(form, row, id), 422

    def _refused_form(self, form: Form, id: int | None, error: ErpError) -> ResponseReturnValue:
        only_read()
        flash(str(error), "error")
        row = None if id is None else self.get_one(id)
        if isinstance(error, versions.StalePage) and VERSION in form:
            form[VERSION].data = getattr(row, VERSION)
        self.mark(form, row, error)
        # Users who were not told what has changed keep the version that they opened.
        page = self._show_form(form, row, id, is_kept=not isinstance(error, versions.StalePage))
        return page, 409 if isinstance(error, StaleRecord) else 422

    def _saved_before(self, error: tokens.SentTwice) -> ResponseReturnValue:
        """Answer a form for a new row that was sent twice with the row that it made."""
        only_read()
        id_ = error.facts["document_id"]
        if id_ is None or self.load(screen_session(), int(str(id_))) is None:
            flash(str(error), "error")
            return redirect(self.get_url(".index_view"))
        if _is_in_dialog():
            return self._made(int(str(id_)))
        flash(say("{noun} created. The form was sent twice, and saved once.", noun=capital(self.noun)), "success")
        return redirect(self.get_url(".details_view", id=id_))

    def _show_form(self, form: Form, row: Any, id: int | None, *, is_kept: bool = True) -> str:
        version, token, back = "", "", self.get_url(".index_view")
        if row is None:
            token = tokens.new_or_sent()
        else:
            kept = request.form.get(versions.FIELD, "") if is_kept else ""
            version, back = kept or versions.as_field(self._parts(row)), self.get_url(".details_view", id=id)
        shown = {"version": version, "form_token": token, "back": back, "may_add": id is None and self.may_create()}
        template = DIALOG if row is None and _is_in_dialog() else self.form_template
        return str(self.render(template, form=form, row=row, **shown))

    def _made(self, id: int) -> ResponseReturnValue:
        """Return the new row for the choice that asked for it."""
        return {"id": id, "text": str(self.load(screen_session(), id))}

    @expose("/new/", methods=("GET", "POST"))
    def create_view(self) -> ResponseReturnValue:
        """Ask for a new row."""
        if not self.may_create():
            return abort(403)
        return self._form_page(None, None)

    @expose("/<int:id>/edit/", methods=("GET", "POST"))
    def edit_view(self, id: int) -> ResponseReturnValue:
        """Change a row."""
        row = self.get_one(id)
        if not self.may_edit(row) and not self._is_outdated(row):
            return abort(403)
        return self._form_page(row, id)

    def _is_outdated(self, row: Any) -> bool:
        """Say whether a form was sent that the row's state allowed when it was opened: it is told what has changed."""
        is_sent = request.method == "POST" and self.can_edit and may(self.edit_permission)
        return bool(is_sent and versions.changes(lambda: self._parts(row)))

    def delete(self, session: Session, row: Any) -> None:
        """Delete the row. Override to call a service."""
        history.delete_document(session, row)

    @expose("/<int:id>/delete/", methods=("POST",))
    def delete_view(self, id: int) -> ResponseReturnValue:
        """Delete a row that nothing uses."""
        row = self.get_one(id)
        if not self.may_delete(row):
            return abort(403)
        name = str(row)
        try:
            run_and_commit(f"{self.view_name}.delete", lambda session: self._delete(session, id))
        except IntegrityError:
            return self.refused(id, RecordInUse(self.noun, name))
        except ErpError as error:
            return self.refused(id, error)
        flash(say("{noun} {name} deleted.", noun=capital(self.noun), name=name), "success")
        return redirect(self.get_url(".index_view"))

    def _delete(self, session: Session, id: int) -> None:
        row, opened = self.load(session, id), request.form.get(VERSION)
        if row is None or (opened and self._has_version() and opened != str(getattr(row, VERSION))):
            raise StaleRecord
        self.delete(session, row)

    def refused(self, id: int, error: ErpError) -> ResponseReturnValue:
        """Show the row's page with the refusal."""
        raise NotImplementedError

    def field_label(self, extra: ExtraField) -> str:
        """Return the label of a field of another module."""

        def label() -> str:
            made = extra.field()
            return str(made.kwargs.get("label") or (made.args[0] if made.args else words(extra.name)))

        return current_registry().contained_anywhere(extra, f"field {extra.name}", label, lambda _: words(extra.name))

    @expose("/ajax/lookup/")
    def ajax_lookup(self) -> ResponseReturnValue:
        """Answer a choice that is looked up while typing: a list of [id, text]."""
        loader = self._form_ajax_refs.get(request.args.get("name", ""))
        if not isinstance(loader, Lookup):
            return abort(404)
        offset, limit = (request.args.get(name, type=int) for name in ("offset", "limit"))
        rows = loader.get_list(request.args.get("query", ""), offset or 0, limit or 10)
        return [loader.answer(row) for row in rows]

    @expose("/ajax/update/", methods=("POST",))
    def ajax_update(self) -> ResponseReturnValue:
        """Cells are not edited in lists: services would not be asked."""
        return abort(404)


def _is_in_dialog() -> bool:
    """Say whether the form is shown in a dialog on the page of another form."""
    return "X-ERP-Dialog" in request.headers
