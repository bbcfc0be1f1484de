"""Composing messages of news: one for each order, cause, template and run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import func, insert, not_, select, tuple_, update
from sqlalchemy.orm import Session, aliased

from erp import clock
from erp.addresses import BadAddress, check_address
from erp.db import bulk_update, chunks, is_one_of
from erp.errors import ErpError
from erp.text import stored
from modules.backorder_email import queries
from modules.backorder_email.domain.facts import digest
from modules.backorder_email.domain.mail import Outgoing
from modules.backorder_email.domain.news import MessageKey, drop_reason
from modules.backorder_email.domain.templates import Rendered, Wording
from modules.backorder_email.errors import NoAddress, NoSuchTemplate
from modules.backorder_email.models import Message, News, Template
from modules.backorder_email.queries import NewsRow, facts_of
from modules.backorder_email.queries.templates import OPTIONS_BY_CAUSE, name_in_option, template_by_name
from modules.backorder_email.rendering.prepared import answers
from modules.backorder_email.rendering.renderer import Request
from modules.backorder_email.states import Cause, DropReason, MessageState

# How many pieces of news are composed at a time, so that memory stays flat however long the run was.
BATCH = 1000

_KEY_COLUMNS = (Message.run_id, Message.order_id, Message.cause, Message.template_id, Message.about)


def parts_of_runs(session: Session, run_ids: Iterable[int]) -> list[list[int]]:
    """Return the ids of the uncomposed news of runs in the parts in which they are composed."""
    return [part for run_id in run_ids for part in _by_orders(queries.uncomposed(session, News.run_id == run_id))]


def compose_part(session: Session, news_ids: Collection[int]) -> int:
    """Compose what is still uncomposed of a part, which is locked; return the number of messages."""
    found = queries.uncomposed(session, is_one_of(session, News.id, news_ids), is_locked=True)
    return compose(session, [news_id for _, news_id in found])


def _by_orders(news: Sequence[tuple[int, int]]) -> Iterable[list[int]]:
    """Yield the ids of news, sorted by order, in parts that have all of an order's news."""
    part: list[int] = []
    last = 0
    for order_id, news_id in news:
        if len(part) >= BATCH and order_id != last:
            yield part
            part = []
        part.append(news_id)
        last = order_id
    if part:
        yield part


def compose(session: Session, news_ids: Collection[int]) -> int:
    """Compose messages of these pieces of news, dropping those that no longer hold; return the number of messages.

    A pending message of the same order, cause, template and run is written again with all its news.
    """
    still_true = _drop_outdated(session, news_ids)
    if not still_true:
        return 0
    rows = queries.news_rows(session, still_true)
    pending = _pending_of_same_key(session, rows)
    if pending:
        older = queries.news_of_messages(session, pending.values())
        rows = queries.news_rows(session, [*still_true, *(news_id for _, news_id, *_ in older)])
    groups = _grouped(rows)
    values = dict(zip(groups, _composed(session, list(groups.values())), strict=True))
    _rewrite(session, {pending[key]: values[key] for key in groups if key in pending})
    ids = _insert(session, [values[key] for key in groups if key not in pending]) | pending
    message_ids = [(row.news_id, ids[key]) for key, found in groups.items() for row in found]
    bulk_update(session, News.__table__, {"message_id": "{message}"}, {"message": "bigint"}, message_ids)  # type: ignore[arg-type]
    session.expire_all()
    return len(groups)


def _drop_outdated(session: Session, news_ids: Collection[int]) -> list[int]:
    """Drop the news that no longer holds; return the ids of the others."""
    drop_reasons = {status.news_id: drop_reason(status) for status in queries.news_statuses(session, news_ids)}
    drop_news(session, {id_: reason for id_, reason in drop_reasons.items() if reason})
    return [id_ for id_, reason in drop_reasons.items() if reason is None]


def drop_news(session: Session, reasons: Mapping[int, DropReason]) -> None:
    """Drop news, each for its reason; news that supersedes other news becomes as old as that."""
    _pass_on_age(session, [news_id for news_id, reason in reasons.items() if reason is DropReason.superseded])
    for reason in DropReason:
        ids = sorted(news_id for news_id, found in reasons.items() if found is reason)
        if ids:
            change = update(News).where(is_one_of(session, News.id, ids)).values(dropped=reason)
            session.execute(change.execution_options(synchronize_session=False))


