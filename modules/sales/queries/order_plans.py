"""What a run would do that confirms an order, or that serves it now: planned without locking or writing anything."""

from __future__ import annotations

from sqlalchemy.orm import Session

from erp.options import options
from modules.inventory_lots.states import Tracking
from modules.sales.models import Order, OrderLine
from modules.sales.planning import Plan, plan_run, served_first
from modules.sales.queries.queue import Scope, is_scheduled_day
from modules.sales.queries.snapshot import read_snapshots, rules_of_runs, snapshots_with


def confirmation_plans(session: Session, order: Order) -> list[Plan]:
    """Return what would be planned for the products of a draft if it were confirmed now."""
    waiting = [line for line in order.lines if _will_wait(line)] if options.sales.allocate_on_confirm else []
    rules = rules_of_runs(session)
    return [plan_run(snapshot, rules) for snapshot in snapshots_with(session, waiting, rules)] if waiting else []


def _will_wait(line: OrderLine) -> bool:
    """Say whether runs serve a line once it is confirmed."""
    return not (line.product.tracking is Tracking.serial or line.hold_allocation or is_scheduled_day(line.requested_on))


def allocation_plans(session: Session, order: Order) -> list[Plan]:
    """Return what would be planned for the lines of a confirmed order if it were served now (Allocate Order)."""
    lines, rules = tuple(line.id for line in order.lines), rules_of_runs(session)
    scope = Scope(tuple(sorted({line.product_id for line in order.lines})), lines)
    return served_first(read_snapshots(session, scope, rules), lines, rules)
