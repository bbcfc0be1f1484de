"""Numbers as the company writes them: the separators of the option `locale`, amounts in the option `currency`.

Without a locale they are written as in CSV files: a point before the decimals, and nothing between thousands.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

from babel import Locale
from babel.numbers import (
    NumberPattern,
    format_compact_decimal,
    get_decimal_symbol,
    get_group_symbol,
    parse_pattern,
)
from flask import has_app_context

from erp.db import PLACES, format_quantity
from erp.languages import locale
from erp.options import options
from erp.text import say

CENTS = 2
TEN_THOUSAND = 10_000


def quantity(value: Decimal | None) -> str:
    """Return a number without trailing zeros."""
    name = _locale()
    return format_quantity(value) if value is None or not name else _pattern(name, 0).apply(value, name)


def short(value: Decimal) -> str:
    """Return a number for a place with little room: from ten thousand on rounded, such as `14.3K`."""
    if abs(value) < TEN_THOUSAND:
        return quantity(value)
    shown = format_compact_decimal(value, locale=_locale() or "en", fraction_digits=1)
    # German shortens from a million on, and has no separators below it.
    return quantity(round(value, 0)) if shown.lstrip("-").isdecimal() else shown


def amount(value: Decimal | None) -> str:
    """Return an amount of money with at least two decimals, without its currency."""
    name = _locale()
    return plain_amount(value) if value is None or not name else _pattern(name, CENTS).apply(value, name)


def money(value: Decimal | None) -> str:
    """Return an amount with at least two decimals and the company's currency."""
    currency = options.erp.currency if value is not None and has_app_context() else ""
    return f"{amount(value)}\N{NO-BREAK SPACE}{currency}" if currency else amount(value)


def plain_amount(value: Decimal | None) -> str:
    """Return an amount with at least two decimals as files have it."""
    if value is None:
        return ""
    whole, _, cents = format_quantity(value).partition(".")
    return f"{whole}.{cents.ljust(CENTS, '0')}"


def as_typed(plain: str) -> str:
    """Return a plain number as a field shows it: with the decimal separator of the locale."""
    name = _locale()
    return plain.replace(".", _symbols(name)[0]) if name else plain


def as_plain(typed: str) -> str:
    """Return a number that was typed as a plain one; raise ValueError where thousands may be meant.

    A point is read as the decimal separator in every locale, except where it would also separate thousands.
    """
    name = _locale()
    if not name:
        return typed
    decimal, group = _symbols(name)
    if group == "." and re.fullmatch(r"-?[0-9]{1,3}(\.[0-9]{3})+", typed):
        raise ValueError(
            say("Enter a number without separators of thousands, such as 1200 or 2{decimal}5.", decimal=decimal)
        )
    return typed.replace(decimal, ".")


def _locale() -> str:
    return locale() if has_app_context() else ""


@lru_cache(maxsize=20)
def _symbols(name: str) -> tuple[str, str]:
    return get_decimal_symbol(name), get_group_symbol(name)


@lru_cache(maxsize=20)
def _pattern(name: str, decimals: int) -> NumberPattern:
    """Return how a locale writes numbers with at least so many decimals, and at most as many as are exact."""
    pattern = parse_pattern(Locale.parse(name).decimal_formats[None].pattern)
    pattern.frac_prec = (decimals, PLACES)
    return pattern
