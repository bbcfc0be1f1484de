"""Reading what a trial begins with: the products and all their open lines, in a fixed number of statements."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import is_one_of
from modules.inventory_lots.models import Balance, Lot
from modules.inventory_lots.queries import unusable_column, with_lot_and_location
from modules.preorder.coverage import ZERO, AllocatedStock
from modules.preorder.domain import PURCHASE_LINE
from modules.preorder.queries.coverage import coverage_snapshot, with_siblings
from modules.preorder.queries.rebalance_preview import purchase_line_offers
from modules.preorder.trial import Trial
from modules.sales.models import OrderLine
from modules.sales.planning import Rules
from modules.sales.queries import Scope, read_snapshots, snapshots_with

_READS_ALL = Rules(allocates_incoming=True, rebalances=True)


def read_trial(
    session: Session,
    product_ids: Sequence[int],
    added: Sequence[OrderLine] = (),
    *,
    supply_ids: Collection[int] = (),
    stored: Mapping[int, int] | None = None,
) -> Trial:
    """Return a trial of products as they are, with lines that are `added` to their queues; nothing is locked.

    `supply_ids` are further purchase order lines that it has to know; `stored` names the lines for which those that are
    added stand, by their ids.
    """
    snapshots = {
        each.product_id: each for each in snapshots_with(session, added, _READS_ALL, whole=product_ids, stored=stored)
    }
    missing = tuple(sorted(set(product_ids) - snapshots.keys()))
    if missing:
        found = read_snapshots(session, Scope(missing), _READS_ALL, whole=missing)
        snapshots |= {each.product_id: each for each in found}
    of_products = is_one_of(session, OrderLine.product_id, product_ids)
    covered = coverage_snapshot(session, OrderLine.id.in_(select(with_siblings(of_products).c.id)))
    incoming = {each.id for snapshot in snapshots.values() for each in snapshot.incoming}
    held = {each.purchase_line_id for line in covered.lines for each in line.supply}
    return Trial(
        snapshots=dict(sorted(snapshots.items())),
        lines={line.line_id: line for line in covered.lines},
        chosen=set(covered.chosen),
        arrivals=covered.arrivals,
        supplies=purchase_line_offers(session, incoming | held | set(supply_ids)),
        stock=_balances(session, product_ids),
        serials=covered.serials,
        kind=PURCHASE_LINE,
    )


def _balances(session: Session, product_ids: Collection[int]) -> dict[int, AllocatedStock]:
    """Return the balances of products by id, as stock of which a line has nothing yet."""
    rows = with_lot_and_location(select(Balance.id, Lot.expires_on, unusable_column(clock.today())))
    of_products = is_one_of(session, Balance.product_id, product_ids)
    return {
        id_: AllocatedStock(ZERO, expires_on, why_unusable)
        for id_, expires_on, why_unusable in session.execute(rows.where(of_products, Balance.has_stock))
    }
