"""What automatic allocation would give, run by run, without writing it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from erp.numbers import sums
from erp.options import options
from modules.preorder.domain import Uncovered, skip_uncoverable
from modules.preorder.queries.purchase_lines import available_lines
from modules.sales.hooks import IncomingRun


def incoming_quantities(session: Session, runs: Sequence[IncomingRun]) -> dict[int, int]:
    """Return the raw quantity of incoming supply that these runs would allocate to each line, one after the other."""
    if not options.preorder.auto_allocate or not options.sales.backorders:
        return {}
    product_ids = {product_id for run in runs for _, product_id, _ in run.demands}
    left = sums((line.product_id, line.quantity) for line in available_lines(session, product_ids))
    given: dict[int, int] = {}
    for run in runs:
        left = sums((*left.items(), *run.freed.items()))
        demands = [Uncovered(*demand) for demand in run.demands]
        if options.preorder.insufficient_supply == "skip":
            demands = list(skip_uncoverable(demands, left))
        for demand in demands:
            taken = min(demand.quantity, left.get(demand.product_id, 0))
            left[demand.product_id] = left.get(demand.product_id, 0) - taken
            given[demand.line_id] = taken
    return given
