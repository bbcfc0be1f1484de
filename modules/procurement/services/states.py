"""What follows a change of lines: the states of their orders, and the announcement that supply changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from erp.db import bulk_update, from_raw, is_among, is_one_of, raw, read_prepared
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
    orders = session.scalars(select(PurchaseOrder).where(is_one_of(session, PurchaseOrder.id, set(order_ids))))
    write_states(session, states_after(session, orders.all(), {}))


def states_after(
    session: Session, orders: Iterable[PurchaseOrder], received: Mapping[int, int]
) -> dict[PurchaseOrder, PurchaseState]:
    """Return the states that orders, except drafts, get once lines (by id) have received raw quantities more."""
    by_id = {order.id: order for order in orders if order.state != PurchaseState.draft}
    quantities: dict[int, list[LineQuantities]] = {id_: [] for id_ in by_id}
    for line_id, order_id, quantity, before, cancelled in read_prepared(session, _quantities, order_ids=by_id):
        raws = (quantity, before + received.get(line_id, 0), cancelled)
        quantities[order_id].append(LineQuantities(*map(from_raw, raws)))
    states = {by_id[id_]: derived_state(quantities[id_]) for id_ in sorted(by_id)}
    return {order: state for order, state in states.items() if state != order.state}


def _quantities(session: Session) -> Select[*tuple[Any, ...]]:
    line = PurchaseOrderLine
    rows = select(line.id, line.order_id, raw(line.quantity), raw(line.received), raw(line.cancelled))
    return rows.where(is_among(session, line.order_id, "order_ids", hides_number=True))


def write_states(session: Session, states: Mapping[PurchaseOrder, PurchaseState]) -> None:
    """Give orders that were locked new states, with their history."""
    changes = [Change(order.history_subject(), "changed", "state", order.state, new) for order, new in states.items()]
    record_all(session, changes)
    sets = {"state": "{after}", "row_version": "row_version + 1"}
    rows = [(order.id, state.value) for order, state in states.items()]
    bulk_update(session, ORDER, sets, {"after": "text"}, rows)
    for order, state in states.items():
        set_committed_value(order, "state", state)
        set_committed_value(order, "row_version", order.row_version + 1)


def announce_supply(session: Session, product_ids: Iterable[int], *, has_arrived: bool = False) -> None:
    """Publish that the outstanding quantity of these products changed, once for the whole change."""
    if changed := tuple(sorted(set(product_ids))):
        publish(session, SupplyChanged(changed, has_arrived))
