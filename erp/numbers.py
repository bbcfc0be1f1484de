"""Exact numbers: Decimal in Python, raw units of 10⁻⁴ in the database and in plans over many rows.

A raw number is an int: 10000 stands for 1. A column of type Quantity or Money is raw in the database, in bulk
statements and in `read_rows`; the session reads and writes it as a Decimal.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from decimal import Decimal
from functools import lru_cache
from typing import TypeVar

from erp.errors import BadNumber
from erp.text import Figure, Translatable, say

PLACES = 4
SCALE = 10**PLACES
LIMIT = Decimal(1_000_000_000)

K = TypeVar("K", bound=Hashable)
N = TypeVar("N", int, Decimal)


# The same quantities come again and again. A float that is equal to one of them is refused all the same.
@lru_cache(maxsize=10_000, typed=True)
def to_raw(value: Decimal | int) -> int:
    """Return the raw number of `value` (value × 10⁴).

    Raises BadNumber for a fifth decimal or a value outside ±1,000,000,000 × 10⁴; a float is a bug.
    """
    if isinstance(value, float):
        raise TypeError("a float is not exact; use Decimal")
    scaled = Decimal(value) * SCALE
    if scaled != scaled.to_integral_value():
        raise BadNumber(value, say("has more than {PLACES} decimals", PLACES=PLACES))
    if abs(scaled) >= 2**63:
        raise BadNumber(value, say("is too large"))
    return int(scaled)


@lru_cache(maxsize=10_000)
def from_raw(value: int) -> Decimal:
    """Return the exact number of a raw one."""
    return Decimal(int(value)).scaleb(-PLACES)


def format_quantity(value: Decimal | None) -> str:
    """Write a number without trailing zeros and without exponent; nothing for None."""
    if value is None:
        return ""
    text = f"{value:f}"
    return Figure(text.rstrip("0").rstrip(".") if "." in text else text)


def sums(parts: Iterable[tuple[K, N]]) -> dict[K, N]:
    """Return the sum of the quantities of each key, in the order in which the keys first appear."""
    found: dict[K, N] = {}
    for key, quantity in parts:
        found[key] = found[key] + quantity if key in found else quantity
    return found


def plural_quantity(quantity: Decimal, noun: str) -> Translatable:
    """Return a quantity without trailing zeros and the noun that goes with it: `1 unit`, `2.5 units`."""
    given = {"quantity": format_quantity(quantity)}
    return Translatable(f"{{quantity}} {noun}", given, f"{{quantity}} {noun}s", 1 if quantity == 1 else 2)
