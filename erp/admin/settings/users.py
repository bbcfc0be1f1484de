"""Settings > Users and Roles: who may sign in, and what they may do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import g
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload
from wtforms import Form, SelectMultipleField, StringField, ValidationError, validators
from wtforms.fields.core import UnboundField
from wtforms.widgets import CheckboxInput, ListWidget

from erp import core, history, security
from erp.admin import access
from erp.admin.action_pages import FormPage
from erp.admin.declarations import Action, Badge, Result
from erp.admin.screen import Screen
from erp.errors import RecordInUse
from erp.models import Role, RoleRight, User, user_role
from erp.registry import current_registry

EMAIL = validators.Regexp(security.EMAIL, message="This is no email address.")


class TicksField(SelectMultipleField):
    """Several words of a list, each with a checkbox."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


def _as_role_id(value: Any) -> int:
    return int(getattr(value, "id", value))


def _reset_password(session: Session, user: User) -> Result:
    password = security.generate_password()
    security.set_password(session, user, password, must_change=True)
    return _new_password(user, password)


def _new_password(user: User, password: str) -> Result:
    message = f"Tell {user.username} this password; it is shown only now and has to be changed at the next sign-in."
    return Result(message, "erp/settings/password_result.html", {"password": password})


def _why_field() -> UnboundField[StringField]:
    """Return the field for the reason of a change; made last, it stands last."""
    return StringField("Reason", [validators.Length(max=500)], description="Stands in the history.")


class WhyForm(Form):
    """Why a person's rights are changed."""

    why = _why_field()


def _reason(form: Form) -> str:
    return (form["why"].data or "") if "why" in form else ""


class Deactivate(FormPage):
    """Keeps a person out, with the reason."""

    title = "Deactivate"
    button = "Deactivate"
    style = "danger"
    help = "Keep this person out? Running sessions end at once; what they did stays."
    form_class = WhyForm

    def do(self, session: Session, row: User, form: Any) -> str:
        """Do it."""
        user = session.get_one(User, row.id)
        with history.because(session, _reason(form)):
            security.set_active(session, user, False)
        return f"{user.username} is kept out; running sessions have ended."


def _activate(session: Session, user: User) -> str:
    security.set_active(session, user, True)
    return f"{user.username} may sign in again."


class UserScreen(Screen):
    """People, their roles, and their passwords, which nobody sees after they were told."""

    model = User
    view_name = "erp.user"
    title = "Users"
    noun = "user"
    url = "/settings/users"
    icon = "fa-users"
    edit_permission = "erp.users"
    can_delete = False
    column_list = ("username", "name", "email", "is_active", "created_at")
    column_labels = {"username": "Name", "name": "Full name", "is_active": "May sign in", "created_at": "Since"}
    column_searchable_list = ("username", "name", "email")
    column_filters = ("is_active", "username", "email")
    column_default_sort = "username"
    column_sortable_list = ("username", "created_at")
    form_columns = ("username", "name", "email")
    form_args = {"email": {"validators": [EMAIL]}}
    form_widths = {"why": 12}
    header_fields = (
        ("Name", "username"),
        ("Full name", "name"),
        ("Email", "email"),
        ("Roles", lambda user: ", ".join(role.name for role in user.roles)),
        ("Has to change the password", "must_change_password"),
        ("Since", "created_at"),
    )
    detail_loads = (selectinload(User.roles),)
    actions = (
        Action(
            name="reset-password",
            label="Reset password",
            permission="erp.users",
            run=_reset_password,
            icon="fa-key",
            confirm="Give this person a new password? Their running sessions end at once.",
        ),
        Action(
            name="deactivate",
            label="Deactivate",
            permission="erp.users",
            page=Deactivate(),
            icon="fa-ban",
            style="danger",
            allowed=lambda user: user.is_active,
        ),
        Action(
            name="activate",
            label="Activate",
            permission="erp.users",
            run=_activate,
            icon="fa-check",
            allowed=lambda user: not user.is_active,
        ),
    )

    def badges(self, row: Any) -> Sequence[Any]:
        """Say whether the person may sign in."""
        return (Badge("active", "success") if row.is_active else Badge("deactivated", "danger"),)

    def get_query(self) -> Any:
        """Load the roles of a page of people at once."""
        return super().get_query().options(selectinload(User.roles))

    def scaffold_form(self) -> type[Form]:
        """Add the roles to the form, and why they change."""
        base = super().scaffold_form()
        more = {"roles": TicksField("Roles", coerce=_as_role_id), "why": _why_field()}
        return type("UserForm", (base,), {**more, "validate_username": _check_name})

    def prepare_form(self, form: Form, row: Any) -> None:
        """List the roles; a name stays what history calls the person."""
        session = access.session()
        form["roles"].choices = [(role.id, role.name) for role in session.scalars(select(Role).order_by(Role.name))]
        del form["why" if row is None else "username"]

    def save(self, session: Session, form: Form, row: Any) -> Any:
        """Store the person and their roles; a new one gets a password that is told once."""
        if row is None:
            g.erp_new_password = security.generate_password()
            row = security.add_user(session, form["username"].data.strip(), g.erp_new_password)
        security.check_user(name=form["name"].data or "", email=form["email"].data or "")
        with history.because(session, _reason(form)):
            for field in ("name", "email"):
                _set(session, row, field, form[field].data or "")
            self._give_roles(session, row, form["roles"].data)
        return row

    def _give_roles(self, session: Session, user: User, ids: Sequence[int]) -> None:
        before = sorted(role.name for role in user.roles)
        roles = list(session.scalars(select(Role).where(Role.id.in_(ids)).order_by(Role.name)))
        if not any(role.is_administrator for role in roles) and user.is_active:
            security.keep_an_administrator(session, user)
        user.roles = roles
        after = sorted(role.name for role in roles)
        if before != after:
            old, new = ", ".join(before), ", ".join(after)
            history.record(session, security.subject(user), "roles changed", field="roles", old=old, new=new)

    def saved(self, id: int, is_new: bool) -> ResponseReturnValue:
        """Tell a new person's password, once."""
        if not is_new:
            return super().saved(id, is_new)
        user = self.load(access.session(), id)
        return self.show_row(id, result=_new_password(user, g.erp_new_password))


