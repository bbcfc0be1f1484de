"""The snapshot that a run is planned on: demand, stock, incoming supply and who holds it, in a few statements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import chain, groupby
from operator import attrgetter

from sqlalchemy.orm import Session

from erp.db import read_rows
from erp.options import options
from modules.inventory_lots.queries import usable_balances
from modules.sales import hooks
from modules.sales.domain import Part
from modules.sales.planning import Demand, Holding, Rules, Snapshot, Supply
from modules.sales.queries.queue import Scope, read_demands


def rules_of_runs(session: Session, *, serves_stock: bool = True) -> Rules:
    """Return what runs do now, as the options say."""
    backorders = bool(options.sales.backorders)
    answers = [rules for rules in hooks.incoming_rules(session) if rules.allocates] if backorders else []
    return Rules(
        serves_stock=serves_stock,
        grows_backorders=backorders,
        allocates_incoming=bool(answers),
        skips=any(rules.skips for rules in answers),
        rebalances=any(rules.rebalances for rules in answers),
    )


def read_snapshots(session: Session, scope: Scope, rules: Rules) -> list[Snapshot]:
    """Return the snapshots of the products of a scope for which a run may change something. Nothing is locked.

    Of a product without any supply only those lines are read whose backorder is not their need: often there are none.
    """
    stock = _stock(session, scope.product_ids) if rules.serves_stock else {}
    incoming = _incoming(session, scope.product_ids) if rules.allocates_incoming else {}
    supplied = {product_id for product_id, supplies in incoming.items() if any(each.quantity for each in supplies)}
    demands = read_demands(session, scope, sorted(supplied.union(stock)))
    holdings = _holdings(session, demands)
    return [
        Snapshot(product_id, lines, stock.get(product_id, ()), incoming.get(product_id, ()), _of(lines, holdings))
        for product_id, lines in _by_product(demands)
    ]


def _by_product(demands: Iterable[Demand]) -> list[tuple[int, list[Demand]]]:
    return [(product_id, list(lines)) for product_id, lines in groupby(demands, key=attrgetter("product_id"))]


def _stock(session: Session, product_ids: Sequence[int]) -> dict[int, list[Part]]:
    """Return the free quantity of each usable balance, by product."""
    found: dict[int, list[Part]] = {}
    for balance_id, product_id, quantity in read_rows(session, usable_balances(session, product_ids)):
        found.setdefault(product_id, []).append((balance_id, quantity))
    return found


def _incoming(session: Session, product_ids: Sequence[int]) -> dict[int, list[Supply]]:
    answers = hooks.incoming_supply(session, product_ids)
    found: dict[int, list[Supply]] = {}
    for supply in chain(*answers):
        found.setdefault(supply.product_id, []).append(supply)
    if len(answers) > 1:
        for supplies in found.values():
            supplies.sort(key=lambda each: each.day or date.max)
    return found


def _holdings(session: Session, demands: Iterable[Demand]) -> dict[int, list[Holding]]:
    """Return what lines hold of incoming supply, by line: nothing without an open backorder."""
    found: dict[int, list[Holding]] = {}
    line_ids = [demand.line_id for demand in demands if demand.backorder_id is not None]
    for holding in chain(*hooks.incoming_holdings(session, line_ids)) if line_ids else ():
        found.setdefault(holding.line_id, []).append(holding)
    return found


def _of(lines: Iterable[Demand], holdings: dict[int, list[Holding]]) -> dict[int, list[Holding]]:
    """Return the holdings of these lines."""
    return {line.line_id: holdings[line.line_id] for line in lines if line.line_id in holdings} if holdings else {}