def _pass_on_age(session: Session, superseded: Collection[int]) -> None:
    """Make the later news of the same lines as old as the superseded news, so that the customer does not wait again."""
    if not superseded:
        return
    old = aliased(News)
    is_old = is_one_of(session, old.id, superseded)
    since = (
        select(func.min(func.coalesce(Message.news_at, old.oldest_at)))
        .select_from(old)
        .outerjoin(Message, Message.id == old.message_id)
        .where(old.line_id == News.line_id, is_old)
        .scalar_subquery()
    )
    later = update(News).where(
        News.is_uncomposed,
        News.line_id.in_(select(old.line_id).where(is_old)),
        not_(is_one_of(session, News.id, superseded)),
        News.oldest_at > since,
    )
    change = later.values(oldest_at=since)
    session.execute(change.execution_options(synchronize_session=False))


def _key(row: NewsRow) -> MessageKey:
    return MessageKey(row.run_id, row.order_id, row.cause, row.template_id, row.about)


def _grouped(rows: Iterable[NewsRow]) -> dict[MessageKey, list[NewsRow]]:
    groups: dict[MessageKey, list[NewsRow]] = {}
    for row in rows:
        groups.setdefault(_key(row), []).append(row)
    return groups


def _pending_of_same_key(session: Session, rows: Sequence[NewsRow]) -> dict[MessageKey, int]:
    wanted = {_key(row) for row in rows}
    pairs = sorted({(key.run_id, key.order_id) for key in wanted})
    found: dict[MessageKey, int] = {}
    for part in chunks(pairs, 1000):
        pending = select(*_KEY_COLUMNS, Message.id).where(
            tuple_(Message.run_id, Message.order_id).in_(part),
            Message.is_pending,
            Message.is_edited.is_(False),
        )
        locked = pending.order_by(Message.id).with_for_update(skip_locked=True)
        found.update({MessageKey(*row[:5]): row.id for row in session.execute(locked)})
    return {key: id_ for key, id_ in found.items() if key in wanted}


def _composed(session: Session, groups: Sequence[Sequence[NewsRow]]) -> list[dict[str, Any]]:
    firsts = [rows[0] for rows in groups]
    ids = {row.template_id for row in firsts if row.template_id}
    templates = session.scalars(select(Template).where(Template.id.in_(ids)))
    wordings: dict[int | Cause, Wording] = {template.id: template.wording for template in templates}
    for cause in {row.cause for row in firsts if row.template_id is None}:
        if named := template_by_name(session, name_in_option(cause)):
            wordings[cause] = named.wording
    chosen = [wordings.get(rows[0].template_id or rows[0].cause) for rows in groups]
    return _messages(session, groups, chosen)


def _messages(
    session: Session, groups: Sequence[Sequence[NewsRow]], wordings: Sequence[Wording | None]
) -> list[dict[str, Any]]:
    """Return the columns of a message for each group; what is rendered for it is asked for together."""
    facts = [facts_of(rows) for rows in groups]
    requests = [Request(wording, of) for wording, of in zip(wordings, facts, strict=True) if wording is not None]
    texts = iter(answers(session, requests))
    found = [
        next(texts) if wording is not None else _no_template(rows[0].cause)
        for rows, wording in zip(groups, wordings, strict=True)
    ]
    return [_message_values(rows, text, digest(of)) for rows, text, of in zip(groups, found, facts, strict=True)]


def _message_values(rows: Sequence[NewsRow], texts: Rendered | ErpError | None, facts: str) -> dict[str, Any]:
    """Return the columns of a message of this news; its state is pending, or failed or skipped with the reason."""
    values: dict[str, Any] = {"subject": "", "text": "", "html": "", "recipient": "", "last_error": ""}
    state = MessageState.pending
    try:
        values["recipient"] = _address(rows[0])
    except ErpError as error:
        state, values["last_error"] = MessageState.skipped, str(error)
    if isinstance(texts, Rendered):
        values |= vars(texts)
    else:
        state, values["last_error"] = MessageState.failed, str(texts)
    values["last_error"] = stored(values["last_error"])  # it is also written without the column's type
    first = rows[0]
    about = {"cause": first.cause, "run_id": first.run_id, "order_id": first.order_id, "customer_id": first.customer_id}
    values["news_at"] = min(row.oldest_at for row in rows)
    return values | about | {"state": state, "template_id": first.template_id, "about": first.about, "facts": facts}


