"""The chart of sales on the dashboard: how long backorders wait."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.orm import Session

from erp import clock
from erp.admin import Bar, Chart
from erp.text import say
from modules.sales import queries


def _by_age(session: Session) -> Sequence[Bar]:
    today = clock.today()
    bars = []
    for (youngest, oldest), count in queries.backorders_by_age(session).items():
        label = (
            say("{youngest}+ d", youngest=youngest)
            if oldest is None
            else say("{youngest}–{oldest} d", youngest=youngest, oldest=oldest)
        )
        first = "" if oldest is None else f"&flt1_since_from={today - timedelta(days=oldest)}"
        url = f"/sales/backorders/?flt0_state_is=open{first}&flt2_since_to={today - timedelta(days=youngest)}"
        bars.append(Bar(label, {"open": count}, url))
    return bars


CHARTS = (Chart("Open backorders by age", "sales.view", (("open", "warning"),), _by_age, "Of the oldest 10,000."),)
