"""What a clerk does with messages: edit, cancel, retry, mark as sent."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from erp import clock
from erp.addresses import check_address
from erp.db import is_one_of
from erp.history import Change, record_all
from modules.backorder_email.domain.templates import clean_line, clean_text
from modules.backorder_email.errors import EmptyMessage
from modules.backorder_email.models import Message
from modules.backorder_email.services.composition import recompose
from modules.backorder_email.services.reconciliation import reconcile
from modules.backorder_email.states import MESSAGE, MessageState


def _lock_messages(session: Session, message_ids: Collection[int]) -> Sequence[Message]:
    """Return messages in id order, read again and locked until the transaction ends; unknown ids are left out."""
    rows = select(Message).where(is_one_of(session, Message.id, message_ids)).order_by(Message.id).with_for_update()
    return session.scalars(rows.execution_options(populate_existing=True)).all()


def edit(session: Session, message_id: int, *, recipient: str, subject: str, text: str, html: str) -> None:
    """Change the texts or the address of a message, pending then; from now on only a clerk changes it.

    Raises BadAddress and EmptyMessage, and InvalidTransition where it is neither pending nor needs review.
    """
    (message,) = _lock_messages(session, [message_id])
    message.state = MESSAGE.next(message.state, "edit")
    new = {
        "recipient": check_address(recipient),
        "subject": clean_line(subject),
        "text": clean_text(text).rstrip() + "\n",
        "html": clean_text(html).strip(),
    }
    for part in ("subject", "text"):
        if not new[part].strip():
            raise EmptyMessage(part=part)
    if any(getattr(message, name) != value for name, value in new.items()):
        message.is_edited = True
    for name, value in new.items():
        setattr(message, name, value)
    message.attention = ""
    session.flush()


def confirm(session: Session, message_ids: Collection[int]) -> int:
    """Put messages that need review back into the queue as they are; return how many."""
    messages = _lock_messages(session, message_ids)
    for message in messages:
        message.state, message.attention = MESSAGE.next(message.state, "confirm"), ""
    return _record(session, messages, "confirmed")


def cancel(session: Session, message_ids: Collection[int]) -> int:
    """Cancel messages; return how many. Raises InvalidTransition where one is in a state that does not allow it."""
    messages = _lock_messages(session, message_ids)
    for message in messages:
        message.state = MESSAGE.next(message.state, "cancel")
        message.last_error, message.attention = message.attention or message.last_error, ""
    return _record(session, messages, "cancelled")


def mark_as_sent(session: Session, message_ids: Collection[int]) -> int:
    """Mark uncertain messages as sent, because a clerk knows that they arrived; return how many."""
    messages = _lock_messages(session, message_ids)
    for message in messages:
        message.state = MESSAGE.next(message.state, "mark_as_sent")
        message.sent_at = message.begun_at or clock.now()
    return _record(session, messages, "marked as sent")


def retry(session: Session, message_ids: Collection[int]) -> int:
    """Put messages back into the queue as if they were new; return how many.

    One that was never composed or has no address is composed again; one whose news no longer holds is superseded.
    """
    messages = _lock_messages(session, message_ids)
    for message in messages:
        MESSAGE.next(message.state, "retry")
    incomplete = {message.id for message in messages if not message.subject or not message.recipient}
    ids = [message.id for message in messages]
    _record(session, messages, "put back into the queue")
    recompose(session, incomplete)
    _reset(session, ids, recomposed=incomplete)
    pending = select(Message.id).where(is_one_of(session, Message.id, ids), Message.is_pending)
    reconcile(session, session.scalars(pending).all())
    return len(ids)


def skip_waits(session: Session) -> None:
    """Make pending messages that wait for their next attempt due now."""
    change = (
        update(Message).where(Message.is_pending, Message.next_attempt_at.is_not(None)).values(next_attempt_at=None)
    )
    session.execute(change.execution_options(synchronize_session=False))
    session.expire_all()


def _reset(session: Session, message_ids: Collection[int], *, recomposed: Collection[int]) -> None:
    """Forget the attempts of messages; those that were not recomposed, which gave them their state, become pending."""
    fresh = {"attempts": 0, "next_attempt_at": None, "begun_at": None, "attention": "", "taken_by": ""}
    pending = {"state": MessageState.pending, "last_error": ""}
    for ids, values in ((recomposed, fresh), (set(message_ids) - set(recomposed), fresh | pending)):
        change = update(Message).where(is_one_of(session, Message.id, ids)).values(values)
        session.execute(change.execution_options(synchronize_session=False))
    session.expire_all()


def _record(session: Session, messages: Sequence[Message], action: str) -> int:
    """Write the history of an action; return the number of messages."""
    session.flush()
    record_all(session, [Change(message.history_subject(), action) for message in messages])
    return len(messages)