def _no_template(cause: Cause) -> NoSuchTemplate:
    option = f"backorder_email.{OPTIONS_BY_CAUSE[cause]}" if cause in OPTIONS_BY_CAUSE else ""
    return NoSuchTemplate(name=name_in_option(cause), option=option)


def _address(row: NewsRow) -> str:
    """Return where the customer's email goes; raise NoAddress or BadAddress."""
    if not row.customer_email.strip():
        raise NoAddress(customer=row.customer_name)
    return check_address(row.customer_email)


def _insert(session: Session, messages: Sequence[dict[str, Any]]) -> dict[MessageKey, int]:
    """Insert messages in one statement; return their ids."""
    if not messages:
        return {}
    common = {"is_edited": False, "attention": "", "attempts": 0, "taken_by": "", "created_at": clock.now()}
    statement = insert(Message).returning(*_KEY_COLUMNS, Message.id)
    return {
        MessageKey(*row[:5]): row.id for row in session.execute(statement, [message | common for message in messages])
    }


_REWRITTEN = ("state", "recipient", "subject", "text", "html", "facts", "last_error")


def _rewrite(session: Session, messages: Mapping[int, dict[str, Any]]) -> None:
    """Write the columns of messages again, by id."""
    types = {f"new_{name}": "text" for name in _REWRITTEN}
    rows = [(id_, *(str(values[name]) for name in _REWRITTEN)) for id_, values in sorted(messages.items())]
    sets = {name: f"{{new_{name}}}" for name in _REWRITTEN}
    bulk_update(session, Message.__table__, sets, types, rows)  # type: ignore[arg-type]


def refresh(session: Session, message_ids: Collection[int]) -> None:
    """Compose messages again whose facts or customer's address have changed since; the caller holds their locks.

    What a clerk has edited keeps its texts and its address.
    """
    unedited = select(Message.id, Message.facts, Message.recipient).where(Message.is_edited.is_(False))
    found = session.execute(unedited.where(is_one_of(session, Message.id, message_ids)))
    before = {id_: (facts, recipient) for id_, facts, recipient in found}
    now = {id_: _content(rows) for id_, rows in _news_by_message(session, before).items()}
    recompose(session, [id_ for id_, content in now.items() if content != before[id_]])


def as_it_would_leave(session: Session, message: Message) -> Outgoing:
    """Return a message as it would be sent now: a pending one with the current facts and address."""
    texts: dict[str, Any] = {name: getattr(message, name) for name in ("recipient", "subject", "text", "html")}
    if message.is_pending and not message.is_edited:
        for rows in _news_by_message(session, [message.id]).values():
            if _content(rows) != (message.facts, message.recipient):
                texts = {name: _composed(session, [rows])[0][name] for name in texts}
    return Outgoing(id=message.id, created_at=message.created_at, **texts)


def recompose(session: Session, message_ids: Collection[int]) -> None:
    """Compose messages again from their news; each is pending afterwards, or failed or skipped with the reason."""
    if not message_ids:
        return
    news = _news_by_message(session, message_ids)
    _rewrite(session, dict(zip(news, _composed(session, list(news.values())), strict=True)))
    session.expire_all()


def _news_by_message(session: Session, message_ids: Collection[int]) -> dict[int, list[NewsRow]]:
    news_ids = [news_id for _, news_id, *_ in queries.news_of_messages(session, message_ids)]
    by_message: dict[int, list[NewsRow]] = {}
    for row in queries.news_rows(session, news_ids):
        by_message.setdefault(row.message_id or 0, []).append(row)
    return by_message


def _content(rows: Sequence[NewsRow]) -> tuple[str, str]:
    """Return what a message of this news depends on: the digest of its facts, and its address, empty if unusable."""
    try:
        recipient = _address(rows[0])
    except (BadAddress, NoAddress):
        recipient = ""
    return digest(facts_of(rows)), recipient
