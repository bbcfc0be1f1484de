"""Answers to what sales asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from erp.errors import ErpError
from modules.returns import queries
from modules.returns.errors import GoodsReturned


def keep_returned_packs(session: Session, pack_line_ids: Sequence[int]) -> Mapping[int, ErpError]:
    """Refuse to reverse packed goods that a customer returned: they would be in stock twice."""
    returned = queries.returns_of_pack_lines(session, pack_line_ids)
    return {pack_line_id: GoodsReturned(numbers=numbers) for pack_line_id, numbers in returned.items()}
