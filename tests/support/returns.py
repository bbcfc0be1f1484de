"""Ready packs and returns for tests."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from modules.inventory_lots.models import Product
from modules.returns import services
from modules.returns.domain import Goods, NewReturn
from modules.returns.models import Return
from modules.sales.models import Pack
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_order, make_packs


def make_pack(session: Session, *lines: tuple[Product, Any], **header: Any) -> Pack:
    """Return the pack of an order of these products, by default of 10 in two lots of 6 and 4. Commits."""
    if not lines:
        product = make_product(session)
        make_stock(session, product, 6, lot="L1")
        make_stock(session, product, 4, lot="L2")
        lines = ((product, 10),)
    order = make_order(session, lines, **header)
    (pack,) = make_packs(session, order.id)
    session.commit()
    return pack


def make_return(session: Session, pack: Pack | None = None, *quantities: Any, reason: str = "Broken") -> Return:
    """Return a draft of these quantities of a pack's lines; by default of all of its first line. Commits."""
    pack = pack or make_pack(session)
    wanted = [Decimal(quantity) for quantity in quantities] or [pack.lines[0].quantity]
    goods = [Goods(line.id, quantity) for line, quantity in zip(pack.lines, wanted, strict=False)]
    (return_id,) = services.create_returns(session, [NewReturn(reason, goods)])
    session.commit()
    return session.get_one(Return, return_id)


def make_received(session: Session, pack: Pack | None = None, *quantities: Any) -> Return:
    """Return a return of which all has come. Commits."""
    document = make_return(session, pack, *quantities)
    services.receive(session, document.id, {line.id: line.quantity for line in document.lines})
    session.commit()
    return document
