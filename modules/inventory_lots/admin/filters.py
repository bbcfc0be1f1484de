"""Filters of the lists of stock by what is summed over balances."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, not_, select

from erp import clock
from erp.admin import QuickFilter, compared, yes_or_no
from erp.admin.filters import Filter
from erp.db import Quantity, total
from modules.inventory_lots.models import Balance, Location, Lot, Product
from modules.inventory_lots.queries import available_column, is_unusable, with_lot_and_location


def _summed(value: Any, key: Any, row: Any) -> ColumnElement[Decimal]:
    """Return the sum of a value over the balances of the row outside."""
    sums = with_lot_and_location(select(func.coalesce(total(value), literal(0, Quantity()))).select_from(Balance))
    return sums.where(key == row, Balance.has_stock).correlate(row.class_).scalar_subquery()


def of_totals(key: Any, row: Any) -> Sequence[Filter]:
    """Return the filters of what is on hand, allocated and available of the balances whose `key` is the row's."""
    return (
        *compared("On hand", lambda: _summed(Balance.on_hand, key, row)),
        *compared("Allocated", lambda: _summed(Balance.allocated, key, row)),
        *compared("Available", lambda: _summed(available_column(clock.today()), key, row)),
    )


def _is_usable() -> ColumnElement[bool]:
    return not_(is_unusable(clock.today()))


BALANCE_FILTERS = (
    *compared("Available", lambda: case((_is_usable(), Balance.unallocated), else_=literal(0, Quantity()))),
    yes_or_no("Usable", _is_usable),
)
LOT_QUICK_FILTERS = (QuickFilter("On hold", "on_hold_is", "1"), QuickFilter("Expired", "expired_is", "yes"))
LOT_FILTERS = (yes_or_no("Expired", lambda: and_(Lot.expires_on.is_not(None), Lot.expires_on < clock.today())),)
PRODUCT_FILTERS = (yes_or_no("In stock", lambda: _has_balance(Product.id)),)
LOCATION_FILTERS = compared("Lots in it", lambda: _lots())
NOT_USABLE = QuickFilter("May not leave", "usable_is", "no")
EMPTY = QuickFilter("Empty", "empty_is", "1")


def _has_balance(product_id: Any) -> ColumnElement[bool]:
    return select(Balance.id).where(Balance.product_id == product_id, Balance.has_stock).correlate(Product).exists()


def _lots() -> ColumnElement[int]:
    rows = select(func.count(Balance.id)).where(Balance.location_id == Location.id, Balance.has_stock)
    return rows.correlate(Location).scalar_subquery()