def _set(session: Session, user: User, field: str, new: str) -> None:
    old = getattr(user, field)
    if old != new:
        setattr(user, field, new)
        history.record(session, security.subject(user), "changed", field=field, old=old, new=new)


def _check_name(form: Any, field: StringField) -> None:
    text = (field.data or "").strip()
    if not text or not text.isprintable():
        raise ValidationError("A name has 1 to 80 characters that can be printed.")


class RoleScreen(Screen):
    """Roles: named sets of rights. Administrator holds every right."""

    model = Role
    view_name = "erp.role"
    title = "Roles"
    noun = "role"
    url = "/settings/roles"
    icon = "fa-id-badge"
    edit_permission = "erp.users"
    can_delete = True
    column_list = ("name", "is_administrator")
    column_labels = {"is_administrator": "Holds every right"}
    column_searchable_list = ("name",)
    column_default_sort = "name"
    form_columns = ("name",)
    form_template = "erp/settings/role_form.html"
    header_fields = (
        ("Name", "name"),
        ("Holds every right", "is_administrator"),
        ("Rights", lambda role: "all" if role.is_administrator else str(len(role.rights))),
    )
    detail_loads = (selectinload(Role.rights),)
    details_template = "erp/settings/role.html"

    def may_edit(self, row: Any) -> bool:
        """The administrator's role is what it is."""
        return super().may_edit(row) and not row.is_administrator

    def may_delete(self, row: Any) -> bool:
        """The administrator's role stays."""
        return super().may_delete(row) and not row.is_administrator

    def rights_by_module(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Return every declared right by the title of its module."""
        registry = current_registry()
        groups = [(module.title, module.permissions) for module in registry.modules.values()]
        return [
            (title, [(permission.name, permission.title) for permission in permissions])
            for title, permissions in [*groups, ("Settings", core.PERMISSIONS)]
            if permissions
        ]

    def held(self, row: Any) -> set[str]:
        """Return the names of a role's rights."""
        every = {name for _, rights in self.rights_by_module() for name, _ in rights}
        return every if row.is_administrator else {right.permission for right in row.rights}

    def page_context(self, row: Any) -> dict[str, Any]:
        """Add the rights and who has the role."""
        session = access.session()
        having = select(User).join(User.roles).where(Role.id == row.id).order_by(User.username).limit(100)
        users = session.scalars(having)
        return {"groups": self.rights_by_module(), "held": self.held(row), "people": list(users)}

    def scaffold_form(self) -> type[Form]:
        """Add the rights to the form."""
        base = super().scaffold_form()
        more = {"rights": TicksField("Rights", coerce=_as_right), "why": _why_field()}
        return type("RoleForm", (base,), {**more, "validate_name": _check_name})

    def prepare_form(self, form: Form, row: Any) -> None:
        """List every declared right; those of modules that are gone stay as they are."""
        declared = [right for _, rights in self.rights_by_module() for right in rights]
        known = {name for name, _ in declared}
        lost = [] if row is None else [(r.permission, r.permission) for r in row.rights if r.permission not in known]
        form["rights"].choices = declared + lost
        if row is None:
            del form["why"]

    def save(self, session: Session, form: Form, row: Any) -> Any:
        """Store the role and its rights, with what was given and taken in the history."""
        row, old = (Role(), "") if row is None else (row, row.name)
        row.name = form["name"].data.strip()
        session.add(row)
        session.flush()
        before, after = {right.permission for right in row.rights}, set(form["rights"].data)
        row.rights = [right for right in row.rights if right.permission in after]
        row.rights += [RoleRight(role_id=row.id, permission=name) for name in sorted(after - before)]
        with history.because(session, _reason(form)):
            self._record(session, row, old, (before, after))
        return row

    def _record(self, session: Session, role: Role, old: str, rights: tuple[set[str], set[str]]) -> None:
        about, (before, after) = history.Subject(self.view_name, role.id, role.name), rights
        if old != role.name:
            history.record(session, about, "changed" if old else "created", field="name", old=old, new=role.name)
        for name in sorted(before ^ after):
            given = name in after
            action = "right given" if given else "right taken"
            history.record(session, about, action, field=name, old=not given, new=given)

    def delete(self, session: Session, row: Any) -> None:
        """Delete a role that nobody has."""
        if session.scalar(select(func.count()).select_from(user_role).where(user_role.c.role_id == row.id)):
            raise RecordInUse(self.noun, row.name)
        history.record(session, history.Subject(self.view_name, row.id, row.name), "deleted")
        super().delete(session, row)


def _as_right(value: Any) -> str:
    return str(getattr(value, "permission", value))
