"""What the emails show and take at the HTTP interface."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.api import Change, Computed, Effect, Field, Kind, Resource, Values
from erp.db import is_one_of
from erp.errors import ErpError, InvalidTransition
from erp.events import current_run
from erp.registry import Core
from modules.backorder_email import queries, services
from modules.backorder_email.models import Message
from modules.backorder_email.states import MESSAGE, Cause

EDIT = "backorder_email.edit"


def _write(name: str, title: str, do: Callable[[Session, Collection[int]], int]) -> Change:
    def run_many(session: Session, ids: Sequence[int], _values: Values) -> Mapping[int, ErpError]:
        rows = select(Message).where(is_one_of(session, Message.id, ids)).order_by(Message.id).with_for_update()
        states = {message.id: message.state for message in session.scalars(rows)}
        refused: dict[int, ErpError] = {
            id_: InvalidTransition(state=state, action=action)
            for id_, state in states.items()
            if not MESSAGE.allows(state, action)
        }
        if chosen := [id_ for id_ in ids if id_ in states and id_ not in refused]:
            do(session, chosen)
        return refused

    def run(session: Session, id: int, values: Values) -> None:
        for refusal in run_many(session, [id], values).values():
            raise refusal

    action = name.replace("-", "_")
    return Change(name, title, EDIT, run, run_many=run_many)


EMAILS = Resource(
    name="emails",
    title="Emails",
    noun="email",
    screen="backorder_email.message",
    fields=(
        *map(Field, ("state", "cause")),
        Field("order", "order.number"),
        Field("customer", "customer.code"),
        *map(Field, ("recipient", "subject", "text", "attempts", "attention", "last_error", "created_at", "sent_at")),
    ),
    writes=(
        _write("cancel", "Keep an email from leaving", services.cancel),
        _write("confirm", "Let an edited email leave although its news holds no more", services.confirm),
        _write("retry", "Put an email back into the queue", services.retry),
        _write("mark-as-sent", "Say that an email of which it is uncertain did leave", services.mark_as_sent),
    ),
)
RESOURCES = (EMAILS,)


EFFECT = Effect(
    name="emails",
    fields=(
        Computed("order", Kind.text),
        Computed("cause", Kind.word, words=tuple(Cause)),
        Computed("recipient", Kind.text),
        Computed("position", Kind.whole),
        Computed("old_date", Kind.day),
        Computed("new_date", Kind.day),
        Computed("quantity", Kind.quantity),
    ),
    concerned=lambda session, _facts: queries.orders_with_news(session, current_run(session).saved_id),
    read=queries.uncomposed_news,
)


def register(core: Core) -> None:
    """Register the resources, and what dry runs show."""
    core.add_resource(*RESOURCES)
    core.add_effect(EFFECT)
