"""The forms of a screen: new, edit and delete, each saved as one run and one transaction."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from wtforms import Form, HiddenField

from erp import history
from erp.admin.access import may, permitted, run_and_commit, screen_session
from erp.admin.declarations import ExtraField
from erp.admin.fields import Converter, Lookup, as_id, lookup, with_fields
from erp.admin.listing import Listing
from erp.admin.refusals import mark
from erp.db import is_duplicate
from erp.errors import ErpError, RecordInUse, RecordTaken, StaleRecord

VERSION = "row_version"


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
        return session.get(self.model, id)

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
        """Return those of them that the user may fill in."""
        return permitted(self.extra_fields())

    def make_form(self, row: Any) -> Form:
        """Return the form, filled from the request when it is posted, else from the row."""
        extras = self.offered_fields()
        kind = self._create_form_class if row is None else self._edit_form_class
        form_class = with_fields(kind, [(extra.name, extra.field) for extra in extras])
        read = {extra.name: extra.read(screen_session(), row) for extra in extras}
        form: Form = form_class(request.form if request.method == "POST" else None, obj=row, **read)
        self.prepare_form(form, row)
        return form

    def prepare_form(self, form: Form, row: Any) -> None:
        """Change the form before it is shown or checked: defaults, choices, fields that a state forbids."""

    def is_valid(self, form: Form) -> bool:
        """Check the form that was posted and mark what is wrong. Override to check more than its validators do."""
        return bool(form.validate())

    def mark(self, form: Form, row: Any, error: ErpError) -> None:
        """Show a refusal at the field that it names; `refused_fields` are those that the form calls otherwise."""
        mark(form, error, self.refused_fields)

    def check_version(self, form: Form, row: Any) -> None:
        """Raise StaleRecord where the row was saved since the form was opened.

        It is called before anything is written. A `save` that takes locks calls it again after them.
        """
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
        """Set the row's own fields from the form."""
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
        row = self.save(session, form, row)
        session.flush()
        if is_new:
            history.record_document(session, row, "created")
        for extra in self.offered_fields():
            extra.write(session, row, form[extra.name].data)
        session.flush()
        return row.id

    def _submit(self, form: Form, id: int | None) -> int:
        verb = "create" if id is None else "edit"
        try:
            return int(run_and_commit(f"{self.view_name}.{verb}", lambda session: self._store(session, form, id)))
        except IntegrityError as error:
            raise (RecordTaken(self.noun) if is_duplicate(error) else error) from None

    def saved(self, id: int, is_new: bool) -> ResponseReturnValue:
        """Say that the row is saved, and go to its page or to another form."""
        flash(f"{self.noun.capitalize()} {'created' if is_new else 'saved'}.", "success")
        if "_add_another" in request.form:
            return redirect(self.get_url(".create_view"))
        return redirect(self.get_url(".details_view", id=id))

    def _form_page(self, row: Any, id: int | None) -> ResponseReturnValue:
        form = self.make_form(row)
        if request.method != "POST":
            return self._show_form(form, row, id)
        if not self.is_valid(form):
            flash("Not saved: check the marked fields.", "error")
            return self._show_form(form, row, id), 422
        try:
            return self.saved(self._submit(form, id), is_new=id is None)
        except ErpError as error:
            screen_session().rollback()
            flash(str(error), "error")
            row = None if id is None else self.get_one(id)
            self.mark(form, row, error)
            return self._show_form(form, row, id), 409 if isinstance(error, StaleRecord) else 422

    def _show_form(self, form: Form, row: Any, id: int | None) -> str:
        back = self.get_url(".index_view") if id is None else self.get_url(".details_view", id=id)
        may_add = id is None and self.may_create()
        return str(self.render(self.form_template, form=form, row=row, back=back, may_add=may_add))

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
        if not self.may_edit(row):
            return abort(403)
        return self._form_page(row, id)

    def delete(self, session: Session, row: Any) -> None:
        """Delete the row. Override to call a service."""
        history.record_document(session, row, "deleted")
        session.delete(row)
        session.flush()

    @expose("/<int:id>/delete/", methods=("POST",))
    def delete_view(self, id: int) -> ResponseReturnValue:
        """Delete a row that nothing uses."""
        row = self.get_one(id)
        if not self.may_delete(row):
            return abort(403)
        name = str(row)
        try:
            run_and_commit(f"{self.view_name}.delete", lambda session: self.delete(session, self.load(session, id)))
        except IntegrityError:
            return self.refused(id, RecordInUse(self.noun, name))
        except ErpError as error:
            return self.refused(id, error)
        flash(f"{self.noun.capitalize()} {name} deleted.", "success")
        return redirect(self.get_url(".index_view"))

    def refused(self, id: int, error: ErpError) -> ResponseReturnValue:
        """Show the row's page with the refusal."""
        raise NotImplementedError

    @expose("/ajax/lookup/")
    def ajax_lookup(self) -> ResponseReturnValue:
        """Answer a choice that is looked up while typing: a list of [id, text]."""
        loader = self._form_ajax_refs.get(request.args.get("name", ""))
        if not isinstance(loader, Lookup):
            return abort(404)
        offset, limit = (request.args.get(name, type=int) for name in ("offset", "limit"))
        rows = loader.get_list(request.args.get("query", ""), offset or 0, limit or 10)
        return [loader.format(row) for row in rows]

    @expose("/ajax/update/", methods=("POST",))
    def ajax_update(self) -> ResponseReturnValue:
        """Cells are not edited in lists: services would not be asked."""
        return abort(404)
