"""Reconciling messages that have not left with what is true now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from erp.db import is_one_of
from erp.events import current_run
from modules.backorder_email.domain.news import drop_reason, in_words
from modules.backorder_email.models import Message, News
from modules.backorder_email.queries.news import news_of_messages, news_statuses
from modules.backorder_email.services.composition import compose, drop_news
from modules.backorder_email.states import MESSAGE, DropReason, MessageState


def reconcile(
    session: Session,
    message_ids: Collection[int],
    *,
    lines_with_newer_news: Collection[int] = frozenset(),
    removed_pairs: Collection[tuple[int, int]] = frozenset(),
) -> None:
    """Supersede those of these unsent messages whose news no longer holds, and compose again what still holds.

    The caller has locked the messages. `removed_pairs` are (line, purchase line) pairs that are no longer allocated. A
    message that a clerk has edited is not superseded but needs review.
    """
    if not message_ids:
        return
    news = news_of_messages(session, message_ids)
    dropped = _news_to_drop(session, news, removed_pairs)
    reasons: dict[int, set[DropReason]] = {}
    for message_id, news_id, line_id, _ in news:
        if news_id in dropped or line_id in lines_with_newer_news:
            reasons.setdefault(message_id, set()).add(dropped.get(news_id, DropReason.superseded))
    if not reasons:
        return
    edited = _edited(session, reasons)
    drop_news(session, dropped)
    superseded = reasons.keys() - edited
    _ask_for_review(session, {id_: reasons[id_] for id_ in edited})
    _supersede(session, {id_: reasons[id_] for id_ in superseded})
    still_true = [id_ for message_id, id_, *_ in news if message_id in superseded and id_ not in dropped]
    _release(session, still_true)
    compose(session, still_true)


def _news_to_drop(
    session: Session, news: Sequence[tuple[int, int, int, int | None]], removed_pairs: Collection[tuple[int, int]]
) -> dict[int, DropReason]:
    found = {id_: DropReason.removed for _, id_, line_id, purchase in news if (line_id, purchase) in removed_pairs}
    for status in news_statuses(session, [id_ for _, id_, *_ in news]):
        if reason := drop_reason(status):
            found[status.news_id] = reason
    return found


def _edited(session: Session, message_ids: Iterable[int]) -> set[int]:
    rows = select(Message.id).where(is_one_of(session, Message.id, message_ids), Message.is_edited)
    return set(session.scalars(rows))


def _ids_by_sentence(reasons: Mapping[int, set[DropReason]]) -> dict[str, list[int]]:
    ids: dict[str, list[int]] = {}
    for message_id, found in reasons.items():
        ids.setdefault(in_words(found), []).append(message_id)
    return ids


def _ask_for_review(session: Session, reasons: Mapping[int, set[DropReason]]) -> None:
    for sentence, ids in _ids_by_sentence(reasons).items():
        values = {"state": MessageState.needs_review, "attention": sentence}
        change = update(Message).where(is_one_of(session, Message.id, ids)).values(values)
        session.execute(change.execution_options(synchronize_session=False))


def _supersede(session: Session, reasons: Mapping[int, set[DropReason]]) -> None:
    state = MESSAGE.next(MessageState.pending, "supersede")
    for sentence, ids in _ids_by_sentence(reasons).items():
        change = update(Message).where(is_one_of(session, Message.id, ids)).values(state=state, last_error=sentence)
        session.execute(change.execution_options(synchronize_session=False))


def _release(session: Session, news_ids: Collection[int]) -> None:
    """Take news out of its superseded message and make it news of the current run, as old as that message's."""
    if not news_ids:
        return
    run_id = current_run(session).id(session)
    since = select(Message.news_at).where(Message.id == News.message_id).scalar_subquery()
    released = update(News).where(is_one_of(session, News.id, news_ids))
    change = released.values(message_id=None, run_id=run_id, oldest_at=since)
    session.execute(change.execution_options(synchronize_session=False))
    session.expire_all()
