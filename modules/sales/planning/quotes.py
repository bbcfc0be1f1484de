"""What a quote gets: the supply that is free once the demand that is served before it has its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from erp.numbers import sums
from modules.sales.domain import Part, plan
from modules.sales.planning.runs import Demand, Plan, Rules, Snapshot, Taken, plan_run, skip_uncoverable


def plan_quote(snapshot: Snapshot, before: Sequence[Demand], asked: Sequence[Part], rules: Rules) -> Plan:
    """Plan what the lines `asked` of a quote get after the lines `before` them, of what is free now.

    Nobody writes what the others get, so what a run would give back or exchange is not there for the quote. Supply
    without a day is no promise.
    """
    done = plan_run(replace(snapshot, demands=before), replace(rules, rebalances=False))
    granted = sums((grant.supply, grant.quantity) for grant in done.grants)
    grants = plan(asked, [(id_, quantity - granted.get(id_, 0)) for id_, quantity in snapshot.stock])
    got = sums((grant.demand, grant.quantity) for grant in grants)
    gone = sums(((each.supply.kind, each.supply.id), each.quantity) for each in done.taken)
    supplies = [
        each._replace(quantity=left)
        for each in snapshot.incoming
        if each.day and (left := each.quantity - gone.get((each.kind, each.id), 0)) > 0
    ]
    demands = [(id_, left) for id_, quantity in asked if (left := quantity - got.get(id_, 0))]
    if rules.skips:
        demands = list(skip_uncoverable(demands, sum(each.quantity for each in supplies)))
    places = plan(demands, [(place, each.quantity) for place, each in enumerate(supplies)])
    taken = [Taken(id_, supplies[place], quantity) for id_, place, quantity in places]
    return Plan(snapshot.product_id, grants, taken=taken)
