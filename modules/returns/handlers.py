"""Answers to what sales asks: what of a pack stays, and of what customers may be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from erp.errors import ErpError
from erp.text import say
from modules.returns import queries
from modules.returns.domain import ANNOUNCE_INSPECTED, ANNOUNCE_RECEIVED, ANNOUNCE_REPLACED
from modules.returns.errors import GoodsReturned
from modules.sales.hooks import AnnouncementKind

_VALUES = {
    "number": (say("the number of the return"), "RT00007"),
    "reason": (say("why the customer returned the goods"), "The lamp is broken"),
    "cause": (say("the kind of that reason"), "damaged"),
}
_KINDS = (
    AnnouncementKind(ANNOUNCE_RECEIVED, say("Return received"), _VALUES),
    AnnouncementKind(ANNOUNCE_INSPECTED, say("Return inspected"), _VALUES),
    AnnouncementKind(
        ANNOUNCE_REPLACED,
        say("Replacement ordered"),
        {**_VALUES, "replacement": (say("the replacement order"), "SO00043")},
    ),
)


def keep_returned_packs(session: Session, pack_line_ids: Sequence[int]) -> Mapping[int, ErpError]:
    """Refuse to reverse packed goods that a customer returned: they would be in stock twice."""
    returned = queries.returns_of_pack_lines(session, pack_line_ids)
    return {pack_line_id: GoodsReturned(numbers=numbers) for pack_line_id, numbers in returned.items()}


def announcement_kinds(_session: Session) -> Sequence[AnnouncementKind]:
    """Answer of what customers may be told: what was received, inspected and replaced."""
    return _KINDS
