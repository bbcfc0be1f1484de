"""What preorder shows on the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from erp import clock
from erp.admin import Card
from modules.preorder import queries


def _numbers(session: Session) -> Sequence[tuple[str, Any, str]]:
    late, unallocated = queries.late_lines(clock.today()).subquery(), queries.unallocated_backorders().subquery()
    links, orders = queries.outstanding_links(session)
    return (
        ("Late lines", session.scalar(select(func.count()).select_from(late)), url_for("preorder_late.index_view")),
        (
            "Unallocated backorders",
            session.scalar(select(func.count()).select_from(unallocated)),
            url_for("preorder_unallocated.index_view"),
        ),
        ("Sales orders linked to purchase orders", orders, ""),
        ("Links on their way", links, ""),
    )


CARD = Card("Preorder", "preorder.view", _numbers)
