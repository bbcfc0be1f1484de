"""What quotes hold of purchase order lines, until it arrives or is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from modules.preorder import queries
from modules.preorder.domain import PURCHASE_LINE
from modules.preorder.queries.purchase_allocations import allocated_of_purchase_lines
from modules.procurement.services import HeldSupply, delete_past_supply_holds, end_supply_holds, hold_supply
from modules.sales.domain import Part, plan
from modules.sales.events import HoldsChanged, HoldsPassed
from modules.sales.queries import parts_of_supplies
from modules.sales.services import Landed, break_quotes_of_supplies, land_quotes


def follow_holds(session: Session, event: HoldsChanged) -> None:
    """Hold of purchase order lines what quotes hold."""
    end_supply_holds(session, event.ended)
    held = [
        HeldSupply(each.supply_id, each.quantity, each.document, each.until)
        for each in event.held
        if each.kind == PURCHASE_LINE
    ]
    if held:
        hold_supply(session, held)


def delete_past_holds(session: Session, event: HoldsPassed) -> None:
    """Delete the rows of what was held of purchase order lines and has passed."""
    delete_past_supply_holds(session, event.before)


def hold_what_landed(session: Session, landed: Mapping[int, Sequence[Part]], balances: Mapping[int, int]) -> None:
    """Hold goods that landed for the quotes that held them as purchase order lines, the first quote first.

    `landed` has by purchase order line what each receipt has left, and `balances` where it went, by receipt.
    """
    held: dict[int, list[Part]] = {}
    for part in parts_of_supplies(session, landed, kind=PURCHASE_LINE):
        held.setdefault(part.source_id, []).append((part.part_id, part.quantity))
    grants = [grant for line_id, parts in held.items() for grant in plan(parts, landed[line_id])]
    land_quotes(session, [Landed(part_id, balances[receipt_id], quantity) for part_id, receipt_id, quantity in grants])


def break_excess(session: Session, left: Mapping[int, int]) -> None:
    """Break quotes, the latest first, until what they and sales orders have of purchase order lines fits what is left.

    `left` are raw quantities by purchase order line.
    """
    allocated = allocated_of_purchase_lines(session, left)
    held: dict[int, int] = {}
    for part in parts_of_supplies(session, left, kind=PURCHASE_LINE):
        held[part.source_id] = held.get(part.source_id, 0) + part.quantity
    excess = {
        id_: min(quantity, more)
        for id_, quantity in held.items()
        if (more := quantity + allocated.get(id_, 0) - left[id_]) > 0
    }
    if excess:
        names = queries.incoming_names(session, PURCHASE_LINE, excess)
        break_quotes_of_supplies(session, PURCHASE_LINE, excess, names)
