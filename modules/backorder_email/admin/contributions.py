"""What backorder email adds to the screens of sales and procurement, and to the dashboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from wtforms import SelectField
from wtforms.fields.core import UnboundField

from erp.admin import Card, ExtraField, Panel
from erp.db import db
from modules.backorder_email import queries, services
from modules.backorder_email.models import StatusTemplate, Template
from modules.backorder_email.states import MessageState

SHOWN = 50


def _template_field() -> UnboundField[Any]:
    names = db.session().scalars(select(Template.name).order_by(Template.name))
    choices = [("", "None: customers get no email"), *((name, name) for name in names)]
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


def _of_order(session: Session, order: Any) -> Mapping[str, Any]:
    messages = queries.messages_of_order(session, order.id, limit=SHOWN)
    return {"messages": [(message, "") for message in messages], "most": SHOWN}


def _of_customer(session: Session, customer: Any) -> Mapping[str, Any]:
    return {"messages": queries.messages_of_customer(session, customer.id, limit=SHOWN), "most": SHOWN}


ORDER_PANEL = Panel("Emails", "backorder_email/messages.html", _of_order, "backorder_email.view")
CUSTOMER_PANEL = Panel("Emails", "backorder_email/messages.html", _of_customer, "backorder_email.view")

_ON_CARD = (MessageState.failed, MessageState.uncertain, MessageState.skipped)


def _numbers(session: Session) -> Sequence[tuple[str, Any, str]]:
    counts = queries.counts_by_state(session)
    return (
        ("Pending emails", counts[MessageState.pending], _url(MessageState.pending)),
        ("Pending, needs review", queries.count_needing_review(session), _url(MessageState.pending)),
        *((f"{state.capitalize()} emails", counts[state], _url(state)) for state in _ON_CARD),
    )


def _url(state: MessageState) -> str:
    return f"/emails/pending/?flt0_state_is={state}"


CARD = Card("Emails", "backorder_email.view", _numbers)
