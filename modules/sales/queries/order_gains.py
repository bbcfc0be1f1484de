"""What lines would gain of incoming supply by an action of an order: planned without locking or writing anything."""

from __future__ import annotations

from collections.abc import Container

from sqlalchemy.orm import Session

from erp.options import options
from modules.inventory_lots.states import Tracking
from modules.sales.models import Order, OrderLine
from modules.sales.planning import Taken, gained, plan_run, served_first
from modules.sales.queries.queue import Scope, is_scheduled_day
from modules.sales.queries.service_order import held_because
from modules.sales.queries.snapshot import read_snapshots, rules_of_runs, snapshots_with


def gained_by_confirming(session: Session, order: Order) -> list[Taken]:
    """Return what would be newly allocated of incoming supply if a draft were confirmed now."""
    held = held_because(session, [line.id for line in order.lines])
    waiting = [line for line in order.lines if options.sales.allocate_on_confirm and _will_wait(line, held)]
    rules = rules_of_runs(session)
    snapshots = snapshots_with(session, waiting, rules) if waiting else []
    return [each for snapshot in snapshots for each in gained(snapshot, plan_run(snapshot, rules))]


def _will_wait(line: OrderLine, held: Container[int]) -> bool:
    """Say whether runs serve a line once it is confirmed."""
    is_held = line.hold_allocation or line.id in held
    return not (line.product.tracking is Tracking.serial or is_held or is_scheduled_day(line.requested_on))


def gained_by_allocating(session: Session, order: Order) -> list[Taken]:
    """Return the same if a confirmed order were served now (Allocate Order)."""
    lines, rules = tuple(line.id for line in order.lines), rules_of_runs(session)
    scope = Scope(tuple(sorted({line.product_id for line in order.lines})), lines)
    snapshots = read_snapshots(session, scope, rules)
    plans = served_first(snapshots, lines, rules)
    return [each for pair in zip(snapshots, plans, strict=True) for each in gained(*pair)]
