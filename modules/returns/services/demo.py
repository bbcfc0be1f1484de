"""The demo company's returns: one that waits for inspection, and one that is expected."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from modules.returns.domain import Goods, NewReturn
from modules.returns.models import Return
from modules.returns.services.returns import create_returns, receive
from modules.sales.models import PackLine

QUANTITIES = (Decimal(5), Decimal(2))


def load_demo(session: Session) -> None:
    """Return some of the goods of the demo company's pack."""
    packed = list(session.scalars(select(PackLine).order_by(PackLine.id).limit(len(QUANTITIES))))
    reasons = ("Wrong size, packing is unopened", "Heads are damaged")
    wanted = [
        NewReturn(reason, [Goods(line.id, min(quantity, line.unreversed))])
        for line, quantity, reason in zip(packed, QUANTITIES, reasons, strict=False)
    ]
    if not wanted:
        return
    return_ids = create_returns(session, wanted)
    document = session.get_one(Return, return_ids[0])
    receive(session, document.id, {line.id: line.quantity for line in document.lines})
