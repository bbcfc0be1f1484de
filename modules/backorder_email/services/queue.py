"""What a clerk does with messages of the queue."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from erp import clock
from erp.db import is_one_of
from erp.history import Change, record_all
from modules.backorder_email.domain.mail import check_address
from modules.backorder_email.domain.wording import clean_line, clean_text
from modules.backorder_email.errors import EmptyMessage
from modules.backorder_email.models import Message
from modules.backorder_email.services.composing import recompose
from modules.backorder_email.services.superseding import put_right
from modules.backorder_email.states import MESSAGE, MessageState

is_pending = Message.state == MessageState.pending


def lock_messages(session: Session, message_ids: Collection[int]) -> Sequence[Message]:
    """Return messages by id, read anew and locked until the transaction ends; one that does not exist is left out."""
    rows = select(Message).where(is_one_of(session, Message.id, message_ids)).order_by(Message.id).with_for_update()
    return session.scalars(rows.execution_options(populate_existing=True)).all()


def edit(session: Session, message: Message, *, recipient: str, subject: str, text: str, html: str) -> None:
    """Change what a pending message says or where it goes. From then on it is the clerk's: nothing rewrites it."""
    lock_messages(session, [message.id])
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


def cancel(session: Session, message_ids: Collection[int]) -> int:
    """Give messages up; return how many. Raises InvalidTransition, and changes none, where one cannot be."""
    messages = lock_messages(session, message_ids)
    for message in messages:
        message.state = MESSAGE.next(message.state, "cancel")
    return _recorded(session, messages, "cancelled")


def mark_as_sent(session: Session, message_ids: Collection[int]) -> int:
    """Settle a doubt: a person knows that the messages arrived."""
    messages = lock_messages(session, message_ids)
    for message in messages:
        message.state = MESSAGE.next(message.state, "mark_as_sent")
        message.sent_at = message.begun_at or clock.now()
    return _recorded(session, messages, "marked as sent")


def retry(session: Session, message_ids: Collection[int]) -> int:
    """Put messages back into the queue as if they were new; return how many.

    One that was never composed or has no address is composed again; one that tells what holds no more is superseded.
    """
    messages = lock_messages(session, message_ids)
    for message in messages:
        MESSAGE.next(message.state, "retry")
    bare = {message.id for message in messages if not message.subject or not message.recipient}
    ids = [message.id for message in messages]
    _recorded(session, messages, "put back into the queue")
    recompose(session, bare)
    _make_new(session, ids, bare)
    put_right(session, session.scalars(select(Message.id).where(is_one_of(session, Message.id, ids), is_pending)).all())
    return len(ids)


def hurry(session: Session) -> None:
    """Let what waits for its next attempt leave with the next round."""
    change = update(Message).where(is_pending, Message.next_attempt_at.is_not(None)).values(next_attempt_at=None)
    session.execute(change.execution_options(synchronize_session=False))
    session.expire_all()


def _make_new(session: Session, message_ids: Collection[int], composed: Collection[int]) -> None:
    fresh = {"attempts": 0, "next_attempt_at": None, "begun_at": None, "attention": "", "taken_by": ""}
    back = {"state": MessageState.pending, "last_error": ""}
    for ids, values in ((composed, fresh), (set(message_ids) - set(composed), fresh | back)):
        change = update(Message).where(is_one_of(session, Message.id, ids)).values(values)
        session.execute(change.execution_options(synchronize_session=False))
    session.expire_all()


def _recorded(session: Session, messages: Sequence[Message], run: str) -> int:
    session.flush()
    record_all(session, [Change(message.history_subject(), run) for message in messages])
    return len(messages)
