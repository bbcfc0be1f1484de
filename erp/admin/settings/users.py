"""Settings > Users: who may sign in, with which roles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import g
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload
from typing_extensions import override
from wtforms import Form

from erp import history, second_factor, security, sessions
from erp.admin.access import screen_session
from erp.admin.action_pages import FormPage
from erp.admin.declarations import Action, Badge, Facts, Panel, Result
from erp.admin.fields import TicksField, check_email, check_name, reason_field, reason_of
from erp.admin.screen import Screen
from erp.models import HistoryEntry, Role, User
from erp.text import plural, say


def _as_role_id(value: Any) -> int:
    return int(getattr(value, "id", value))


def _password(session: Session, user: User) -> Facts:
    about = HistoryEntry.document == "erp.user", HistoryEntry.document_id == user.id
    changes = select(func.max(HistoryEntry.at)).where(*about, HistoryEntry.action == "password changed")
    return {say("may sign in"): user.is_active, say("the last change of the password"): session.scalar(changes)}


def _reset_password(session: Session, user: User) -> Result:
    password = security.generate_password()
    security.set_password(session, user, password, must_change=True)
    return _new_password(user, password)


def _new_password(user: User, password: str) -> Result:
    message = say(
        "Give {user} this password; it is shown only now and must be changed at the next sign-in.", user=user.username
    )
    return Result(message, "erp/settings/password_result.html", {"password": password})


class ReasonForm(Form):
    """The reason of a change of a user."""

    why = reason_field()


class Deactivate(FormPage):
    """Asks why a user may not sign in any more."""

    name = "deactivate"
    title = "Deactivate"
    permission = "erp.users"
    icon = "fa-ban"
    allowed = staticmethod(lambda user: user.is_active)
    style = "danger"
    help = "Keep this user out? Running sessions end at once; the history of what they did stays."
    form_class = ReasonForm

    @override
    def depends_on(self, session: Session, row: User) -> Facts:
        return _may_sign_in(session, row)

    @override
    def do(self, session: Session, row: User, form: Any) -> str:
        user = session.get_one(User, row.id)
        with history.because(session, reason_of(form)):
            security.set_active(session, user, False)
        return say("{user} is kept out; running sessions have ended.", user=user.username)


def _may_sign_in(_session: Session, user: User) -> Facts:
    return {say("may sign in"): user.is_active}


def _activate(session: Session, user: User) -> str:
    security.set_active(session, user, True)
    return say("{user} may sign in again.", user=user.username)


def _end_sessions(session: Session, user: User) -> str:
    count = security.end_sessions(session, user)
    return say("{sessions} of {user} ended.", sessions=plural(count, "session"), user=user.username)


def _running(session: Session, user: User) -> dict[str, Any]:
    return {"sessions": sessions.of_user(session, user.id)}


def _has_factor(session: Session, user: User) -> Facts:
    return {say("second factor"): second_factor.has(session, user)}


def _reset_factor(session: Session, user: User) -> str:
    second_factor.reset(session, user)
    return say("{user} no longer has a second factor, and is signed out everywhere.", user=user.username)


class UserScreen(Screen):
    """Users and their roles. A generated password is shown once."""

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
    form_args = {"email": {"validators": [check_email]}}
    form_widths = {"why": 12}
    header_fields = (
        ("Name", "username"),
        ("Full name", "name"),
        ("Email", "email"),
        ("Roles", lambda user: ", ".join(role.name for role in user.roles)),
        ("Has to change the password", "must_change_password"),
        ("Since", "created_at"),
    )
    list_loads = detail_loads = (selectinload(User.roles),)
    panels = (Panel("Running sessions", "erp/settings/sessions.html", _running),)
    actions = (
        Action(
            name="reset-password",
            label="Reset password",
            permission="erp.users",
            run=_reset_password,
            depends_on=_password,
            icon="fa-key",
            confirm="Give this user a new password? Their running sessions end at once.",
        ),
        Action(
            name="end-sessions",
            label="Sign out everywhere",
            permission="erp.users",
            run=_end_sessions,
            depends_on=_may_sign_in,
            icon="fa-sign-out",
            confirm="End this user's running sessions? They may sign in again.",
        ),
        Action(
            name="reset-second-factor",
            label="Reset second factor",
            permission="erp.users",
            run=_reset_factor,
            depends_on=_has_factor,
            icon="fa-mobile",
            allowed=lambda user: second_factor.has(screen_session(), user),
            confirm="Remove this user's second factor, because it is lost? Their running sessions end at once.",
        ),
        Deactivate.action(),
        Action(
            name="activate",
            label="Activate",
            permission="erp.users",
            run=_activate,
            depends_on=_may_sign_in,
            icon="fa-check",
            allowed=lambda user: not user.is_active,
        ),
    )

    def badges(self, row: Any) -> Sequence[Any]:
        """Say whether the user may sign in."""
        return (Badge("active", "success") if row.is_active else Badge("deactivated", "danger"),)

    def scaffold_form(self) -> type[Form]:
        """Add the roles and the reason of a change to the form."""
        base = super().scaffold_form()
        more = {"roles": TicksField("Roles", coerce=_as_role_id), "why": reason_field()}
        return type("UserForm", (base,), {**more, "validate_username": check_name})

    def prepare_form(self, form: Form, row: Any) -> None:
        """List the roles; the name of a user does not change, because history names them by it."""
        session = screen_session()
        form["roles"].choices = [(role.id, role.name) for role in session.scalars(select(Role).order_by(Role.name))]
        del form["why" if row is None else "username"]

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        roles = ", ".join(sorted(role.name for role in row.roles))
        return {**super().depends_on(session, row), "Roles": roles}

    def save(self, session: Session, form: Form, row: Any) -> Any:
        """Store the user and their roles; a new one gets a password."""
        if row is None:
            g.erp_new_password = security.generate_password()
            row = security.add_user(session, form["username"].data.strip(), g.erp_new_password)
        security.check_user(name=form["name"].data or "", email=form["email"].data or "")
        with history.because(session, reason_of(form)):
            for field in ("name", "email"):
                _set(session, row, field, form[field].data or "")
            ids = form["roles"].data
            roles = session.scalars(select(Role).where(Role.id.in_(ids)).order_by(Role.name)).all()
            security.set_roles(session, row, roles)
        return row

    def saved(self, id: int, is_new: bool) -> ResponseReturnValue:
        """Show the password of a new user, once."""
        if not is_new:
            return super().saved(id, is_new)
        user = self.load(screen_session(), id)
        return self.show_row(id, result=_new_password(user, g.erp_new_password))


def _set(session: Session, user: User, field: str, new: str) -> None:
    old = getattr(user, field)
    if old != new:
        setattr(user, field, new)
        history.record(session, security.subject(user), "changed", field=field, old=old, new=new)
