"""Webhooks: which of them receive an event, what is sent to them, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import and_, select, update
from sqlalchemy.orm import Session, joinedload

from erp import clock
from erp.api import Announced, Said
from erp.db import insert_rows, is_one_of
from erp.deliveries import Ending, Outcome, back_off, is_last_attempt
from erp.errors import NotFound
from erp.options import options
from erp.text import say
from modules.api import queries
from modules.api.domain import why_not
from modules.api.errors import BadWebhookAddress, UnknownEvents
from modules.api.models import Delivery, Webhook
from modules.api.states import DELIVERY, DeliveryState

MOST_ATTEMPTS = 8
FIRST_WAIT = timedelta(minutes=1)
BATCH = 50
INTERRUPTED = "Sending was interrupted after it had begun: the receiver may have taken it."
OUTDATED = say("What it tells does not hold any more.")
_ENDS = {Ending.sent: "deliver", Ending.permanent: "fail", Ending.uncertain: "doubt"}


def notify_webhooks(session: Session, fact: Announced) -> None:
    """Write a delivery for each webhook that wants a fact, in the transaction of the fact.

    What has not left yet and is about the same thing is superseded. Nothing is written where `[api] webhooks` is off.
    """
    if not options.api.webhooks:
        return
    active = session.scalars(select(Webhook).where(Webhook.is_active.is_(True)).order_by(Webhook.id)).all()
    listening = [webhook for webhook in active if fact.name in webhook.events.split()]
    if not listening:
        return
    said = fact.say()
    now = clock.now()
    at = now.astimezone(UTC).isoformat().replace("+00:00", "Z")
    rows = [
        {"webhook_id": webhook.id, "event": fact.name, "key": each.key, "body": _body(fact.name, at, each)}
        for webhook in listening
        for each in said
        if _concerns(webhook, each)
    ]
    _supersede(session, [(row["webhook_id"], row["key"]) for row in rows if row["key"]], fact.name)
    same = {"state": DeliveryState.pending, "next_attempt_at": now, "created_at": now}
    insert_rows(session, Delivery, [{**row, **same} for row in rows])


def _body(name: str, at: str, said: Said) -> str:
    return json.dumps({"event": name, "at": at, "data": said.data}, sort_keys=True)


def _concerns(webhook: Webhook, said: Said) -> bool:
    chosen = webhook.customers.split()
    return not chosen or said.data.get("customer") in chosen


def _supersede(session: Session, about: Sequence[tuple[Any, Any]], event: str) -> None:
    """End what has not left and is about the same things: a later fact takes its place."""
    if not about:
        return
    unsent = Delivery.state.in_((DeliveryState.pending, DeliveryState.failed))
    older = and_(
        unsent,
        Delivery.event == event,
        is_one_of(session, Delivery.webhook_id, {webhook_id for webhook_id, _ in about}),
        Delivery.key.in_(sorted({key for _, key in about})),
    )
    gone = update(Delivery).where(older).values(state=DeliveryState.superseded, ended_at=clock.now())
    session.execute(gone.execution_options(synchronize_session=False))


def save_webhook(session: Session, webhook: Webhook) -> None:
    """Store a webhook, a new one with a secret. What waits for one that is not active any more is cancelled.

    Raises BadWebhookAddress and UnknownEvents.
    """
    if why := why_not(webhook.url):
        raise BadWebhookAddress(url=webhook.url, why=why)
    allowed = sorted(queries.event_titles(session))
    wrong = sorted(set(webhook.events.split()).difference(allowed))
    if wrong or not webhook.events.split():
        raise UnknownEvents(events=wrong, allowed=allowed)
    webhook.secret = webhook.secret or token_urlsafe(32)
    session.add(webhook)
    session.flush()
    if not webhook.is_active:
        waiting = update(Delivery).where(Delivery.webhook_id == webhook.id, Delivery.state == DeliveryState.pending)
        cancelled = waiting.values(state=DeliveryState.cancelled, ended_at=clock.now())
        session.execute(cancelled.execution_options(synchronize_session=False))


def replay(session: Session, delivery_id: int) -> None:
    """Send what ended once more, with the same body and id. Raises NotFound and InvalidTransition."""
    delivery = _locked(session, delivery_id)
    if delivery is None:
        raise NotFound("delivery", delivery_id)
    delivery.state = DELIVERY.next(delivery.state, "replay")
    delivery.attempts, delivery.next_attempt_at = 0, clock.now()
    delivery.begun_at = delivery.ended_at = None
    session.flush()


def recover(session: Session) -> None:
    """Settle what a worker that died left: the receiver may have it, or else it is sent again.

    The job that sends never overlaps itself, so what is being sent now is nobody's.
    """
    left = session.scalars(select(Delivery).where(Delivery.state == DeliveryState.sending).with_for_update())
    for delivery in left:
        if delivery.begun_at is None:
            delivery.state = DELIVERY.next(delivery.state, "postpone")
        else:
            _end(delivery, Outcome(Ending.uncertain, INTERRUPTED))
    session.flush()


@dataclass(frozen=True)
class Outgoing:
    """A delivery as the sender needs it."""

    id: int
    event: str
    url: str
    secret: str
    body: str


def take(session: Session) -> list[Outgoing]:
    """Take deliveries that are due, the oldest first; the caller commits before anything is sent."""
    due = (
        select(Delivery)
        .where(Delivery.state == DeliveryState.pending, Delivery.next_attempt_at <= clock.now())
        .options(joinedload(Delivery.webhook, innerjoin=True))
        .order_by(Delivery.id)
        .limit(BATCH)
        .with_for_update(of=Delivery)
    )
    taken = session.scalars(due).all()
    for delivery in taken:
        delivery.state, delivery.begun_at = DELIVERY.next(delivery.state, "send"), None
    session.flush()
    return [Outgoing(each.id, each.event, each.webhook.url, each.webhook.secret, each.body) for each in taken]


def begin(session: Session, delivery_id: int) -> bool:
    """Write that a delivery that was taken begins to leave.

    False where it was taken from the sender, and where what it tells does not hold any more: then it is superseded.
    """
    delivery = _locked(session, delivery_id)
    if delivery is None or delivery.state is not DeliveryState.sending:
        return False
    if not queries.still_holds(session, delivery):
        delivery.state = DELIVERY.next(delivery.state, "supersede")
        delivery.last_error, delivery.ended_at = OUTDATED, clock.now()
        session.flush()
        return False
    delivery.begun_at = clock.now()
    session.flush()
    return True


def settle(session: Session, delivery_id: int, outcome: Outcome) -> None:
    """Write how the transmission of a delivery ended."""
    delivery = _locked(session, delivery_id)
    if delivery is not None and delivery.state is DeliveryState.sending:
        _end(delivery, outcome)
        session.flush()


def _end(delivery: Delivery, outcome: Outcome) -> None:
    delivery.attempts += 1
    delivery.last_error = outcome.reason
    if outcome.ending is Ending.transient and not is_last_attempt(delivery.attempts, MOST_ATTEMPTS):
        delivery.state = DELIVERY.next(delivery.state, "postpone")
        delivery.next_attempt_at = clock.now() + back_off(delivery.attempts, FIRST_WAIT)
        return
    delivery.state = DELIVERY.next(delivery.state, _ENDS.get(outcome.ending, "fail"))
    delivery.ended_at = clock.now()


def _locked(session: Session, delivery_id: int) -> Delivery | None:
    rows = select(Delivery).where(Delivery.id == delivery_id).with_for_update(of=Delivery)
    return session.scalar(rows.execution_options(populate_existing=True))
