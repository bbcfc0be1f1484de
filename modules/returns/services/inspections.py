"""Inspection: what was received goes back to stock, to quarantine or out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from sqlalchemy.orm import Session

from erp import clock
from erp.db import insert_rows
from erp.events import current_run
from modules.inventory_lots.domain import check_quantity, join_path
from modules.inventory_lots.errors import NotQuarantine
from modules.inventory_lots.models import Location
from modules.inventory_lots.services import Movement, find_or_make_location, move
from modules.inventory_lots.states import LocationKind, MoveKind
from modules.returns.domain import ANNOUNCE_INSPECTED, Decision
from modules.returns.errors import MoreThanExpected, NothingReturned, NotStock
from modules.returns.models import Inspection, Return, ReturnLine
from modules.returns.services.announcements import announce
from modules.returns.services.returns import lock_return
from modules.returns.states import RETURN, Outcome, ReturnState

QUARANTINE = "QUARANTINE"


def inspect(session: Session, return_id: int, quantities: Mapping[int, Decimal], decision: Decision) -> Return:
    """Decide what becomes of quantities by line id, each with its stock moves; the last decision closes the return.

    Goods that go back to stock get the chosen location, in the lot from which they were packed; goods for quarantine
    get the chosen one, or QUARANTINE of their warehouse. Raises InvalidTransition, NothingReturned, MoreThanExpected,
    NotStock, NotQuarantine and NotEnoughUnallocated.
    """
    document = lock_return(session, return_id)
    RETURN.next(document.state, "inspect")
    judged = [(line, quantities[line.id]) for line in document.lines if quantities.get(line.id)]
    if not judged:
        raise NothingReturned
    for line, quantity in judged:
        check_quantity(quantity, line.pack_line.line.product.unit_decimals, what=line.what)
        if quantity > line.uninspected:
            raise MoreThanExpected(what=line.what, quantity=quantity, most=line.uninspected)
    location = _destination(session, document, decision)
    movements = _movements(document, judged, location)
    _record(session, judged, decision, location)
    for line, quantity in judged:
        line.inspected += quantity
    if all(line.uninspected == 0 for line in document.lines):
        document.state, document.closed_at = RETURN.next(document.state, "close"), clock.now()
    session.flush()
    if document.state == ReturnState.closed:
        announce(session, ANNOUNCE_INSPECTED, document)
    kind = MoveKind.scrap if location is None else MoveKind.transfer
    # Those who hear of the moves may read everything again: nothing of the return is read after them.
    move(session, movements, kind, reason=decision.note or document.reason)
    return document


def _destination(session: Session, document: Return, decision: Decision) -> Location | None:
    """Return where the goods go; None where they leave the warehouse."""
    chosen = session.get_one(Location, decision.location_id) if decision.location_id is not None else None
    if decision.outcome is Outcome.scrap:
        return None
    if decision.outcome is Outcome.restock:
        if chosen is None or chosen.kind is not LocationKind.stock:
            raise NotStock(location=chosen.path if chosen else "")
        return chosen
    if chosen is None:
        warehouse = document.lines[0].pack_line.pack.warehouse
        chosen, _ = find_or_make_location(session, join_path(warehouse.code, QUARANTINE), kind=LocationKind.quarantine)
    if chosen.kind is not LocationKind.quarantine:
        raise NotQuarantine(location=chosen.path)
    return chosen


def _movements(
    document: Return, judged: Sequence[tuple[ReturnLine, Decimal]], location: Location | None
) -> list[Movement]:
    """Return what moves; goods that stay where they wait do not."""
    if location is not None and location.id == document.location_id:
        return []
    movements: list[Movement] = []
    for line, quantity in judged:
        lot = (line.pack_line.balance.product_id, line.pack_line.balance.lot_id)
        movements.append(Movement(*lot, document.location_id or 0, -quantity, document.number))
        if location is not None:
            movements.append(Movement(*lot, location.id, quantity, document.number))
    return movements


def _record(
    session: Session, judged: Sequence[tuple[ReturnLine, Decimal]], decision: Decision, location: Location | None
) -> None:
    same = {
        "outcome": decision.outcome,
        "location_id": location.id if location else None,
        "note": decision.note,
        "user_name": current_run(session).user_name,
    }
    insert_rows(session, Inspection, [{"line_id": line.id, "quantity": quantity, **same} for line, quantity in judged])
