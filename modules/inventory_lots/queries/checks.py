"""The invariants of stock, computed again from the rows for `erp check`."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from erp.db import format_quantity, total
from erp.text import say
from modules.inventory_lots.models import Balance, Location, Lot, Product, StockMove
from modules.inventory_lots.queries.balances import with_lot_and_location


def broken_balances(session: Session) -> Iterator[str]:
    """Yield a sentence for each balance that is not the sum of its moves or has more allocated than on hand."""
    sums = (
        select(StockMove.lot_id, StockMove.location_id, total(StockMove.quantity).label("moved"))
        .group_by(StockMove.lot_id, StockMove.location_id)
        .subquery()
    )
    same_balance = and_(sums.c.lot_id == Balance.lot_id, sums.c.location_id == Balance.location_id)
    moved = func.coalesce(sums.c.moved, Decimal(0))
    columns = (Product.sku, Lot.number, Location.path, Balance.on_hand, Balance.allocated, moved)
    rows = (
        with_lot_and_location(select(*columns).select_from(Balance))
        .join(Balance.product)
        .outerjoin(sums, same_balance)
        .where(or_(Balance.on_hand != moved, Balance.allocated < 0, Balance.allocated > Balance.on_hand))
        .order_by(Balance.id)
    )
    for sku, lot, path, on_hand, allocated, in_ledger in session.execute(rows):
        yield say(
            "{sku} lot {lot} at {path}: {on_hand} on hand, {allocated} allocated; its moves add up to {in_ledger}.",
            sku=sku,
            lot=lot,
            path=path,
            on_hand=format_quantity(on_hand),
            allocated=format_quantity(allocated),
            in_ledger=format_quantity(in_ledger),
        )
    yield from _held_twice(session)
    yield from _moves_without_balance(session)


def _held_twice(session: Session) -> Iterator[str]:
    rows = with_lot_and_location(select(Product.sku, Lot.number, Location.path, Balance.held, Balance.unallocated))
    rows = rows.join(Product, Product.id == Balance.product_id).where(Balance.held > 0, Balance.unallocated < 0)
    for sku, lot, path, held, unallocated in session.execute(rows.order_by(Balance.id)):
        yield say(
            "{sku} lot {lot} at {path}: {held} are held, of which {unallocated} are not there or allocated as well.",
            sku=sku,
            lot=lot,
            path=path,
            held=format_quantity(held),
            unallocated=format_quantity(-unallocated),
        )


def _moves_without_balance(session: Session) -> Iterator[str]:
    same_balance = and_(Balance.lot_id == StockMove.lot_id, Balance.location_id == StockMove.location_id)
    rows = (
        select(Product.sku, Lot.number, Location.path)
        .select_from(StockMove)
        .join(StockMove.product)
        .join(StockMove.lot)
        .join(StockMove.location)
        .outerjoin(Balance, same_balance)
        .where(Balance.id.is_(None))
        .distinct()
        .order_by(Product.sku, Lot.number, Location.path)
    )
    for sku, lot, path in session.execute(rows):
        yield say("{sku} lot {lot} at {path}: there are stock moves, but no balance.", sku=sku, lot=lot, path=path)
