"""Messages as they leave: one that a change would send, shown before it is saved, and the source of one."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from erp.admin.access import screen_session
from erp.admin.fields import as_id
from modules.backorder_email import queries, services
from modules.backorder_email.delivery import build, sender
from modules.backorder_email.domain.facts import MessageFacts
from modules.backorder_email.errors import TemplateRefused
from modules.backorder_email.models import Message, Template
from modules.backorder_email.rendering.prepared import rendered
from modules.backorder_email.states import Cause

# How many lines of an order a sample shows.
MOST_LINES = 200


def named(name: str, address: str) -> str:
    """Return a name with its address, or the address alone."""
    return f"{name} <{address}>" if name else address


def asked_sample(session: Session) -> dict[str, Any] | None:
    """Return what the page of the sample that the address asks for shows; None where there is none."""
    sample = _asked()
    template = session.get(Template, sample.template_id) if sample else None
    found = queries.sample_facts_of(session, sample) if sample and template else None
    return _shown(session, template, *found) if template and found else None


def _asked() -> queries.Sample | None:
    """Return which message the address asks for; None where it asks for none."""
    ids = {name: as_id(request.args.get(name, "")) for name in ("template", "order", "status")}
    cause, template_id, order_id = request.args.get("cause"), ids["template"], ids["order"]
    if cause not in list(Cause) or template_id is None or order_id is None:
        return None
    lines, purchase_lines = (
        [id_ for text in request.args.getlist(name)[:MOST_LINES] if (id_ := as_id(text)) is not None]
        for name in ("line", "purchase_line")
    )
    return queries.Sample(template_id, Cause(cause), order_id, lines, purchase_lines, ids["status"])


def _shown(session: Session, template: Template, facts: MessageFacts, recipient: str) -> dict[str, Any]:
    try:
        texts, problem = rendered(session, template.wording, facts), ""
    except TemplateRefused as error:
        texts, problem = None, str(error)
    headers = [("From", named(sender().name, sender().address)), ("To", recipient)]
    return {"outgoing": texts, "problem": problem, "headers": headers, "is_composed": texts is not None}


def show_source(screen: Any, message: Message) -> ResponseReturnValue:
    """Show the source of the message, as it will leave or as it left."""
    outgoing = services.as_it_would_leave(screen_session(), message)
    if not outgoing.subject or not outgoing.recipient:
        return abort(404)
    data = build(outgoing, sender(), message.begun_at or message.sent_at).data
    return Response(data.replace(b"\r\n", b"\n"), mimetype="text/plain")
