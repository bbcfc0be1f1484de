"""Settings > Roles: named sets of rights."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload
from typing_extensions import override
from wtforms import Form

from erp import access_log, core, history
from erp.admin.access import screen_session
from erp.admin.declarations import Facts
from erp.admin.fields import TicksField, check_name, reason_field, reason_of
from erp.admin.screen import Screen
from erp.errors import RecordInUse
from erp.models import Role, RoleRight, User, user_role
from erp.registry import current_registry
from erp.text import say


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
        """Say whether the user may change the role; nobody changes Administrator."""
        return super().may_edit(row) and not row.is_administrator

    def may_delete(self, row: Any) -> bool:
        """Say whether the user may delete the role; nobody deletes Administrator."""
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

    def rights_of(self, row: Any) -> set[str]:
        """Return the names of a role's rights."""
        every = {name for _, rights in self.rights_by_module() for name, _ in rights}
        return every if row.is_administrator else {right.permission for right in row.rights}

    def page_context(self, row: Any) -> dict[str, Any]:
        """Add the rights and the users who have the role."""
        session = screen_session()
        having = select(User).join(User.roles).where(Role.id == row.id).order_by(User.username).limit(100)
        users = session.scalars(having)
        return {"groups": self.rights_by_module(), "held": self.rights_of(row), "users": list(users)}

    def scaffold_form(self) -> type[Form]:
        """Add the rights to the form."""
        base = super().scaffold_form()
        more = {"rights": TicksField("Rights", coerce=_as_right), "why": reason_field()}
        return type("RoleForm", (base,), {**more, "validate_name": check_name})

    def prepare_form(self, form: Form, row: Any) -> None:
        """List every declared right, and those that the role has of missing modules, which stay."""
        declared = [right for _, rights in self.rights_by_module() for right in rights]
        known = {name for name, _ in declared}
        missing = [] if row is None else [(r.permission, r.permission) for r in row.rights if r.permission not in known]
        form["rights"].choices = declared + missing
        if row is None:
            del form["why"]

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        rights = ", ".join(sorted(right.permission for right in row.rights))
        return {**super().depends_on(session, row), "Rights": rights}

    def save(self, session: Session, form: Form, row: Any) -> Any:
        """Store the role and its rights; history says which were given and taken."""
        row, old = (Role(), "") if row is None else (row, row.name)
        row.name = form["name"].data.strip()
        session.add(row)
        session.flush()
        before, after = {right.permission for right in row.rights}, set(form["rights"].data)
        row.rights = [right for right in row.rights if right.permission in after]
        row.rights += [RoleRight(role_id=row.id, permission=name) for name in sorted(after - before)]
        with history.because(session, reason_of(form)):
            self._record(session, row, old, (before, after))
        return row

    def _record(self, session: Session, role: Role, old: str, rights: tuple[set[str], set[str]]) -> None:
        about, (before, after) = history.Subject(self.view_name, role.id, role.name), rights
        if old != role.name:
            history.record(session, about, "changed" if old else "created", field="name", old=old, new=role.name)
        for name in sorted(before ^ after):
            given = name in after
            action = say("right given") if given else say("right taken")
            history.record(session, about, action, field=name, old=not given, new=given)
            access_log.changed(session, role.name, f"{action}: {name}")

    def delete(self, session: Session, row: Any) -> None:
        """Delete a role that nobody has."""
        if session.scalar(select(func.count()).select_from(user_role).where(user_role.c.role_id == row.id)):
            raise RecordInUse(self.noun, row.name)
        history.record(session, history.Subject(self.view_name, row.id, row.name), "deleted")
        super().delete(session, row)


def _as_right(value: Any) -> str:
    return str(getattr(value, "permission", value))
