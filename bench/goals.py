"""The goals of the benchmarks, and which of them the page's figures meet.

Each is a ratio of one run, so that a slower machine does not change it. A goal in milliseconds or seconds is told in
floors of the machine that the page names, when nothing else runs there; memory is the same on every machine.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from bench.databases import KINDS

AT_MOST, AT_LEAST = operator.le, operator.ge
ENGINES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


class Goal(NamedTuple):
    """What a figure of a benchmark must be; `size` is in the first line of the block that has the figure."""

    text: str
    name: str
    size: str
    pattern: str
    bound: float
    is_met: Callable[[float, float], bool] = AT_MOST


RATIO, MEGABYTES = r"^ratio +([\d.]+)", r"^peak memory +(\d+)"
GOALS = (
    Goal("pages: none above 100 ms", "pages", "1,000,000", r"(\d+) above", 0),
    Goal("pages: none grows more than twice", "pages", "1,000,000", r"(\d+) grow", 0),
    Goal("pages: at most 30 statements", "pages", "1,000,000", r"^statements of a page: at most (\d+)", 30),
    Goal("sales order of 500 lines: 6 times one of 10", "pages", "1,000,000", r"^sales-orders of .*: ([\d.]+)", 6),
    Goal("purchase order of 500 lines: 6 times", "pages", "1,000,000", r"^purchase-orders of .*: ([\d.]+)", 6),
    Goal("import: 3.5 times its floor", "import", " 100,000", RATIO, 3.5),
    Goal("import of 1,000,000 lines: 160 MB", "import", "1,000,000", MEGABYTES, 160),
    Goal("allocate: 1.5 times its floor", "allocate", "1,000,000", RATIO, 1.5),
    Goal("allocate 1,000,000 lines: 160 MB", "allocate", "1,000,000", MEGABYTES, 160),
    Goal("preview: 0.6 of its run", "preview", "1,000,000", RATIO, 0.6),
    Goal("rebalance: 1.5 times the making", "rebalance", " 100,000", RATIO, 1.5),
    Goal("receive: twice its floor", "receive", "10,000", RATIO, 2),
    Goal("emails: 0.8 of sending ready bytes", "emails", "10,000", r"; ([\d.]+) to the floor", 0.8, AT_LEAST),
    Goal("a command: 0.6 s of the processor (1.75 floors)", "start", "", RATIO, 1.75),
    Goal("first answer: 1.0 s (2.95 floors)", "start", "", r"the answer: ([\d.]+)", 2.95),
    Goal("a web process: 85 MB", "start", "", r"^web process +(\d+)", 85),
    Goal("Tryton in bulk: 200 times", "peers", "", r"^bulk .* ratio +([\d.]+)", 200, AT_LEAST),
    Goal("Tryton one order at a time: 20 times", "peers", "", r"^one .* ratio +([\d.]+)", 20, AT_LEAST),
)


def goals_met(parts: Mapping[str, str]) -> str:
    """Return a table of the goals, and what the parts of the page, by their headings, found of them."""
    lines = [f"| goal | {' | '.join(ENGINES.values())} |", "|---|---|---|"]
    for goal in GOALS:
        text = parts.get(goal.name.capitalize(), "")
        found = (_found(goal, kind, text) for kind in KINDS)
        lines.append(f"| {goal.text} | {' | '.join(found)} |")
    return "\n".join(lines) + "\n"


def _found(goal: Goal, kind: str, part: str) -> str:
    """Return the figure of a database with whether it meets the goal, or a dash where there is none."""
    for block in re.findall(r"```text\n(.*?)\n```", part, re.DOTALL):
        head = block.partition("\n")[0]
        number = re.search(goal.pattern, block, re.MULTILINE)
        if head.startswith(f"{kind},") and goal.size in head and number:
            return number[1] if goal.is_met(float(number[1]), goal.bound) else f"**{number[1]}**, missed"
    return "–"
