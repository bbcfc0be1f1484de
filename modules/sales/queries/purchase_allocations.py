"""What of order lines is on purchase orders, as the modules answer that allocate incoming supply."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy.orm import Session

from erp.numbers import from_raw, sums
from erp.registry import current_registry
from modules.sales.hooks import SupplyNote, incoming_holdings, purchase_allocation_notes


def covers_from_purchases() -> bool:
    """Return whether a module that is on allocates order lines to purchase orders, so that screens show it."""
    return bool(current_registry().answers(incoming_holdings))


def purchase_allocated_quantities(session: Session, line_ids: Sequence[int]) -> dict[int, Decimal]:
    """Return the outstanding quantity of each of these lines on purchase orders; lines without any are left out."""
    held = [holding for answer in incoming_holdings(session, line_ids) for holding in answer]
    return {id_: from_raw(quantity) for id_, quantity in sums((each.line_id, each.quantity) for each in held).items()}


def purchase_allocations_of(session: Session, line_ids: Sequence[int]) -> dict[int, list[SupplyNote]]:
    """Return the purchase allocations of each of these lines."""
    notes: dict[int, list[SupplyNote]] = {}
    for answer in purchase_allocation_notes(session, line_ids):
        for line_id, found in answer.items():
            notes.setdefault(line_id, []).extend(found)
    return notes
