"""Late lines as a condition in SQL, so that a list finds its first page without computing every line's coverage.

It says what `Coverage.is_late` says; a test compares them on random books.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, not_, or_, select, true
from sqlalchemy.orm import aliased

from erp.db import total
from modules.inventory_lots.models import Balance, Lot
from modules.inventory_lots.queries import usable_condition, with_lot_and_location
from modules.preorder.coverage import Arrivals
from modules.preorder.models import ProductPreorder, PurchaseAllocation
from modules.preorder.queries.arrivals import arrival_column, arrivals_now
from modules.preorder.queries.unallocated_lines import is_of_serial_product
from modules.procurement.models import PurchaseOrderLine
from modules.sales.models import Allocation, Order, OrderLine
from modules.sales.queries import is_in_confirmed_order, is_scheduled, last_served_day
from modules.sales.states import ShippingPolicy

Line = Any  # OrderLine or an alias of it


def is_late_line(today: date) -> ColumnElement[bool]:
    """Return the condition of a line that is late.

    It is open and expected after its promise date, or promised and not expected, or it was requested on a day that has
    passed and never promised. Serial lines are never late. What nothing covers of a scheduled line is not late: then
    what is covered of it decides.
    """
    return _is_late(today, arrivals_now(), last_served_day())


@lru_cache(maxsize=8)
def _is_late(today: date, _arrivals: Arrivals, _last_served: date | None) -> ColumnElement[bool]:
    """Return the condition of one day and these rules, built once: that takes longer than to ask the database."""
    promised, requested = OrderLine.promise_date, OrderLine.requested_on
    broken = or_(promised < today, _is_missed(OrderLine, promised, today), _order_is_missed(promised, today))
    waits = and_(is_scheduled(), not_(_is_covered(OrderLine)))
    covered_late = and_(_has_cover(OrderLine), or_(promised < today, _has_late_part(OrderLine, promised, today)))
    broken = or_(and_(not_(waits), broken), and_(waits, covered_late))
    return and_(
        OrderLine.is_open,
        is_in_confirmed_order(),
        or_(and_(promised.is_(None), requested < today), and_(promised.is_not(None), broken)),
        not_(is_of_serial_product()),  # Last: it is asked of the few that would be late.
    )


def _of(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return whether there is a row of the first condition's table that meets the conditions for the row outside."""
    table = conditions[0].left.table
    return exists().select_from(table).where(*conditions).correlate_except(table)


def _is_missed(line: Line, promised: Any, today: date) -> ColumnElement[bool]:
    """Return whether, taken alone, a line cannot have left by the promised day.

    What covers a line is never more than what is open of it: supply that comes late leaves it uncovered on that day.
    """
    in_time = select(total(PurchaseAllocation.outstanding)).join(PurchaseAllocation.purchase_line)
    of_line = in_time.where(PurchaseAllocation.is_open, PurchaseAllocation.line_id == line.id)
    arrived = of_line.where(arrival_column() <= promised).correlate_except(PurchaseAllocation, PurchaseOrderLine)
    return or_(
        and_(line.has_need, line.need > arrived.scalar_subquery()),
        _has_late_stock(line, today),
        _launches_after(line, promised),
    )


def _is_covered(line: Line) -> ColumnElement[bool]:
    return and_(line.uncovered <= Decimal(0))


def _has_cover(line: Line) -> ColumnElement[bool]:
    return or_(line.allocated > Decimal(0), _has_supply(line, true()))


def _has_late_part(line: Line, promised: Any, today: date) -> ColumnElement[bool]:
    """Return whether what covers a line cannot have left by the promised day."""
    return or_(
        _has_late_stock(line, today),
        _has_supply(line, or_(arrival_column().is_(None), arrival_column() > promised)),
        _launches_after(line, promised),
    )


def _has_late_stock(line: Line, today: date) -> ColumnElement[bool]:
    """Return whether stock that is allocated to a line may not leave now, or no longer when the line may."""
    late = _has_stock(line, or_(not_(usable_condition(today)), _launches_after(line, Lot.expires_on)))
    return and_(line.allocated > Decimal(0), late)


def _has_stock(line: Line, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return whether a line has something allocated in stock, with lot and location, that meets a condition."""
    rows = with_lot_and_location(select(Allocation.id).join(Balance, Balance.id == Allocation.balance_id))
    wanted = rows.where(Allocation.line_id == line.id, Allocation.is_unpacked, condition)
    return wanted.correlate(line).exists()


def _has_supply(line: Line, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return whether a line has something on a purchase order line that meets a condition."""
    rows = select(PurchaseAllocation.id).join(PurchaseAllocation.purchase_line)
    wanted = rows.where(PurchaseAllocation.is_open, PurchaseAllocation.line_id == line.id, condition)
    return wanted.correlate_except(PurchaseAllocation, PurchaseOrderLine).exists()


def _launches_after(line: Line, day: Any) -> ColumnElement[bool]:
    """Return whether a line is a preorder that may not leave on a day."""
    of_product = ProductPreorder.product_id == line.product_id
    return and_(line.is_preorder.is_(True), _of(of_product, ProductPreorder.launch_date > day))


def _order_is_missed(promised: Any, today: date) -> ColumnElement[bool]:
    """Return whether a line's order ships complete and cannot have left by the promised day."""
    ships_complete = _of(Order.id == OrderLine.order_id, Order.shipping_policy == ShippingPolicy.complete)
    other, holder, serial = aliased(OrderLine), aliased(OrderLine), aliased(OrderLine)
    missed = and_(not_(is_of_serial_product(other)), _is_missed(other, promised, today))
    # A lot that expires before everything else can leave keeps the order from ever leaving in one piece.
    expires = and_(Lot.expires_on.is_not(None), _leaves_after(Lot.expires_on))
    return and_(
        ships_complete,
        or_(
            _is_in_order(other, or_(missed, _launches_after(other, promised))),
            _is_in_order(holder, _has_stock(holder, expires)),
            _is_in_order(serial, and_(is_of_serial_product(serial), _serials(serial, today) < _wanted(serial))),
        ),
    )


def _is_in_order(line: Line, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return whether the order of the line outside has an open line that meets a condition."""
    rows = select(line.id).where(line.order_id == OrderLine.order_id, line.is_open, condition)
    return rows.correlate(OrderLine).exists()


def _leaves_after(day: Any) -> ColumnElement[bool]:
    """Return whether a part of the order of the line outside can leave only after a day."""
    line = aliased(OrderLine)
    after = or_(_has_supply(line, arrival_column() > day), _launches_after(line, day))
    rows = select(line.id).where(line.order_id == OrderLine.order_id, line.is_open, after)
    return rows.correlate_except(line).exists()


def _serials(line: Line, today: date) -> Any:
    """Return how many usable serial numbers of a line's product last until its order can leave."""
    lasts = or_(Lot.expires_on.is_(None), not_(_leaves_after(Lot.expires_on)))
    rows = with_lot_and_location(select(total(Balance.on_hand)).select_from(Balance))
    wanted = rows.where(Balance.product_id == line.product_id, usable_condition(today), lasts)
    return wanted.correlate(line, OrderLine).scalar_subquery()


def _wanted(serial: Line) -> Any:
    """Return how many serial numbers of a line's product its order still needs."""
    line = aliased(OrderLine)
    rows = select(func.coalesce(total(line.open_quantity), 0)).select_from(line)
    wanted = rows.where(line.order_id == serial.order_id, line.product_id == serial.product_id)
    return wanted.correlate(serial).scalar_subquery()
