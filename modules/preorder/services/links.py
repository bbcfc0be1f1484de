"""Meaning incoming supply for order lines, and letting it go."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC
from decimal import Decimal

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from erp import clock, history
from erp.db import bulk_update, chunks, format_quantity, from_raw, insert_rows, to_raw
from erp.events import current_run, publish
from erp.options import options
from modules.inventory_lots.models import Balance, Location, Lot
from modules.inventory_lots.queries import usable_condition
from modules.inventory_lots.services import lock_products
from modules.preorder import queries
from modules.preorder.domain import passing
from modules.preorder.errors import (
    BackordersOff,
    LinksGone,
    LinksOutstanding,
    NotEnoughIncoming,
    NotWaiting,
    ProductsDiffer,
)
from modules.preorder.events import LinkMade, LinkRemoved
from modules.preorder.models import Link
from modules.preorder.queries.links import open_link, queue_of_purchase_lines, shrinking_order
from modules.preorder.services.dates import promise_covered_lines
from modules.procurement.hooks import OutstandingFall
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.queries import claimable_lines, status_by_name
from modules.procurement.services import claim, release, set_status
from modules.sales.domain import give_back, plan, plan_by_product
from modules.sales.models import Order, OrderLine
from modules.sales.queries import Scope
from modules.sales.services import Grant, allocate_on, grow_backorders, hold_lines
from modules.sales.states import AllocationSource

Triple = tuple[int, int, int]


def shrink_links(session: Session, scope: Scope) -> None:
    """Let go of what is linked beyond open backorders: latest expected first, links made by hand last."""
    excess = queries.excess_of_lines(session, scope)
    if not excess:
        return
    by_line: dict[int, list[tuple[int, int]]] = {}
    for link_id, line_id, outstanding in shrinking_order(session, excess):
        by_line.setdefault(line_id, []).append((link_id, outstanding))
    parts = [part for line_id, amount in excess.items() for part in give_back(by_line[line_id], amount)]
    release_links(session, parts, action="released")


def make_links(session: Session, scope: Scope) -> None:
    """Link unlinked backorders to open purchase order lines in order of service (automatic allocation).

    With `insufficient_supply = skip` a backorder is linked only if all of its unlinked rest can be.
    """
    if not options.preorder.auto_allocate or not options.sales.backorders:
        return
    unclaimed = session.execute(claimable_lines(scope.product_ids, options.preorder.past_due_supply_days))
    supplies = [(line_id, product_id, quantity) for line_id, product_id, quantity, _ in unclaimed]
    if not supplies:
        return
    stocked = {product_id for _, product_id, _ in supplies}
    waiting = queries.unlinked_backorders(session, Scope(tuple(sorted(stocked)), scope.line_ids))
    demands = [(line_id, product_id, rest) for line_id, product_id, rest in waiting if product_id in stocked]
    if options.preorder.insufficient_supply == "skip":
        demands = _passing_by_product(demands, supplies)
    write_links(session, plan_by_product(demands, supplies), AllocationSource.automatic)


def _passing_by_product(demands: Iterable[Triple], supplies: Iterable[Triple]) -> list[Triple]:
    left: dict[int, int] = {}
    for _, product_id, quantity in supplies:
        left[product_id] = left.get(product_id, 0) + quantity
    queues: dict[int, list[tuple[int, int]]] = {}
    for line_id, product_id, rest in demands:
        queues.setdefault(product_id, []).append((line_id, rest))
    return [
        (line_id, product_id, rest)
        for product_id, queue in queues.items()
        for line_id, rest in passing(queue, left.get(product_id, 0))
    ]


def write_links(session: Session, grants: Sequence[Triple], how: AllocationSource) -> None:
    """Write (line, purchase line, raw quantity) links: an open link of the pair grows, others are new.

    Purchase lines count them as allocated, lines without a status get the default one, and the news is published last.
    """
    if not grants:
        return
    existing = _open_pairs(session, [(line_id, purchase_id) for line_id, purchase_id, _ in grants])
    grown = [(existing[line, purchase], amount) for line, purchase, amount in grants if (line, purchase) in existing]
    new = [grant for grant in grants if (grant[0], grant[1]) not in existing]
    claim(session, [(purchase_id, amount) for _, purchase_id, amount in grants])
    sets = {"quantity": "quantity + {amount}"} | ({"how": "'by_hand'"} if how is AllocationSource.by_hand else {})
    bulk_update(session, Link.__table__, sets, {"amount": "bigint"}, grown)  # type: ignore[arg-type]
    link_ids = _insert(session, new, how)
    session.expire_all()
    _give_default_status(session, sorted({purchase_id for _, purchase_id, _ in new}))
    if link_ids:
        publish(session, LinkMade(tuple(link_ids)))


def _open_pairs(session: Session, pairs: Sequence[tuple[int, int]]) -> dict[tuple[int, int], int]:
    found: dict[tuple[int, int], int] = {}
    for part in chunks(sorted({line_id for line_id, _ in pairs}), 5000):
        rows = session.execute(
            select(Link.line_id, Link.purchase_line_id, Link.id).where(open_link(), Link.line_id.in_(part))
        )
        found.update({(line_id, purchase_id): id_ for line_id, purchase_id, id_ in rows})
    return found


def _insert(session: Session, grants: Sequence[Triple], how: AllocationSource) -> list[int]:
    if not grants:
        return []
    run = current_run(session)
    signed = {"how": how, "run_id": run.id(session), "user_name": run.user_name, "created_at": clock.now()}
    pairs = [
        {"line_id": line_id, "purchase_line_id": purchase_id, "quantity": from_raw(amount), "received": Decimal(0)}
        for line_id, purchase_id, amount in grants
    ]
    return insert_rows(session, Link, [pair | signed for pair in pairs])


def _give_default_status(session: Session, purchase_line_ids: Sequence[int]) -> None:
    status = status_by_name(session, options.preorder.default_line_status) if purchase_line_ids else None
    if status is None:
        return
    bare = select(PurchaseOrderLine.id).where(
        PurchaseOrderLine.id.in_(purchase_line_ids), PurchaseOrderLine.status_id.is_(None)
    )
    if line_ids := list(session.scalars(bare.order_by(PurchaseOrderLine.id))):
        set_status(session, line_ids, status, is_default=True)


def link_by_hand(session: Session, amounts: Mapping[tuple[int, int], Decimal]) -> None:
    """Link chosen quantities of (sales order line, purchase order line) pairs, whoever else waits.

    The backorder rows are first made or grown to the uncovered need; a hold is cleared. Raises BackordersOff,
    ProductsDiffer, NotWaiting and NotEnoughIncoming, and changes nothing then.
    """
    if not options.sales.backorders:
        raise BackordersOff
    line_ids = sorted({line_id for line_id, _ in amounts})
    purchase_ids = sorted({purchase_id for _, purchase_id in amounts})
    product_ids = set(session.scalars(select(OrderLine.product_id).where(OrderLine.id.in_(line_ids))))
    lock_products(session, product_ids)
    hold_lines(session, line_ids, False)
    grow_backorders(session, line_ids)
    _check_by_hand(session, product_ids, amounts, line_ids, purchase_ids)
    grants = [(line_id, purchase_id, to_raw(quantity)) for (line_id, purchase_id), quantity in amounts.items()]
    write_links(session, grants, AllocationSource.by_hand)
    promise_covered_lines(session, Scope(tuple(sorted(product_ids)), tuple(line_ids)))


def _check_by_hand(
    session: Session,
    product_ids: Collection[int],
    amounts: Mapping[tuple[int, int], Decimal],
    line_ids: Sequence[int],
    purchase_ids: Sequence[int],
) -> None:
    lines = {line.id: line for line in session.scalars(select(OrderLine).where(OrderLine.id.in_(line_ids)))}
    purchases = {
        line.id: line
        for line in session.scalars(select(PurchaseOrderLine).where(PurchaseOrderLine.id.in_(purchase_ids)))
    }
    for line_id, purchase_id in amounts:
        if lines[line_id].product_id != purchases[purchase_id].product_id:
            raise ProductsDiffer(line=str(lines[line_id]), purchase_line=str(purchases[purchase_id]))
    offered = {row[0]: row[2] for row in session.execute(claimable_lines(tuple(product_ids), None))}
    scope = Scope(tuple(product_ids), tuple(line_ids))
    waiting = {row[0]: row[2] for row in queries.unlinked_backorders(session, scope)}
    for purchase_id, wanted in _summed((purchase_id, to_raw(q)) for (_, purchase_id), q in amounts.items()):
        if wanted > offered.get(purchase_id, 0):
            raise NotEnoughIncoming(
                purchase_line=str(purchases[purchase_id]),
                available=from_raw(offered.get(purchase_id, 0)),
                wanted=from_raw(wanted),
            )
    for line_id, wanted in _summed((line_id, to_raw(q)) for (line_id, _), q in amounts.items()):
        if wanted > waiting.get(line_id, 0):
            raise NotWaiting(
                line=str(lines[line_id]), waiting=from_raw(waiting.get(line_id, 0)), wanted=from_raw(wanted)
            )


def _summed(parts: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    sums: dict[int, int] = {}
    for id_, amount in parts:
        sums[id_] = sums.get(id_, 0) + amount
    return sorted(sums.items())


def remove_links(session: Session, link_ids: Collection[int], *, hold: bool = True) -> int:
    """Undo chosen links; with `hold` their lines stay out of automatic runs (Remove Allocation).

    What is freed waits for a clerk or a run. Raises LinksGone when one is not open any more.
    """
    product_ids = session.scalars(
        select(OrderLine.product_id).join(Link, Link.line_id == OrderLine.id).where(Link.id.in_(link_ids)).distinct()
    )
    lock_products(session, list(product_ids))
    links = session.scalars(select(Link).where(Link.id.in_(link_ids), open_link())).all()
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
        .where(Link.id.in_(amounts))
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
    session.execute(delete(Link).where(Link.id.in_(gone)).execution_options(synchronize_session=False))
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
    now = clock.now().astimezone(UTC).replace(tzinfo=None)
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
    usable = _usable_balances(session, [fall.balance_id for fall in falls if fall.balance_id is not None])
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


def _usable_balances(session: Session, balance_ids: Sequence[int]) -> set[int]:
    rows = (
        select(Balance.id)
        .join(Lot, Lot.id == Balance.lot_id)
        .join(Location, Location.id == Balance.location_id)
        .where(Balance.id.in_(balance_ids), usable_condition(clock.today()))
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
