"""What covers an order, as the parts of its page show it."""

from __future__ import annotations

from collections.abc import Mapping

from flask import g
from sqlalchemy.orm import Session

from erp.db import is_reading
from modules.preorder import queries
from modules.preorder.coverage import Coverage
from modules.sales.models import OrderLine


def coverage_of_order(session: Session, order_id: int) -> Mapping[int, Coverage]:
    """Return the coverage of an order's open lines by id; what only reads, as a page does, reads it once."""
    if not is_reading():
        return queries.line_coverage(session, OrderLine.order_id == order_id)
    known: dict[object, Mapping[int, Coverage]] = g.setdefault("preorder_coverage", {})
    # Each transaction reads it again: another one may have changed it meanwhile.
    key = session.get_transaction(), order_id
    if key not in known:
        known[key] = queries.line_coverage(session, OrderLine.order_id == order_id)
    return known[key]
