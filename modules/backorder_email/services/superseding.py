"""Taking back what has not left and is overtaken, and telling again what of it still holds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from erp.db import is_one_of
from erp.events import current_run
from modules.backorder_email.domain.news import drop_reason, in_words
from modules.backorder_email.models import Message, News
from modules.backorder_email.queries.news import news_of_messages, news_statuses
from modules.backorder_email.services.composing import compose, drop_news
from modules.backorder_email.states import MESSAGE, DropReason, MessageState


def put_right(
    session: Session,
    message_ids: Collection[int],
    *,
    notified_again: Collection[int] = frozenset(),
    undone: Collection[tuple[int, int]] = frozenset(),
) -> set[int]:
    """Supersede the pending messages, locked by the caller, that tell what holds no more.

    `notified_again` are lines with newer news, `undone` (line, purchase line) pairs that are linked no more. What still
    holds is composed again at once. A message that a clerk has edited stays, and is shown to the clerk instead:
    those are returned.
    """
    if not message_ids:
        return set()
    notified = news_of_messages(session, message_ids)
    dropped = _superseded(session, notified, undone)
    reasons: dict[int, set[DropReason]] = {}
    for message_id, news_id, line_id, _ in notified:
        if news_id in dropped or line_id in notified_again:
            reasons.setdefault(message_id, set()).add(dropped.get(news_id, DropReason.superseded))
    if not reasons:
        return set()
    edited = _edited(session, reasons)
    drop_news(session, dropped)
    _show_to_clerk(session, {id_: reasons[id_] for id_ in edited})
    _supersede(session, {id_: found for id_, found in reasons.items() if id_ not in edited})
    holding = [
        news_id
        for message_id, news_id, *_ in notified
        if message_id in reasons and message_id not in edited and news_id not in dropped
    ]
    _release(session, holding)
    compose(session, holding)
    return edited


def _superseded(
    session: Session, notified: Iterable[tuple[int, int, int, int | None]], undone: Collection[tuple[int, int]]
) -> dict[int, DropReason]:
    found = {
        news_id: DropReason.removed for _, news_id, line_id, purchase_id in notified if (line_id, purchase_id) in undone
    }
    for status in news_statuses(session, [news_id for _, news_id, *_ in notified]):
        if reason := drop_reason(status):
            found[status.news_id] = reason
    return found


def _edited(session: Session, message_ids: Iterable[int]) -> set[int]:
    rows = select(Message.id).where(is_one_of(session, Message.id, message_ids), Message.is_edited)
    return set(session.scalars(rows))


def _by_words(reasons: Mapping[int, set[DropReason]]) -> dict[str, list[int]]:
    words: dict[str, list[int]] = {}
    for message_id, found in reasons.items():
        words.setdefault(in_words(found), []).append(message_id)
    return words


def _show_to_clerk(session: Session, reasons: Mapping[int, set[DropReason]]) -> None:
    for words, ids in _by_words(reasons).items():
        change = update(Message).where(is_one_of(session, Message.id, ids)).values(attention=words)
        session.execute(change.execution_options(synchronize_session=False))


def _supersede(session: Session, reasons: Mapping[int, set[DropReason]]) -> None:
    state = MESSAGE.next(MessageState.pending, "supersede")
    for words, ids in _by_words(reasons).items():
        change = update(Message).where(is_one_of(session, Message.id, ids)).values(state=state, last_error=words)
        session.execute(change.execution_options(synchronize_session=False))


def _release(session: Session, news_ids: Collection[int]) -> None:
    """Take news out of its superseded message, for the current run to tell."""
    if not news_ids:
        return
    run_id = current_run(session).id(session)
    change = update(News).where(is_one_of(session, News.id, news_ids)).values(message_id=None, run_id=run_id)
    session.execute(change.execution_options(synchronize_session=False))
    session.expire_all()
