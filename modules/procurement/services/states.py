"""What follows a change of lines: the states of their orders, and the announcement that supply changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from erp.db import bulk_update, from_raw, is_among, is_one_of, raw, read_prepared
from erp.events import publish
from erp.history import Change, Subject, record_all
from modules.procurement.domain import LineQuantities, derived_state
from modules.procurement.events import SupplyChanged
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.services.locking import ORDER
from modules.procurement.states import PurchaseState


class StateChange(NamedTuple):
    """An order that gets another state. It says all that is written, whatever happens to the loaded order meanwhile."""

    order_id: int
    subject: Subject
    before: PurchaseState
    after: PurchaseState


def update_states(session: Session, order_ids: Iterable[int]) -> None:
    """Give orders, except drafts, the state that follows from the quantities of their lines."""
    session.flush()
    orders = session.scalars(select(PurchaseOrder).where(is_one_of(session, PurchaseOrder.id, set(order_ids)))).all()
    changes = state_changes(session, orders, {})
    write_states(session, changes)
    states = {change.order_id: change.after for change in changes}
    for order in orders:
        if order.id in states:
            set_committed_value(order, "state", states[order.id])
            set_committed_value(order, "row_version", order.row_version + 1)


def state_changes(session: Session, orders: Iterable[PurchaseOrder], received: Mapping[int, int]) -> list[StateChange]:
    """Return which orders, except drafts, get another state once lines (by id) have received raw quantities more."""
    by_id = {order.id: order for order in orders if order.state != PurchaseState.draft}
    quantities: dict[int, list[LineQuantities]] = {id_: [] for id_ in by_id}
    for line_id, order_id, quantity, before, cancelled in read_prepared(session, _quantities, order_ids=by_id):
        raws = (quantity, before + received.get(line_id, 0), cancelled)
        quantities[order_id].append(LineQuantities(*map(from_raw, raws)))
    states = {by_id[id_]: derived_state(quantities[id_]) for id_ in sorted(by_id)}
    return [
        StateChange(order.id, order.history_subject(), order.state, state)
        for order, state in states.items()
        if state != order.state
    ]


def _quantities(session: Session) -> Select[*tuple[Any, ...]]:
    line = PurchaseOrderLine
    rows = select(line.id, line.order_id, raw(line.quantity), raw(line.received), raw(line.cancelled))
    return rows.where(is_among(session, line.order_id, "order_ids", hides_number=True))


def write_states(session: Session, changes: Sequence[StateChange]) -> None:
    """Give orders that were locked new states, with their history; loaded orders do not know of it."""
    record_all(session, [Change(each.subject, "changed", "state", each.before, each.after) for each in changes])
    sets = {"state": "{after}", "row_version": "row_version + 1"}
    bulk_update(session, ORDER, sets, {"after": "text"}, [(each.order_id, each.after.value) for each in changes])


def announce_supply(session: Session, product_ids: Iterable[int], *, has_arrived: bool = False) -> None:
    """Publish that the outstanding quantity of these products changed, once for the whole change."""
    if changed := tuple(sorted(set(product_ids))):
        publish(session, SupplyChanged(changed, has_arrived))
