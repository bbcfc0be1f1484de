"""The tasks of the table in docs/clerk.md: how many clicks and pages each may take."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser.conftest import Clerk

GUIDE = Path(__file__).parents[2] / "docs/clerk.md"
ROW = re.compile(r"^\| (?P<task>[A-Z][^|]+?) \| (?P<clicks>\d+) \| (?P<pages>\d+) \|", re.MULTILINE)
COUNT_CLICKS = """
    window.countsClicks = true;
    addEventListener("pointerdown", () => sessionStorage.clicks = Number(sessionStorage.clicks || 0) + 1, true);
"""
CLICKS = "Number(sessionStorage.clicks || 0)"


def bounds() -> dict[str, tuple[int, int]]:
    """Return the clicks and the pages that each task of the table may take."""
    found = ROW.finditer(GUIDE.read_text())
    return {row["task"]: (int(row["clicks"]), int(row["pages"])) for row in found}


@contextmanager
def task(clerk: Clerk, name: str) -> Iterator[None]:
    """Do a task of the table inside: it takes as many clicks and pages as the table says, not more and not fewer."""
    page, loads = clerk.page, []

    def count(_page: object) -> None:
        loads.append(page.url)

    if not page.evaluate("window.countsClicks || false"):
        page.add_init_script(COUNT_CLICKS)
        page.reload()
    before = page.evaluate(CLICKS)
    page.on("load", count)
    yield
    page.wait_for_load_state()
    page.remove_listener("load", count)
    clicks = page.evaluate(CLICKS) - before
    assert (clicks, len(loads)) == bounds()[name], (clicks, loads)
