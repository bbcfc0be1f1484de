"""The plan of a run, what it changes, and what it is made on: pure rules over raw quantities."""

from modules.sales.planning.changes import Fingerprint, LineChange, fingerprint, gained, line_changes
from modules.sales.planning.promises import BY_COVERAGE, BY_PLAN, NEVER, LastArrival
from modules.sales.planning.quotes import plan_quote
from modules.sales.planning.runs import (
    Backordered,
    Demand,
    Exchanged,
    GivenBack,
    Holding,
    Plan,
    Rules,
    Snapshot,
    Supply,
    Taken,
    losses,
    only,
    plan_run,
    served_first,
    settle_backorders,
    skip_uncoverable,
    with_given_back,
)

__all__ = [
    "BY_COVERAGE",
    "BY_PLAN",
    "NEVER",
    "Backordered",
    "Demand",
    "Exchanged",
    "Fingerprint",
    "GivenBack",
    "Holding",
    "LastArrival",
    "LineChange",
    "Plan",
    "Rules",
    "Snapshot",
    "Supply",
    "Taken",
    "fingerprint",
    "gained",
    "line_changes",
    "losses",
    "only",
    "plan_quote",
    "plan_run",
    "served_first",
    "settle_backorders",
    "skip_uncoverable",
    "with_given_back",
]
