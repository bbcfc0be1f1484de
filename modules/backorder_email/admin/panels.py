"""Emails on the pages of orders and customers, and on the dashboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from erp.admin import Card, Panel
from erp.admin.formatting import words
from erp.text import say
from modules.backorder_email import queries
from modules.backorder_email.states import MessageState

_LABELS = {MessageState.needs_review: "Emails that need review"}
# How many messages the panels of an order and of a customer show.
SHOWN = 50


def _of_order(session: Session, order: Any) -> Mapping[str, Any]:
    messages = queries.messages_of_order(session, order.id, limit=SHOWN)
    return {"messages": [(message, "") for message in messages], "most": SHOWN}


def _of_customer(session: Session, customer: Any) -> Mapping[str, Any]:
    return {"messages": queries.messages_of_customer(session, customer.id, limit=SHOWN), "most": SHOWN}


ORDER_PANEL = Panel("Emails", "backorder_email/messages.html", _of_order, "backorder_email.view")
CUSTOMER_PANEL = Panel("Emails", "backorder_email/messages.html", _of_customer, "backorder_email.view")

_ON_CARD = (MessageState.needs_review, MessageState.failed, MessageState.uncertain, MessageState.skipped)


def _numbers(session: Session) -> Sequence[tuple[str, Any, str]]:
    counts = queries.counts_by_state(session)
    return (
        ("Pending emails", counts[MessageState.pending], _url(MessageState.pending)),
        *(
            (_LABELS.get(state, say("{state} emails", state=words(state))), counts[state], _url(state))
            for state in _ON_CARD
        ),
    )


def _url(state: MessageState) -> str:
    return f"/emails/pending/?flt0_state_is={state}"


CARD = Card("Emails", "backorder_email.view", _numbers)
