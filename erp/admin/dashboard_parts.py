"""What modules put on the dashboard besides cards: work queues and charts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session


def name_of(title: str) -> str:
    """Return the name by which something with this title is registered: `Held lines` is `held-lines`."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


@dataclass(frozen=True)
class WorkQueue:
    """A list of what somebody has to do, on the dashboard with its size for those who have the right to do it.

    `view` names the list, `module.noun`. Where only some of its rows are to do, `argument` and `value` are the filter
    for them, as of a QuickFilter.
    """

    title: str
    view: str
    permission: str
    argument: str = ""
    value: str = ""

    @property
    def name(self) -> str:
        """What it is registered by."""
        return name_of(self.title)


@dataclass(frozen=True)
class Bar:
    """A bar of a chart: what it is of, its parts by the name of their series, and the address of the list behind it."""

    label: str
    parts: Mapping[str, Any]
    url: str = ""


@dataclass(frozen=True)
class Chart:
    """A chart of the dashboard: `bars(session)` returns its bars; `series` are (name, tone) in their order.

    A tone is danger, warning, success, info or neutral.
    """

    title: str
    permission: str
    series: Sequence[tuple[str, str]]
    bars: Callable[[Session], Sequence[Bar]]
    note: str = ""

    @property
    def name(self) -> str:
        """What it is registered by."""
        return name_of(self.title)
