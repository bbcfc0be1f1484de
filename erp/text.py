"""Small pieces of English that many sentences need."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """A sentence about what an action would do, what introduces it, and the path of a page that shows an example."""

    label: str
    text: str
    path: str = ""


def plural(number: int, noun: str, many: str = "") -> str:
    """Return the number and the noun that goes with it: `1 line`, `2 lines`, `1,200 lines`.

    `many` is the plural of a noun that does not just take an s.
    """
    return f"{number:,} {noun if number == 1 else many or f'{noun}s'}"
