"""Quotes: which of them hold something now, of which stock and which supply that is to come."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy import ScalarSelect, Select, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from erp import clock
from erp.db import is_one_of, raw, total
from erp.text import say
from modules.inventory_lots.hooks import BalanceAllocation
from modules.inventory_lots.models import Product
from modules.sales import hooks
from modules.sales.models import Quote, QuoteLine, QuotePart, quote_name


def digest_of(token: str) -> str:
    """Return what is kept of a quote's token."""
    return sha256(token.encode()).hexdigest()


def quote_of(session: Session, token: str) -> Quote | None:
    """Return the quote with that token, with its lines and parts."""
    rows = select(Quote).where(Quote.token_digest == digest_of(token))
    lines = selectinload(Quote.lines)
    return session.scalar(
        rows.options(lines.joinedload(QuoteLine.product), lines.selectinload(QuoteLine.parts), joinedload(Quote.order))
    )


def skus_of_quote() -> ScalarSelect[str]:
    """Return, in SQL, the SKUs of a quote's products."""
    skus = select(func.aggregate_strings(Product.sku, ", ")).join(QuoteLine, QuoteLine.product_id == Product.id)
    return skus.where(QuoteLine.quote_id == Quote.id).correlate(Quote).scalar_subquery()


def quoted_product_rows(_session: Session) -> Select[*tuple[Any, ...]]:
    """Select what quoting has to know of products, to be read when they are locked."""
    return select(Product.id, Product.sku, Product.unit_decimals, Product.tracking, Product.is_active)


class HeldPart(NamedTuple):
    """A raw quantity that a live quote holds."""

    quote_id: int
    part_id: int
    source_id: int
    quantity: int
    expires_at: datetime


def parts_on_balances(session: Session, balance_ids: Collection[int]) -> list[HeldPart]:
    """Return what live quotes hold on balances, the quote that was made first at the beginning."""
    return _live_parts(session, QuotePart.balance_id, is_one_of(session, QuotePart.balance_id, balance_ids))


def parts_of_supplies(session: Session, supply_ids: Collection[int], *, kind: str) -> list[HeldPart]:
    """Return what live quotes hold of supplies of a kind, the quote that was made first at the beginning."""
    of_supplies = is_one_of(session, QuotePart.supply_id, supply_ids)
    return _live_parts(session, QuotePart.supply_id, QuotePart.supply_kind == kind, of_supplies)


def _live_parts(session: Session, source: Any, *conditions: Any) -> list[HeldPart]:
    rows = (
        select(Quote.id, QuotePart.id, source, raw(QuotePart.quantity), Quote.expires_at)
        .join(QuotePart.line)
        .join(QuoteLine.quote)
        .where(Quote.is_live, *conditions)
        .order_by(Quote.id, QuotePart.id)
    )
    return [HeldPart._make(row) for row in session.execute(rows)]


def quoted_on_balances(session: Session, balance_ids: Collection[int]) -> list[BalanceAllocation]:
    """Return what live quotes hold on balances as what is allocated there, the quote that was made first first."""
    rows = (
        select(QuotePart.balance_id, Quote.id, QuotePart.quantity, Quote.expires_at)
        .join(QuotePart.line)
        .join(QuoteLine.quote)
        .where(Quote.is_live, is_one_of(session, QuotePart.balance_id, balance_ids))
        .order_by(Quote.id, QuotePart.id)
    )
    found: Sequence[Any] = session.execute(rows).all()
    return [
        BalanceAllocation(
            balance_id,
            say("quote {quote_name}", quote_name=quote_name(quote_id)),
            quantity,
            url=f"/sales/quotes/{quote_id}/",
            note=say("until {local:%H:%M}", local=clock.local(expires_at)),
        )
        for balance_id, quote_id, quantity, expires_at in found
    ]


def quotes_of_product(session: Session, product_id: int) -> list[QuoteLine]:
    """Return the lines of live quotes of a product, with what is held for them, the quote that was made first first."""
    rows = (
        select(QuoteLine)
        .join(QuoteLine.quote)
        .where(QuoteLine.product_id == product_id, Quote.is_live)
        .options(joinedload(QuoteLine.quote), selectinload(QuoteLine.parts))
        .order_by(Quote.id, QuoteLine.position)
    )
    return list(session.scalars(rows))


def quoted_preorders(session: Session, product_ids: Collection[int]) -> dict[int, Decimal]:
    """Return how much of each product live quotes promise before its launch."""
    rows = (
        select(QuoteLine.product_id, total(QuoteLine.quantity))
        .join(QuoteLine.quote)
        .where(QuoteLine.is_preorder, Quote.is_live, is_one_of(session, QuoteLine.product_id, product_ids))
        .group_by(QuoteLine.product_id)
    )
    return dict(session.execute(rows).all())


def names_of_supplies(session: Session, parts: Sequence[QuotePart]) -> dict[tuple[str, int], str]:
    """Return what users call the supplies of which parts are held, by kind and id."""
    found: dict[tuple[str, int], str] = {}
    for kind in sorted({part.supply_kind for part in parts if part.supply_kind}):
        ids = {part.supply_id for part in parts if part.supply_kind == kind and part.supply_id is not None}
        for answer in hooks.incoming_names(session, kind, ids):
            found |= {(kind, id_): name for id_, name in answer.items()}
    return found
