"""Letting go of incoming supply: shrunk, removed, released, or turned into allocations by its arrival."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from erp import clock, history
from erp.db import bulk_update, format_quantity, from_raw, is_one_of, raw_instant, to_raw
from erp.events import publish
from modules.inventory_lots.models import Balance, Location, Lot
from modules.inventory_lots.queries import usable_condition
from modules.inventory_lots.services import lock_products
from modules.preorder import queries
from modules.preorder.errors import LinksGone, LinksOutstanding
from modules.preorder.events import LinkRemoved
from modules.preorder.models import Link
from modules.preorder.queries.links import open_link, queue_of_purchase_lines, shrinking_order
from modules.procurement.hooks import OutstandingFall
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.services import release
from modules.sales.domain import give_back, plan
from modules.sales.models import Order, OrderLine
from modules.sales.services import Grant, allocate_on, hold_lines


def shrink_links(session: Session, line_ids: Collection[int]) -> None:
    """Let go of what is linked to lines beyond their open backorders: latest expected first, made by hand last."""
    excess = queries.excess_of_lines(session, line_ids) if line_ids else {}
    if not excess:
        return
    by_line: dict[int, list[tuple[int, int]]] = {}
    for link_id, line_id, outstanding in shrinking_order(session, excess):
        by_line.setdefault(line_id, []).append((link_id, outstanding))
    parts = [part for line_id, amount in excess.items() for part in give_back(by_line[line_id], amount)]
    release_links(session, parts, action="released")


def remove_links(session: Session, link_ids: Collection[int], *, hold: bool = True) -> int:
    """Undo chosen links; with `hold` their lines stay out of automatic runs (Remove Allocation).

    What is freed waits for a clerk or a run. Raises LinksGone when one is not open any more.
    """
    chosen = is_one_of(session, Link.id, link_ids)
    product_ids = select(OrderLine.product_id).join(Link, Link.line_id == OrderLine.id).where(chosen).distinct()
    lock_products(session, list(session.scalars(product_ids)))
    links = session.scalars(select(Link).where(chosen, open_link())).all()
    if len(links) < len(set(link_ids)):
        raise LinksGone
    line_ids = sorted({link.line_id for link in links})
    release_links(session, [(link.id, to_raw(link.outstanding)) for link in links], action="removed")
    if hold:
        hold_lines(session, line_ids, True)
    return len(link_ids)


def release_links(session: Session, parts: Sequence[tuple[int, int]], *, action: str, why: str = "") -> None:
    """Take raw quantities off links: one with nothing received goes, one received in part ends at what it got.

    Purchase lines get the quantities back, the history says what disappeared, and full undoings are announced.
    """
    amounts = dict(parts)
    if not amounts:
        return
    rows = session.execute(
        select(Link, OrderLine, Order, PurchaseOrder.number, PurchaseOrderLine.position)
        .join(OrderLine, OrderLine.id == Link.line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .join(PurchaseOrderLine, PurchaseOrderLine.id == Link.purchase_line_id)
        .join(PurchaseOrder, PurchaseOrder.id == PurchaseOrderLine.order_id)
        .where(is_one_of(session, Link.id, amounts))
        .order_by(Link.id)
    ).all()
    changes = [
        history.Change(
            history.Subject("sales.order", order.id, order.name, line.position),
            action,
            "purchase allocation",
            old=f"{format_quantity(from_raw(amounts[link.id]))} of {number}/{position}",
            why=why,
        )
        for link, line, order, number, position in rows
    ]
    links = [row[0] for row in rows]
    undone = tuple((link.line_id, link.purchase_line_id) for link in links if _is_all(link, amounts))
    purchases = [(link.purchase_line_id, amounts[link.id]) for link in links]
    gone = [link.id for link in links if _is_all(link, amounts) and not link.received]
    kept = [(link.id, amounts[link.id]) for link in links if link.id not in set(gone)]
    history.record_all(session, changes)
    drop = delete(Link).where(is_one_of(session, Link.id, gone))
    session.execute(drop.execution_options(synchronize_session=False))
    _reduce(session, kept, "quantity = quantity - {amount}")
    release(session, _summed(purchases))
    session.expire_all()
    if undone:
        publish(session, LinkRemoved(undone))


def _is_all(link: Link, amounts: Mapping[int, int]) -> bool:
    return to_raw(link.outstanding) == amounts[link.id]


def _reduce(session: Session, parts: Sequence[tuple[int, int]], change: str) -> None:
    """Bring links closer to their end; one with nothing outstanding is over."""
    column, _, value = change.partition(" = ")
    over = "CASE WHEN quantity - received > {amount} THEN NULL ELSE {now} END"
    now = raw_instant(clock.now())
    sets = {column: value, "ended_at": over}
    types = {"amount": "bigint", "now": "timestamp"}
    bulk_update(session, Link.__table__, sets, types, [(id_, amount, now) for id_, amount in parts])  # type: ignore[arg-type]


def convert_or_release(session: Session, falls: Sequence[OutstandingFall]) -> None:
    """Make room before what purchase lines have outstanding falls.

    Goods that landed where they may be allocated go to the lines' links in order of service; then links that no
    longer fit are released, last in the queue first. Nothing is linked here.
    """
    _convert(session, falls)
    left: dict[int, int] = {}
    for fall in falls:
        outstanding = to_raw(max(Decimal(0), fall.outstanding))
        left[fall.line_id] = min(left.get(fall.line_id, outstanding), outstanding)
    excess = queries.excess_of_purchase_lines(session, left)
    by_line: dict[int, list[tuple[int, int]]] = {}
    for link_id, purchase_id, _, outstanding in reversed(queue_of_purchase_lines(session, excess)):
        by_line.setdefault(purchase_id, []).append((link_id, outstanding))
    parts = [part for purchase_id, amount in excess.items() for part in give_back(by_line[purchase_id], amount)]
    release_links(session, parts, action="released")


def _convert(session: Session, falls: Sequence[OutstandingFall]) -> None:
    usable = _usable_balances(session, {fall.balance_id for fall in falls if fall.balance_id is not None})
    landed: dict[int, list[tuple[int, int]]] = {}
    for fall in falls:
        if fall.balance_id in usable and fall.landed_quantity:
            landed.setdefault(fall.line_id, []).append((fall.balance_id, to_raw(fall.landed_quantity)))
    queue: dict[int, list[tuple[int, int]]] = {}
    lines: dict[int, int] = {}
    for link_id, purchase_id, line_id, outstanding in queue_of_purchase_lines(session, landed):
        queue.setdefault(purchase_id, []).append((link_id, outstanding))
        lines[link_id] = line_id
    grants = [
        (purchase_id, *grant)
        for purchase_id, balances in landed.items()
        for grant in plan(queue.get(purchase_id, ()), balances)
    ]
    if not grants:
        return
    received = _summed((link_id, amount) for _, link_id, _, amount in grants)
    _reduce(session, received, "received = received + {amount}")
    release(session, _summed((purchase_id, amount) for purchase_id, _, _, amount in grants))
    allocate_on(
        session,
        [Grant(lines[link_id], balance_id, from_raw(amount)) for _, link_id, balance_id, amount in grants],
    )
    session.expire_all()


def _usable_balances(session: Session, balance_ids: Collection[int]) -> set[int]:
    rows = (
        select(Balance.id)
        .join(Lot, Lot.id == Balance.lot_id)
        .join(Location, Location.id == Balance.location_id)
        .where(is_one_of(session, Balance.id, balance_ids), usable_condition(clock.today()))
    )
    return set(session.scalars(rows))


def release_everything(session: Session, *, release_them: bool) -> None:
    """Let go of every link so that preorder can be switched off, or raise LinksOutstanding.

    No hold is set and nothing is linked elsewhere: enabled again, the next run links anew.
    """
    links, orders = queries.outstanding_links(session)
    if links and not release_them:
        raise LinksOutstanding(links=links, orders=orders)
    products = session.scalars(
        select(OrderLine.product_id).join(Link, Link.line_id == OrderLine.id).where(open_link()).distinct()
    )
    lock_products(session, list(products))
    rows = session.execute(select(Link.id, Link.outstanding).where(open_link()).order_by(Link.id)).all()
    release_links(session, [(id_, to_raw(left)) for id_, left in rows], action="released", why="preorder was disabled")


def _summed(parts: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    sums: dict[int, int] = {}
    for id_, amount in parts:
        sums[id_] = sums.get(id_, 0) + amount
    return sorted(sums.items())
