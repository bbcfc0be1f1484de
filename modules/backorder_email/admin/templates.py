"""The screen of templates, and the field of purchase line statuses that names one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session
from typing_extensions import override
from wtforms import Form, SelectField, StringField
from wtforms.fields.core import UnboundField
from wtforms.validators import InputRequired

from erp.admin import Action, ExtraColumn, ExtraField, Panel, Screen
from erp.admin.access import screen_session
from erp.db import db
from erp.text import joined, named, say
from modules.backorder_email import queries, services
from modules.backorder_email.domain.facts import VARIABLES
from modules.backorder_email.domain.templates import Wording
from modules.backorder_email.errors import TemplateRefused
from modules.backorder_email.models import StatusTemplate, Template
from modules.backorder_email.rendering.prepared import rendered
from modules.backorder_email.states import Cause


def _uses(session: Session, templates: Sequence[Template]) -> Mapping[int, str]:
    return {
        template.id: joined(users, ", ") for template, users in queries.uses_of_templates(session, templates).items()
    }


def _used_by(template: Template) -> str:
    return joined(queries.uses_of_template(screen_session(), template), ", ") or say("nothing yet")


def _types(session: Session, templates: Sequence[Template]) -> Mapping[int, str]:
    """Return what the type of each template is called."""
    kinds = queries.kinds_by_name(session)
    return {
        each.id: (kinds[each.kind].title if each.kind in kinds else each.kind) or say("BACK ORDER")
        for each in templates
    }


def _type(template: Template) -> str:
    return _types(screen_session(), [template])[template.id]


def _kind_choices() -> list[tuple[str, str]]:
    kinds = queries.kinds_by_name(db.session())
    return [("", say("BACK ORDER")), *((kind.name, named(kind.title)) for kind in kinds.values())]


def _variables() -> list[tuple[str, str]]:
    """Return what templates can read, with what the other types have besides."""
    titles: dict[tuple[str, str], list[str]] = {}
    for kind in queries.kinds_by_name(screen_session()).values():
        for name, (meaning, _) in kind.values.items():
            titles.setdefault((name, meaning), []).append(named(kind.title))
    more = [
        (f"about.{name}", say("{titles}: {meaning}", titles=joined(of, ", "), meaning=named(meaning)))
        for (name, meaning), of in titles.items()
    ]
    return [*VARIABLES, *more]


_CAUSES = [cause for cause in Cause if cause is not Cause.announced]


def preview(screen: Any, template: Template) -> ResponseReturnValue:
    """Show a template filled in for an existing order."""
    session = screen_session()
    number = request.args.get("order", "").replace("\0", "").strip()
    cause = Cause(request.args["cause"]) if request.args.get("cause") in list(Cause) else Cause.purchase_allocated
    order = queries.order_to_preview(session, number)
    texts, problem = None, ""
    about = None
    if template.kind:
        cause, about = Cause.announced, services.example_of_kind(session, template.kind)
    facts = queries.facts_to_preview(session, order.id, cause, about) if order is not None else None
    if facts is not None:
        try:
            texts = rendered(session, template.wording, facts)
        except TemplateRefused as error:
            problem = str(error)
    elif order is not None:
        problem = say("Sales order {order} has no lines.", order=order.name)
    elif number:
        problem = say("There is no sales order {number!r}.", number=number)
    return str(
        screen.render(
            "backorder_email/template_preview.html", row=template, order=order, number=number, cause=cause,
            causes=[cause] if template.kind else _CAUSES, rendered=texts, problem=problem,
        )
    )  # fmt: skip


class TemplateScreen(Screen):
    """The screen of templates."""

    model = Template
    view_name = "backorder_email.template"
    title = "Email templates"
    noun = "email template"
    url = "/emails/templates"
    icon = "fa-file-text-o"
    edit_permission = "backorder_email.templates"
    form_template = "backorder_email/template_form.html"
    column_list = ("name", "subject")
    column_searchable_list = ("name", "subject")
    column_default_sort = "name"
    computed_columns = (
        ExtraColumn("type", "Type", _types),
        ExtraColumn("used_by", "Used by", _uses),
    )
    header_fields = (("Type", _type), ("Subject", "subject"), ("Used by", _used_by))
    form_columns = ("name", "kind", "subject", "body", "html")
    form_overrides = {"subject": StringField, "kind": SelectField}
    form_args = {
        "kind": {
            "label": "Type",
            "choices": _kind_choices,
            "description": "BACK ORDER is for statuses and options; the others are sent when it happens.",
        },
        "subject": {"validators": [InputRequired()]},
        "body": {"label": "Text", "validators": [InputRequired()], "render_kw": {"rows": 14, "class": "mono"}},
        "html": {
            "label": "HTML",
            "description": "Empty: plain text only. What is filled in is escaped.",
            "render_kw": {"rows": 8},
        },
    }
    form_widths = {"name": 5, "kind": 3, "subject": 4}
    panels = (Panel("Wording", "backorder_email/template_wording.html", lambda _session, _template: {}),)
    actions = (
        Action(
            name="preview", label="Preview", permission="backorder_email.view", page=preview, style="primary",
            icon="fa-eye",
        ),
    )  # fmt: skip
    empty_message = "There are no templates yet. Write the first one, or import them as CSV."

    @override
    def save(self, session: Session, form: Form, row: Any) -> Any:
        wording = Wording(form["subject"].data or "", form["body"].data or "", form["html"].data or "")
        name, kind = form["name"].data or "", form["kind"].data or ""
        return services.save_template(session, row, name=name, wording=wording, kind=kind)

    @override
    def delete(self, session: Session, row: Any) -> None:
        services.delete_template(session, row)

    def render(self, template: str, **kwargs: Any) -> str:
        """Return a page; the form also shows the variables."""
        return super().render(template, **({"variables": _variables()} | kwargs))


def _template_field() -> UnboundField[Any]:
    names = db.session().scalars(select(Template.name).where(Template.kind == "").order_by(Template.name))
    choices = [("", say("None: customers get no email")), *((name, name) for name in names)]
    note = "Sent to customers when a line gets this status, or when their orders are allocated to a line that has it."
    field: UnboundField[Any] = SelectField("Email template", choices=choices, description=note)
    return field


def _template_of(session: Session, status: Any) -> str:
    if status is None:
        return ""
    names = select(Template.name).join(StatusTemplate).where(StatusTemplate.status_id == status.id)
    return session.scalar(names) or ""


def _set_template(session: Session, status: Any, name: str) -> None:
    services.set_status_templates(session, {status: queries.template_by_name(session, name)})


STATUS_FIELD = ExtraField(
    "email_template", _template_field, _template_of, _set_template, permission="backorder_email.templates"
)
