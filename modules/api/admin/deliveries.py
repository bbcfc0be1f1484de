"""The log of webhook deliveries."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from erp.admin import Action, Facts, QuickFilter, Screen, anchor_of
from erp.text import say
from modules.api import services
from modules.api.models import Delivery
from modules.api.states import DELIVERY


def _replay(session: Session, delivery: Any) -> str:
    services.replay_delivery(session, delivery.id)
    return say("{delivery} is sent again at the next run of the job.", delivery=delivery)


def _depends_on(_session: Session, delivery: Any) -> Facts:
    return {"state": delivery.state, "attempts": delivery.attempts}


class DeliveryScreen(Screen):
    """Webhook deliveries, and what became of each."""

    model = Delivery
    view_name = "api.delivery"
    title = "Webhook log"
    noun = "delivery"
    url = "/api/deliveries"
    icon = "fa-exchange"
    can_create = can_edit = can_delete = False
    column_list = ("id", "webhook.name", "event", "state", "attempts", "created_at", "ended_at", "last_error")
    column_labels = {
        "id": "Delivery",
        "webhook.name": "Webhook",
        "created_at": "Since",
        "ended_at": "Ended",
        "last_error": "What went wrong",
    }
    column_searchable_list = ("webhook.name", "event")
    column_filters = ("state", "webhook.name", "event", "attempts", "created_at", "ended_at")
    quick_filters = (
        QuickFilter("Pending", "state_is", "pending"),
        QuickFilter("Failed", "state_is", "failed"),
        QuickFilter("Uncertain", "state_is", "uncertain"),
    )
    column_sortable_list = ()
    sorted_like = {"created_at": "id"}
    column_default_sort = ("id", True)
    header_fields = (
        ("Webhook", anchor_of("api.webhook", "webhook")),
        ("Event", "event"),
        ("Attempts", "attempts"),
        ("Since", "created_at"),
        ("Next attempt", "next_attempt_at"),
        ("Ended", "ended_at"),
        ("What went wrong", "last_error"),
        ("Body", "body"),
    )
    actions = (
        Action(
            name="replay",
            label="Send again",
            permission="api.webhooks",
            run=_replay,
            icon="fa-repeat",
            confirm="Send it again? A receiver that has taken it gets it twice, with the same number.",
            yes="Send again",
            allowed=lambda delivery: DELIVERY.allows(delivery.state, "replay"),
            depends_on=_depends_on,
            help="The same body with the same number is sent once more.",
        ),
    )
    empty_message = "Nothing has been sent to a webhook yet."
