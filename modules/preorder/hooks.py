"""What preorder asks before promise dates change and purchase order lines are allocated."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from sqlalchemy.orm import Session

from erp.events import hook
from modules.procurement.hooks import NewsPreview


@hook
def date_news(session: Session, dates: Mapping[int, date | None]) -> NewsPreview:
    """Whom it would notify if these sales order lines were promised these dates; nothing is written."""


@hook
def allocation_news(session: Session, pairs: Collection[tuple[int, int]]) -> Sequence[NewsPreview]:
    """Whom it would notify if these (sales order line, purchase order line) pairs were allocated, by template.

    Asked before a clerk allocates; nothing is written. The answers are put together.
    """
