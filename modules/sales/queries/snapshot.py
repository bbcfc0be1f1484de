"""The snapshot that a run is planned on: demand, stock, incoming supply and who holds it, in a few statements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import chain
from typing import Any

from sqlalchemy.orm import Session

from erp.db import to_raw
from erp.options import options
from modules.inventory_lots.queries import usable_balances
from modules.sales import hooks
from modules.sales.domain import Part
from modules.sales.models import OrderLine
from modules.sales.planning import Demand, Holding, Rules, Snapshot, Supply
from modules.sales.queries.queue import Scope, read_demands, read_stock_and_demands
from modules.sales.queries.service_order import places_of, read_places


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


def rules_of_quotes(session: Session) -> Rules:
    """Return what quotes do: they hold incoming supply as well where only a clerk allocates it."""
    rules = rules_of_runs(session)
    return replace(rules, allocates_incoming=rules.grows_backorders and bool(hooks.incoming_rules(session)))


def read_snapshots(session: Session, scope: Scope, rules: Rules, *, whole: Collection[int] = ()) -> list[Snapshot]:
    """Return the snapshots of the products of a scope. Nothing is locked.

    Of a product without any supply only those lines are read whose backorder is not their need: often there are none.
    Of the products `whole`, which are about to get supply, all lines are read.
    """
    incoming = incoming_by_product(session, scope.product_ids) if rules.allocates_incoming else {}
    supplied = {product_id for product_id, supplies in incoming.items() if any(each.quantity for each in supplies)}
    if rules.serves_stock and scope.of_document:
        balances, demands = read_stock_and_demands(session, scope, sorted(supplied.union(whole)))
        stock = _stock(balances)
    else:
        stock = _stock(usable_balances(session, scope.product_ids)) if rules.serves_stock else {}
        demands = read_demands(session, scope, sorted(supplied.union(stock, whole)))
    holdings, of_product = _holdings(session, demands), _by_product(demands)
    return [
        Snapshot(id_, lines, stock.get(id_, ()), incoming.get(id_, ()), _of(lines, holdings))
        for id_ in scope.product_ids
        for lines in [of_product.get(id_, ())]
    ]


def snapshots_with(
    session: Session,
    lines: Sequence[OrderLine],
    rules: Rules,
    *,
    whole: Collection[int] = (),
    stored: Mapping[int, int] | None = None,
) -> list[Snapshot]:
    """Return the snapshots of the products of lines that do not wait yet, with each at its place in the queue.

    `stored` names the stored lines for which lines that are not stored stand, by their ids.
    """
    scope = Scope(tuple(sorted({line.product_id for line in lines})))
    snapshots = read_snapshots(session, scope, rules, whole=whole)
    places = read_places(session, [each.line_id for snapshot in snapshots for each in snapshot.demands])
    places |= places_of(session, lines, stored=stored)
    asked = _by_product(Demand(line.id, line.product_id, to_raw(line.quantity), None, 0) for line in lines)
    return [
        replace(each, demands=sorted((*each.demands, *asked[each.product_id]), key=lambda each: places[each.line_id]))
        for each in snapshots
    ]


def _by_product(demands: Iterable[Demand]) -> dict[int, list[Demand]]:
    found: dict[int, list[Demand]] = {}
    for demand in demands:
        found.setdefault(demand.product_id, []).append(demand)
    return found


def _stock(balances: Iterable[tuple[Any, ...]]) -> dict[int, list[Part]]:
    """Return the free quantity of each usable balance, by product."""
    found: dict[int, list[Part]] = {}
    for balance_id, product_id, quantity in balances:
        found.setdefault(product_id, []).append((balance_id, quantity))
    return found


def incoming_by_product(session: Session, product_ids: Sequence[int]) -> dict[int, list[Supply]]:
    """Return the supply that is to come of products, in the order in which it serves demand."""
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
