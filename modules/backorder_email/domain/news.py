"""Which news still holds, and which news makes one message."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from modules.backorder_email.states import Cause, DropReason


@dataclass(frozen=True)
class NewsStatus:
    """A piece of news, and what is true now.

    `is_allocated`: its purchase allocation still exists; for news of a date, any purchase allocation of the line.
    `has_newer`: later news has superseded it. `current_status_id` is the status that the purchase order line has now.
    """

    news_id: int
    cause: Cause
    is_allocated: bool
    has_newer: bool
    status_id: int | None = None
    current_status_id: int | None = None
    old_date: date | None = None
    new_date: date | None = None


def drop_reason(news: NewsStatus) -> DropReason | None:
    """Return why a piece of news is to be dropped, or None while it holds."""
    if news.cause not in (Cause.cancelled, Cause.announced) and not news.is_allocated:
        return DropReason.removed
    if news.has_newer:
        return DropReason.superseded
    if news.cause is Cause.status_changed and news.status_id != news.current_status_id:
        return DropReason.superseded
    if news.cause is Cause.date_changed and news.old_date == news.new_date:
        return DropReason.unchanged
    return None


@dataclass(frozen=True)
class MessageKey:
    """What the news of one message has in common."""

    run_id: int
    order_id: int
    cause: Cause
    template_id: int | None
    about: str = ""


def in_words(reasons: Iterable[DropReason]) -> str:
    """Return, for the clerk, why a message is superseded."""
    found = set(reasons)
    if DropReason.removed in found:
        return "A purchase order that it names is no longer allocated to this order."
    if DropReason.unchanged in found:
        return "The promise date is again the one that the customer knows."
    return "There is newer news about the same lines."
