"""Charts of stacked bars, drawn on the server as SVG: nothing is fetched and nothing runs in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from erp.admin.dashboard_parts import Bar
from erp.admin.numerals import quantity, short
from erp.text import joined, say, word

HEIGHT = Decimal(100)
PLACES = Decimal("0.01")


@dataclass(frozen=True)
class DrawnPart:
    """A part of a bar: its tone, and where it begins and how high it is, in percent of the chart from above."""

    tone: str
    y: Decimal
    height: Decimal
    note: str


@dataclass(frozen=True)
class DrawnBar:
    """A bar with its parts, the text below it, its whole as a short number, and the address of the list behind it."""

    label: str
    whole: str
    parts: Sequence[DrawnPart]
    url: str
    note: str


def drawn(series: Sequence[tuple[str, str]], bars: Sequence[Bar]) -> list[DrawnBar]:
    """Return bars ready to draw, the highest as high as the chart; the first series stands at the bottom."""
    highest = max((_whole(bar) for bar in bars), default=Decimal(0))
    return [_drawn_bar(series, bar, highest) for bar in bars]


def _whole(bar: Bar) -> Decimal:
    return sum((Decimal(value) for value in bar.parts.values()), Decimal(0))


def _drawn_bar(series: Sequence[tuple[str, str]], bar: Bar, highest: Decimal) -> DrawnBar:
    parts, bottom = [], HEIGHT
    for name, tone in series:
        value = Decimal(bar.parts.get(name, 0))
        if value > 0:
            height = (value * HEIGHT / highest).quantize(PLACES)
            bottom -= height
            parts.append(DrawnPart(tone, bottom, height, joined((quantity(value), word(name)))))
    text = joined((part.note for part in parts), ", ") if parts else say("nothing")
    return DrawnBar(bar.label, short(_whole(bar)), parts, bar.url, joined((bar.label, text), ": "))
