"""Which news still holds, and which news makes one message."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from modules.backorder_email.states import Cause, DropReason


@dataclass(frozen=True)
class NewsStatus:
    """A piece of news beside what is true now.

    `is_allocated` says that the link it tells of is still there (news of a date: that the line has any open link);
    `has_newer` that later news overtook it; `current_status_id` is the purchase order line's status now.
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
    """Return why a piece of news is not to be told any more, or None while it holds."""
    if news.cause is not Cause.cancelled and not news.is_allocated:
        return DropReason.removed
    if news.has_newer:
        return DropReason.superseded
    if news.cause is Cause.status_changed and news.status_id != news.current_status_id:
        return DropReason.superseded
    if news.cause is Cause.date_changed and news.old_date == news.new_date:
        return DropReason.unchanged
    return None


@dataclass(frozen=True)
class Key:
    """What one message is made for."""

    run_id: int
    order_id: int
    cause: Cause
    template_id: int | None


def in_words(reasons: Iterable[DropReason]) -> str:
    """Return why a message is superseded, for the clerk."""
    found = set(reasons)
    if DropReason.removed in found:
        return "A purchase order that it tells of is no longer linked."
    if DropReason.unchanged in found:
        return "The promise date is again what the customer was told."
    return "There is newer news about the same lines."
