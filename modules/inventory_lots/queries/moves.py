"""Stock moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, select
from sqlalchemy.orm import Session

from modules.inventory_lots.models import Location, Lot, StockMove
from modules.inventory_lots.queries.balances import ROWS_SHOWN


def moves(session: Session, *conditions: ColumnElement[bool]) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the last ROWS_SHOWN moves that meet the conditions, latest first, ready to show."""
    columns = (
        *(StockMove.id, StockMove.at, StockMove.kind, StockMove.quantity, StockMove.document),
        *(StockMove.user_name, StockMove.reason, Lot.id.label("lot_id"), Lot.number.label("lot")),
        Location.path.label("location"),
    )
    rows = (
        select(*columns).join(StockMove.lot).join(StockMove.location).where(*conditions).order_by(StockMove.id.desc())
    )
    return session.execute(rows.limit(ROWS_SHOWN)).all()
