"""Available to promise (ATP), by product and day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import chain
from typing import Any

from sqlalchemy import not_, select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import chunks, from_raw, total
from erp.options import options
from modules.inventory_lots.models import Balance, Lot, Product
from modules.inventory_lots.queries import unusable_column, with_lot_and_location
from modules.preorder.domain import Day, availability, ship_date
from modules.preorder.models import OnHandChange
from modules.preorder.queries.arrivals import arrivals_now
from modules.preorder.queries.on_hand_changes import scheduled_changes
from modules.preorder.queries.products import products_with_launch
from modules.preorder.queries.purchase_lines import available_lines, purchase_lines_of
from modules.preorder.queries.sales_lines import confirmed_lines
from modules.sales.models import OrderLine
from modules.sales.queries import is_scheduled, last_served_day

BATCH = 500


def available_days(session: Session, product_ids: Sequence[int], *, days: int | None = None) -> dict[int, list[Day]]:
    """Return each product's days from today over the horizon, or over `days`."""
    today = clock.today()
    horizon = days or options.preorder.atp_horizon_days
    stock = _stock(session, product_ids, today)
    needed = _needed(session, product_ids)
    changes = changes_by_day(session, product_ids)
    launches = products_with_launch(session, product_ids)
    return {
        product_id: availability(
            today,
            horizon,
            start=stock[product_id].available - stock[product_id].blocked - needed.get(product_id, Decimal(0)),
            changes=changes.get(product_id, {}),
            expiring=stock[product_id].expiring,
            launch_date=launches[product_id].launch_date if product_id in launches else None,
        )
        for product_id in product_ids
    }


@dataclass
class Stock:
    """The stock of a product: available, available by its last day of use, and allocated where it may not leave."""

    available: Decimal = Decimal(0)
    blocked: Decimal = Decimal(0)
    expiring: dict[date, Decimal] = field(default_factory=dict)


def _stock(session: Session, product_ids: Sequence[int], today: date) -> dict[int, Stock]:
    """Return the stock of each product."""
    found = {product_id: Stock() for product_id in product_ids}
    columns = (
        *(Balance.product_id, unusable_column(today).label("why_unusable"), Lot.expires_on),
        *(total(Balance.unallocated), total(Balance.allocated)),
    )
    rows = with_lot_and_location(select(*columns).select_from(Balance))
    rows = rows.where(Balance.product_id.in_(product_ids), Balance.has_stock)
    grouped = rows.group_by(Balance.product_id, "why_unusable", Lot.expires_on)
    for product_id, why_unusable, expires_on, free, allocated in session.execute(grouped):
        stock = found[product_id]
        if why_unusable:
            stock.blocked += allocated
            continue
        stock.available += free
        if expires_on:
            stock.expiring[expires_on] = stock.expiring.get(expires_on, Decimal(0)) + free
    return found


def _needed(session: Session, product_ids: Sequence[int]) -> dict[int, Decimal]:
    """Return the need of each product that purchase orders do not cover, without that of scheduled lines."""
    lines = confirmed_lines(OrderLine.product_id.in_(product_ids), OrderLine.has_need, not_(is_scheduled()))
    columns = (OrderLine.product_id, total(OrderLine.uncovered))
    return dict(session.execute(lines.with_only_columns(*columns).group_by(OrderLine.product_id)).all())


def scheduled_needs(session: Session, product_ids: Sequence[int]) -> list[tuple[int, date, Decimal]]:
    """Return (product id, requested day, quantity) of what purchase orders do not cover of scheduled lines."""
    if last_served_day() is None:
        return []
    lines = confirmed_lines(OrderLine.product_id.in_(product_ids), OrderLine.has_need, is_scheduled())
    columns = (OrderLine.product_id, OrderLine.requested_on, total(OrderLine.uncovered))
    rows = lines.with_only_columns(*columns).group_by(OrderLine.product_id, OrderLine.requested_on)
    found = session.execute(rows.order_by(OrderLine.requested_on)).all()
    return [(product_id, day, quantity) for product_id, day, quantity in found if day and quantity]


def changes_by_day(session: Session, product_ids: Sequence[int]) -> dict[int, dict[date, Decimal]]:
    """Return available supply by arrival date, scheduled changes and the need of scheduled lines, by product and day.

    The need of a scheduled line counts from its requested day on.
    """
    arrivals = arrivals_now()
    incoming = (
        (line.product_id, arrival, from_raw(line.quantity))
        for line in available_lines(session, product_ids)
        if (arrival := arrivals.arrival(line.expected_on))
    )
    scheduled = (
        (change.product_id, change.date, change.quantity) for change in scheduled_changes(session, product_ids)
    )
    changes: dict[int, dict[date, Decimal]] = {}
    needed = ((product_id, day, -quantity) for product_id, day, quantity in scheduled_needs(session, product_ids))
    for product_id, day, quantity in chain(incoming, scheduled, needed):
        by_day = changes.setdefault(product_id, {})
        by_day[day] = by_day.get(day, Decimal(0)) + quantity
    return changes


@dataclass(frozen=True)
class Components:
    """The quantities from which the ATP of a product is computed, and its days."""

    on_hand: Decimal
    allocated: Decimal
    held: Decimal
    unusable: Decimal
    available: Decimal
    blocked: Decimal
    uncovered_need: Decimal
    scheduled_needs: Sequence[tuple[int, date, Decimal]]
    incoming: Sequence[Any]
    scheduled: Sequence[OnHandChange]
    days: Sequence[Day]


def components_of(session: Session, product_id: int) -> Components:
    """Return a product's ATP day by day, with its components."""
    on_hand, allocated, held = session.execute(
        select(total(Balance.on_hand), total(Balance.allocated), total(Balance.held)).where(
            Balance.product_id == product_id, Balance.has_stock
        )
    ).one()
    stock = _stock(session, [product_id], clock.today())[product_id]
    return Components(
        on_hand=on_hand,
        allocated=allocated,
        held=held,
        unusable=on_hand - allocated - held - stock.available,
        available=stock.available,
        blocked=stock.blocked,
        uncovered_need=_needed(session, [product_id]).get(product_id, Decimal(0)),
        scheduled_needs=scheduled_needs(session, [product_id]),
        incoming=purchase_lines_of(session, product_id),
        scheduled=scheduled_changes(session, [product_id]),
        days=available_days(session, [product_id])[product_id],
    )


def expected_ship_date(session: Session, product_id: int, quantity: Decimal) -> date | None:
    """Return the first day on which a quantity can be promised; None where no day of the horizon is."""
    return ship_date(available_days(session, [product_id])[product_id], quantity)


def availability_rows(session: Session) -> Iterator[tuple[str, date, Decimal, Decimal]]:
    """Yield (sku, date, projected, available to promise) of every active product, a row a day."""
    active = select(Product.id, Product.sku).where(Product.is_active.is_(True)).order_by(Product.id)
    products = [(product_id, sku) for product_id, sku in session.execute(active)]
    for part in chunks(products, BATCH):
        days = available_days(session, [product_id for product_id, _ in part])
        for product_id, sku in part:
            for day in days[product_id]:
                yield sku, day.day, day.projected, day.available_to_promise
