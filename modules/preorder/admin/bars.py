"""Bars of coverage: quantities next to each other, drawn by a template as SVG."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

HUNDRED = Decimal(100)
PLACES = Decimal("0.001")
READABLE = Decimal(7)


@dataclass(frozen=True)
class Part:
    """A quantity of a bar. `tone` is done, stock, incoming, free, open or gone; `note` is its tooltip."""

    quantity: Decimal
    tone: str
    text: str
    note: str
    url: str = ""


@dataclass(frozen=True)
class Drawn:
    """A part and its place in the bar, in percent of the bar's width."""

    part: Part
    x: Decimal
    width: Decimal

    @property
    def has_room(self) -> bool:
        """Whether its text fits in."""
        return self.width >= READABLE


def draw(parts: Iterable[Part], scale: Decimal | None = None) -> list[Drawn]:
    """Return the parts next to each other; the whole width is their sum, or `scale` where bars are compared."""
    shown = [part for part in parts if part.quantity > 0]
    whole = scale or sum((part.quantity for part in shown), Decimal(0))
    drawn: list[Drawn] = []
    x = Decimal(0)
    for part in shown:
        width = (part.quantity * HUNDRED / whole).quantize(PLACES)
        drawn.append(Drawn(part, x, width))
        x += width
    return drawn
