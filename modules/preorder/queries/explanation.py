"""Why incoming supply is or is not used for a sales order line."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from erp.db import format_quantity
from erp.options import options
from erp.text import joined, say
from modules.preorder.models import PurchaseAllocation
from modules.preorder.queries.arrivals import arrival_order, is_overdue_too_long, when_expected
from modules.preorder.queries.purchase_allocations import NOTHING
from modules.preorder.queries.purchase_lines import available_of
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.queries import is_supply
from modules.sales.hooks import SupplyNote
from modules.sales.models import OrderLine

ZERO = Decimal(0)


def supply_notes(session: Session, line: OrderLine) -> list[SupplyNote]:
    """Return a note for each purchase order line of the product of a sales order line.

    It says how much of it is allocated to this line and to others, and why the remainder is not.
    """
    mine = (
        select(PurchaseAllocation.purchase_line_id, PurchaseAllocation.outstanding)
        .where(PurchaseAllocation.is_open, PurchaseAllocation.line_id == line.id)
        .subquery()
    )
    rows = session.execute(
        select(PurchaseOrder.number, PurchaseOrderLine, func.coalesce(mine.c.outstanding, NOTHING))
        .join(PurchaseOrderLine.order)
        .outerjoin(mine, mine.c.purchase_line_id == PurchaseOrderLine.id)
        .where(PurchaseOrderLine.product_id == line.product_id, is_supply())
        .order_by(*arrival_order())
    ).all()
    remainder = line.need - sum((own for *_, own in rows), ZERO)
    usable = sum((available_of(row) for _, row, _ in rows), ZERO)
    return [
        SupplyNote(
            say("Purchase order {number}/{position}", number=number, position=row.position),
            row.outstanding,
            _reason(row, own, remainder, usable),
        )
        for number, row, own in rows
    ]


def _left(row: PurchaseOrderLine) -> Decimal:
    return row.outstanding - row.allocated - row.held


def _reason(row: PurchaseOrderLine, own: Decimal, remainder: Decimal, usable: Decimal) -> str:
    others = row.allocated - own
    left = say("{row} still available", row=format_quantity(_left(row)))
    parts: list[str] = [say("{own} allocated to this line", own=format_quantity(own))] if own else []
    parts += [say("{others} allocated to other orders", others=format_quantity(others))] if others else []
    parts += [say("{held} held for quotes", held=format_quantity(row.held))] if row.held else []
    if _left(row) > 0:
        parts.append(joined((left, _why_not(row, usable, remainder)), "") if remainder > 0 else left)
    goods = joined(parts, ", ") if parts else say("nothing left")
    return say("{goods}; {when}.", goods=goods, when=when_expected(row.expected_on))


def _why_not(row: PurchaseOrderLine, usable: Decimal, remainder: Decimal) -> str:
    """Return why an automatic run does not allocate what is left to a line that still needs some."""
    if is_overdue_too_long(row.expected_on):
        return say(
            " (overdue by more than {past_due_supply_days} days, so nothing is allocated to it)",
            past_due_supply_days=options.preorder.past_due_supply_days,
        )
    if not options.sales.backorders:
        return say(" (backorders are switched off, so nothing is allocated)")
    if not options.preorder.auto_allocate:
        return say(" (automatic allocation is off: a clerk may allocate it)")
    if options.preorder.insufficient_supply == "skip" and usable < remainder:
        return say(
            " (less than the {remainder} that are not covered: a clerk may allocate it)",
            remainder=format_quantity(remainder),
        )
    return ""
