"""Exact numbers: how a quantity or an amount is kept, and how it is written."""

from __future__ import annotations

from decimal import Decimal

from erp.errors import BadNumber

PLACES = 4
SCALE = 10**PLACES
LIMIT = Decimal(1_000_000_000)


def to_raw(value: Decimal | int) -> int:
    """Return the integer that stands for `value` in the database (value × 10⁴).

    Raises BadNumber for a fifth decimal or a value outside ±1,000,000,000 × 10⁴; a float is a bug.
    """
    if isinstance(value, float):
        raise TypeError("a float is not exact; use Decimal")
    scaled = Decimal(value) * SCALE
    if scaled != scaled.to_integral_value():
        raise BadNumber(value, f"has more than {PLACES} decimals")
    if abs(scaled) >= 2**63:
        raise BadNumber(value, "is too large")
    return int(scaled)


def from_raw(value: int) -> Decimal:
    """Return the exact number that the database keeps as `value`."""
    return Decimal(int(value)).scaleb(-PLACES)


def format_quantity(value: Decimal | None) -> str:
    """Write a number without trailing zeros and without exponent; nothing for None."""
    if value is None:
        return ""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
