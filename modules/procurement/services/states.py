"""What follows a change of lines: the states of their orders, and the announcement that supply changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from erp.db import is_one_of
from erp.events import publish
from erp.history import Change, record_all
from modules.procurement.domain import LineQuantities, derived_state
from modules.procurement.events import SupplyChanged
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.services.locking import ORDER
from modules.procurement.states import PurchaseState


def update_states(session: Session, order_ids: Iterable[int]) -> None:
    """Give orders, except drafts, the state that follows from the quantities of their lines."""
    session.flush()
    wanted = set(order_ids)
    by_order = _quantities_by_order(session, wanted)
    are_ordered = is_one_of(session, PurchaseOrder.id, wanted), PurchaseOrder.state != PurchaseState.draft
    orders = session.scalars(select(PurchaseOrder).where(*are_ordered).order_by(PurchaseOrder.id))
    states = {order: derived_state(by_order[order.id]) for order in orders}
    _write_states(session, {order: state for order, state in states.items() if state != order.state})


def _quantities_by_order(session: Session, order_ids: Iterable[int]) -> dict[int, list[LineQuantities]]:
    line = PurchaseOrderLine
    rows = select(line.order_id, line.quantity, line.received, line.cancelled)
    rows = rows.where(is_one_of(session, line.order_id, order_ids))
    by_order: dict[int, list[LineQuantities]] = defaultdict(list)
    for order_id, *quantities in session.execute(rows):
        by_order[order_id].append(LineQuantities(*quantities))
    return by_order


def _write_states(session: Session, new_states: Mapping[PurchaseOrder, PurchaseState]) -> None:
    """Write new states with their history, in one statement for each state."""
    changed = new_states.items()
    record_all(
        session, [Change(order.history_subject(), "changed", "state", order.state, state) for order, state in changed]
    )
    for state in sorted(set(new_states.values())):
        ids = [order.id for order, new in changed if new == state]
        session.execute(
            update(ORDER)
            .where(is_one_of(session, ORDER.c.id, ids))
            .values(state=state, row_version=ORDER.c.row_version + 1)
        )
    for order, state in changed:
        set_committed_value(order, "state", state)
        set_committed_value(order, "row_version", order.row_version + 1)


def announce_supply(session: Session, product_ids: Iterable[int]) -> None:
    """Publish that the outstanding quantity of these products changed, once for the whole change."""
    if changed := tuple(sorted(set(product_ids))):
        publish(session, SupplyChanged(changed))
