"""Templates, the templates of statuses, and messages as CSV files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.exchange import Column, Errors, ExportKind, ImportKind, Row, code, long_text, text
from erp.text import plural, say
from modules.backorder_email import queries, services
from modules.backorder_email.domain.templates import Wording
from modules.backorder_email.models import StatusTemplate, Template
from modules.backorder_email.rendering.prepared import refusals
from modules.procurement.models import PurchaseLineStatus
from modules.procurement.queries import statuses_by_name


def _save_templates(session: Session, rows: Sequence[Row], errors: Errors) -> str:
    names = [row["name"] for row in rows]
    known = queries.templates_by_name(session, names)
    wordings = {row.number: _wording(row, known.get(row["name"])) for row in rows}
    kinds = {row.number: _kind(row, known.get(row["name"])) for row in rows}
    examples = {}
    for row in rows:
        with errors.of(row, "type"):
            examples[row.number] = services.example_of_kind(session, kinds[row.number])
    errors.raise_if_any()
    checked = refusals(session, list(wordings.values()), list(examples.values()))
    for row, refusal in zip(rows, checked, strict=True):
        if refusal is not None:
            errors.add(row, str(refusal.facts["part"]), refusal)
    errors.raise_if_any()
    changes = [(row["name"], known.get(row["name"]), wordings[row.number], kinds[row.number]) for row in rows]
    changed = services.save_templates(session, changes)
    return say(
        "{templates}: {rows} new, {changed} changed.",
        templates=plural(len(rows), "template"),
        rows=len(rows) - len(known),
        changed=changed,
    )


def _wording(row: Row, known: Template | None) -> Wording:
    html = row["html"] or "" if row.given("html") or known is None else known.html
    return Wording(row["subject"], row["body"], html)


def _kind(row: Row, known: Template | None) -> str:
    """Return the kind of announcement that a template is for; a file without the column leaves it as it is."""
    return row["type"] or "" if row.given("type") or known is None else known.kind


def _templates(session: Session) -> Iterable[Sequence[Any]]:
    columns = (Template.name, Template.subject, Template.body, Template.html, Template.kind)
    return session.execute(select(*columns).order_by(Template.id))


TEMPLATES = ImportKind(
    name="email_templates",
    title="Email templates",
    permission="backorder_email.templates",
    columns=(
        Column("name", code(120), required=True),
        Column("subject", long_text, required=True),
        Column("body", long_text, required=True),
        Column("html", long_text),
        Column("type", text(80)),
    ),
    key=("name",),
    apply=_save_templates,
)

TEMPLATES_OUT = ExportKind(
    name="email_templates",
    title="Email templates",
    permission="backorder_email.view",
    columns=("name", "subject", "body", "html", "type"),
    rows=_templates,
)

EMAILS_OUT = ExportKind(
    name="emails",
    title="Emails",
    permission="backorder_email.view",
    columns=("id", "to", "subject", "state", "order", "created_at", "sent_at", "attempts", "last_error"),
    rows=queries.emails,
)

STATUS_COLUMNS = (Column("email_template", code(120), permission="backorder_email.templates"),)


def save_status_templates(session: Session, rows: Sequence[Row], errors: Errors) -> None:
    """Give each status the template that its row names, or none where the cell is empty."""
    names = {row["email_template"] for row in rows if row["email_template"]}
    templates = queries.templates_by_name(session, names)
    for row in rows:
        if row["email_template"] and row["email_template"] not in templates:
            errors.add(row, "email_template", say("is not the name of an email template"))
    errors.raise_if_any()
    wanted = {row["name"]: templates.get(row["email_template"] or "") for row in rows}
    statuses = statuses_by_name(session, wanted)
    services.set_status_templates(session, {statuses[name]: template for name, template in wanted.items()})


def status_templates(session: Session) -> Mapping[str, tuple[str]]:
    """Return the name of the template by the name of the status."""
    rows = (
        select(PurchaseLineStatus.name, Template.name)
        .join(StatusTemplate, StatusTemplate.status_id == PurchaseLineStatus.id)
        .join(Template, Template.id == StatusTemplate.template_id)
    )
    return {status: (template,) for status, template in session.execute(rows)}
