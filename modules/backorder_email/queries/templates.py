"""Reads of templates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.identity import ByKey, identity_key
from erp.options import options
from erp.text import say
from modules.backorder_email.models import StatusTemplate, Template
from modules.backorder_email.states import Cause
from modules.procurement.models import PurchaseLineStatus
from modules.sales.hooks import AnnouncementKind, announcement_kinds

# The option that names the template of a cause, where one does.
OPTIONS_BY_CAUSE = {Cause.date_changed: "date_template", Cause.cancelled: "cancellation_template"}


def template_by_name(session: Session, name: str) -> Template | None:
    """Return the template of that name."""
    return templates_by_name(session, [name]).get(name)


def templates_by_name(session: Session, names: Iterable[str]) -> ByKey[str, Template]:
    """Return the templates of these names; one that does not exist is left out."""
    wanted = select(Template).where(Template.name_key.in_(set(map(identity_key, names)) - {""}))
    return ByKey((template.name, template) for template in session.scalars(wanted))


def name_in_option(cause: Cause) -> str:
    """Return the name of the template that an option gives to a cause; empty where there is to be no news of it."""
    return str(getattr(options.backorder_email, OPTIONS_BY_CAUSE[cause])) if cause in OPTIONS_BY_CAUSE else ""


def templates_by_status(session: Session) -> dict[int, int]:
    """Return the template id of each status that has one."""
    rows = session.execute(select(StatusTemplate.status_id, StatusTemplate.template_id))
    return dict(rows.all())


def templates_by_kind(session: Session, kinds: Iterable[str]) -> dict[str, int]:
    """Return the template id of each of these kinds of announcements that has one."""
    rows = select(Template.kind, Template.id).where(Template.kind.in_(set(kinds) - {""}))
    return dict(session.execute(rows).all())


def kinds_by_name(session: Session) -> dict[str, AnnouncementKind]:
    """Return the kinds of announcements of the modules that are on, by name."""
    return {kind.name: kind for answer in announcement_kinds(session) for kind in answer}


def example_of(kind: AnnouncementKind) -> dict[str, str]:
    """Return examples of the values of a kind of announcement."""
    return {name: example for name, (_, example) in kind.values.items()}


def uses_of_template(session: Session, template: Template) -> list[str]:
    """Return what names a template, in words: statuses and options."""
    return uses_of_templates(session, [template])[template]


def uses_of_templates(session: Session, templates: Sequence[Template]) -> dict[Template, list[str]]:
    """Return what names each of these templates, in words."""
    rows = (
        select(StatusTemplate.template_id, PurchaseLineStatus.name)
        .join(PurchaseLineStatus, PurchaseLineStatus.id == StatusTemplate.status_id)
        .where(StatusTemplate.template_id.in_([template.id for template in templates]))
        .order_by(PurchaseLineStatus.name)
    )
    statuses = [(row[0], row[1]) for row in session.execute(rows)]
    return {
        template: [
            *(say("status {name}", name=name) for id_, name in statuses if id_ == template.id),
            *([template.kind] if template.kind else []),
            *(
                say("option backorder_email.{option}", option=option)
                for cause, option in OPTIONS_BY_CAUSE.items()
                if identity_key(name_in_option(cause)) == template.name_key
            ),
        ]
        for template in templates
    }
