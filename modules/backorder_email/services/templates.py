"""Templates, and which status has which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, joinedload

from erp import history
from erp.db import insert_rows
from erp.identity import identity_key
from modules.backorder_email import queries
from modules.backorder_email.domain.templates import Wording, clean_line
from modules.backorder_email.errors import KindTaken, TemplateInUse, TemplateNameTaken, UnknownKind
from modules.backorder_email.models import StatusTemplate, Template
from modules.backorder_email.rendering.prepared import refusals
from modules.procurement.models import PurchaseLineStatus

# A name, the template that has it already, its wording and its kind.
_Change = tuple[str, Template | None, Wording, str]


def save_template(
    session: Session, template: Template | None, *, name: str, wording: Wording, kind: str = ""
) -> Template:
    """Create or change a template; raises TemplateRefused, TemplateNameTaken, TemplateInUse and what refuses a kind.

    `kind` is the kind of announcement that it is for, empty for the type BACK ORDER.
    """
    if refusal := refusals(session, [wording], [example_of_kind(session, kind)])[0]:
        raise refusal
    _refuse_taken_kinds(session, [(name, template, wording, kind)])
    name = clean_line(name)
    namesake = queries.template_by_name(session, name)
    if namesake is not None and namesake is not template:
        raise TemplateNameTaken(name=namesake.name)
    if template is None:
        template = Template(name=name)
        session.add(template)
    elif identity_key(name) != template.name_key:
        _refuse_if_option_names(session, template)
    template.name, template.kind = name, kind
    template.subject, template.body = wording.subject, wording.body
    template.html = wording.html if wording.html.strip() else ""
    session.flush()
    return template


def example_of_kind(session: Session, kind: str) -> dict[str, str] | None:
    """Return examples of the values of a kind of announcement, None for the type BACK ORDER; raise UnknownKind."""
    if not kind:
        return None
    known = queries.kinds_by_name(session)
    if kind not in known:
        raise UnknownKind(kind=kind, known=sorted(known))
    return queries.example_of(known[kind])


def _refuse_taken_kinds(session: Session, changes: Sequence[_Change]) -> None:
    """Raise KindTaken where a kind of announcement would have two templates."""
    kinds = {kind for *_, kind in changes if kind}
    changed = {template for _, template, *_ in changes}
    others = session.scalars(select(Template).where(Template.kind.in_(kinds))) if kinds else ()
    taken = {other.kind: other.name for other in others if other not in changed}
    for name, _, _, kind in changes:
        if kind and taken.setdefault(kind, name) != name:
            raise KindTaken(kind=kind, name=taken[kind])


def save_templates(session: Session, changes: Sequence[_Change]) -> int:
    """Create or change many templates whose wording was checked; return how many existing ones changed."""
    _refuse_taken_kinds(session, changes)
    new = [
        {"name": name, "kind": kind, **vars(wording)} for name, template, wording, kind in changes if template is None
    ]
    insert_rows(session, Template, new)
    edits = [
        (template, {"kind": kind, **vars(wording)})
        for _, template, wording, kind in changes
        if template is not None and (wording, kind) != (template.wording, template.kind)
    ]
    history.edit_many(session, Template, dict.fromkeys(("kind", "subject", "body", "html"), "text"), edits)
    return len(edits)


def _refuse_if_option_names(session: Session, template: Template) -> None:
    """Raise TemplateInUse where an option names the template, which would lose it; a status refers to it by id."""
    if users := [user for user in queries.uses_of_template(session, template) if user.startswith("option")]:
        raise TemplateInUse(name=template.name, users=users)


def delete_template(session: Session, template: Template) -> None:
    """Delete a template but not the messages composed with it; raises TemplateInUse."""
    if users := queries.uses_of_template(session, template):
        raise TemplateInUse(name=template.name, users=users)
    history.record_document(session, template, "deleted")
    session.delete(template)
    session.flush()


def set_status_templates(session: Session, templates: Mapping[PurchaseLineStatus, Template | None]) -> None:
    """Give each of many statuses a template, or none, and write the history of those that change."""
    session.flush()
    statuses = {status.id: status for status in templates}
    wanted = select(StatusTemplate).where(StatusTemplate.status_id.in_(statuses))
    rows = session.scalars(wanted.options(joinedload(StatusTemplate.template)))
    before = {row.status_id: row.template for row in rows}
    changed = {id_: status for id_, status in statuses.items() if templates[status] is not before.get(id_)}
    session.execute(delete(StatusTemplate).where(StatusTemplate.status_id.in_(changed)))
    session.add_all(
        StatusTemplate(status_id=id_, template_id=template.id)
        for id_, status in changed.items()
        if (template := templates[status]) is not None
    )
    history.record_all(
        session,
        [
            history.Change(status.history_subject(), "changed", "email template", before.get(id_), templates[status])
            for id_, status in changed.items()
        ],
    )
    session.flush()
