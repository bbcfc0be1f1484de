"""What lines would gain of incoming supply when supply comes, goes or arrives: planned without locking or writing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import and_, or_
from sqlalchemy.orm import Session

from erp.db import to_raw
from erp.numbers import sums
from erp.options import options
from modules.preorder.queries.arrivals import is_in_time, is_promised_supply
from modules.preorder.queries.snapshot import supply_where
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales.planning import Rules, Snapshot, Taken, gained, plan_run
from modules.sales.queries import Scope, read_snapshots, rules_of_runs

# Stands for the balance that goods would come into.
_NEW_GOODS = 0


def gained_by_ordering(session: Session, order: PurchaseOrder) -> list[Taken]:
    """Return what would be newly allocated of purchase orders if a draft were ordered now."""
    rules = rules_of_runs(session, serves_stock=False)
    will_be_supply = and_(PurchaseOrder.id == order.id, PurchaseOrderLine.has_outstanding, is_in_time())
    product_ids = _products(order.lines)
    supplies = supply_where(session, product_ids, or_(is_promised_supply(), will_be_supply))
    snapshots = [
        replace(found, incoming=[each for each in supplies if each.product_id == found.product_id])
        for found in _snapshots(session, product_ids, rules)
    ]
    return _gained(snapshots, rules)


def _products(lines: Sequence[PurchaseOrderLine]) -> tuple[int, ...]:
    return tuple(sorted({line.product_id for line in lines}))


def _snapshots(session: Session, product_ids: tuple[int, ...], rules: Rules) -> list[Snapshot]:
    return read_snapshots(session, Scope(product_ids), rules, whole=product_ids)


def _gained(snapshots: Iterable[Snapshot], rules: Rules) -> list[Taken]:
    return [each for snapshot in snapshots for each in gained(snapshot, plan_run(snapshot, rules))]


def gained_without(session: Session, groups: Mapping[str, Sequence[PurchaseOrderLine]]) -> dict[str, list[Taken]]:
    """Return the same if what is outstanding of some lines never came, for each group of lines by its key."""
    rules = rules_of_runs(session, serves_stock=False)
    product_ids = _products([line for lines in groups.values() for line in lines])
    snapshots = {found.product_id: found for found in _snapshots(session, product_ids, rules)}
    gone = {key: {line.id for line in lines} for key, lines in groups.items()}
    return {
        key: _gained([_without(snapshots[id_], gone[key]) for id_ in _products(lines)], rules)
        for key, lines in groups.items()
    }


def _without(snapshot: Snapshot, gone: set[int]) -> Snapshot:
    """Return a snapshot in which purchase order lines are no supply, and nobody holds anything of them."""
    holdings = {
        line_id: [each for each in held if each.supply_id not in gone] for line_id, held in snapshot.holdings.items()
    }
    incoming = [each for each in snapshot.incoming if each.id not in gone]
    return replace(snapshot, incoming=incoming, holdings=holdings)


def gained_by_receiving(session: Session, lines: Sequence[PurchaseOrderLine]) -> list[Taken]:
    """Return the same if all that is outstanding of lines were received now, and put where it is usable.

    What is allocated of the lines becomes stock of those who hold it; the queue is served from the remaining goods.
    """
    rules = rules_of_runs(session, serves_stock=options.sales.allocate_on_arrival)
    ids = {line.id for line in lines}
    goods = sums((line.product_id, to_raw(line.unallocated)) for line in lines)
    snapshots = [
        _arrived(found, ids, max(0, goods[found.product_id])) for found in _snapshots(session, _products(lines), rules)
    ]
    return _gained(snapshots, rules)


def _arrived(snapshot: Snapshot, received: set[int], goods: int) -> Snapshot:
    """Return a snapshot in which purchase order lines have come: those who hold them need that much less."""
    landed = {
        line_id: sum(each.quantity for each in held if each.supply_id in received)
        for line_id, held in snapshot.holdings.items()
    }
    demands = [
        each._replace(need=each.need - got, backordered=each.backordered - got)
        for each in snapshot.demands
        for got in (landed.get(each.line_id, 0),)
    ]
    stock = [*snapshot.stock, *([(_NEW_GOODS, goods)] if goods else [])]
    return replace(_without(snapshot, received), demands=demands, stock=stock)
