"""Charts of preorder on the dashboard: promises kept and late, and supply against demand, by week."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.orm import Session

from erp.admin import Bar, Chart
from erp.admin.formatting import short_day
from modules.preorder import queries


def _promises(session: Session) -> Sequence[Bar]:
    return [
        Bar(
            short_day(week),
            {"kept": found.kept, "late": found.late},
            f"/sales/packs/?flt0_packed_at_from={week}&flt1_packed_at_to={week + timedelta(days=6)}",
        )
        for week, found in queries.promises_by_week(session).items()
    ]


def _supply(session: Session) -> Sequence[Bar]:
    weeks = queries.supply_and_demand(session)
    first = next(iter(weeks))
    return [
        Bar(
            short_day(week),
            {"short": max(found.demand - found.supply, 0), "covered": min(found.demand, found.supply),
             "more": max(found.supply - found.demand, 0)},
            f"/procurement/incoming/?flt0_expected_to={week + timedelta(days=6)}"
            + ("" if week == first else f"&flt1_expected_from={week}"),
        )
        for week, found in weeks.items()
    ]  # fmt: skip


CHARTS = (
    Chart(
        "Promises kept and late, by week",
        "preorder.view",
        (("kept", "success"), ("late", "danger")),
        _promises,
        "Lines that left in the week from that Monday, and the day that was promised.",
    ),
    Chart(
        "Supply against demand, by week",
        "preorder.view",
        (("covered", "success"), ("short", "danger"), ("more", "info")),
        _supply,
        "Units that are expected to arrive against units that wait, week by week; what is overdue counts in the first.",
    ),
)
