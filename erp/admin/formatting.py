"""How pages show values: badges, numbers, dates and links to documents."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, current_app, request, url_for
from markupsafe import Markup, escape

from erp import clock
from erp.admin.declarations import Badge
from erp.admin.numerals import money, quantity
from erp.db import MOST_COUNTED, Scaled, format_quantity
from erp.languages import reader as find_reader
from erp.text import Translatable, capital, named, say, word

TONES = {
    "success": (
        "done",
        "enabled",
        "sent",
        "allocated",
        "received",
        "packed",
        "active",
        "yes",
        "ready",
        "purchase_allocated",
        "covered",
    ),
    "info": (
        "confirmed",
        "ordered",
        "open",
        "running",
        "sending",
        "pending",
        "stock",
        "lot",
        "receipt",
        "preorder",
        "scheduled",
    ),
    "warning": (
        "partly_received",
        "part_allocated",
        "part_packed",
        "part_covered",
        "backorder",
        "upgrading",
        "installing",
        "uninstalling",
        "late",
        "on_hold",
        "quarantine",
        "uncertain",
        "needs_review",
        "paused",
        "lost",
        "manual",
    ),
    "danger": ("failed", "broken", "expired", "shortage"),
}
_TONE_OF = {word: tone for tone, words in TONES.items() for word in words}


def words(name: str) -> Translatable:
    """Return an identifier as words: `partly_received` is `Partly received`."""
    if isinstance(name, Translatable):
        return capital(name)
    text = name.replace("_", " ").strip()
    return named(text[:1].upper() + text[1:])


def badge(value: Any, tone: str = "") -> Markup:
    """Return a state as a coloured word."""
    if value is None or value == "":
        return Markup()
    if isinstance(value, Badge):
        return badge(value.text, value.tone)
    if isinstance(value, Translatable):
        return _badge(value, tone)
    name = str(value.value if isinstance(value, Enum) else value)
    return _badge(name, tone) if find_reader() else _english_badge(name, tone)


def _badge(name: str, tone: str) -> Markup:
    tone = tone or _TONE_OF.get(name.replace(" ", "_").lower(), "neutral")
    # A page has thousands of these: `Markup.format` would parse its text for each.
    return Markup(f'<span class="erp-badge erp-badge-{escape(tone)}">{escape(words(name))}</span>')


_english_badge = lru_cache(maxsize=500)(_badge)


def day(value: date | None) -> str:
    """Return a calendar date such as 07 Mar 2026, as the reader's language writes it."""
    reader = find_reader()
    return "" if value is None else reader.day(value) if reader else f"{value:%d %b %Y}"


def short_day(value: date) -> str:
    """Return a day without its year, such as 07 Mar, for a picture."""
    reader = find_reader()
    return reader.short_day(value) if reader else f"{value:%d %b}"


def instant(value: datetime | None) -> str:
    """Return an instant in the company's time zone, to the minute."""
    reader = find_reader()
    if value is None:
        return ""
    return reader.instant(clock.local(value)) if reader else f"{clock.local(value):%d %b %Y %H:%M}"


def thousands(value: int) -> str:
    """Return a whole number with separators of thousands."""
    reader = find_reader()
    return reader.number(value) if reader else f"{value:,}"


def counted(count: int) -> int | str:
    """Return a bounded count as a card of the dashboard shows it: `10,000+` where there are more."""
    return f"{thousands(MOST_COUNTED)}+" if count > MOST_COUNTED else count


def is_number(value: Any) -> bool:
    """Say whether a value is aligned to the right."""
    return isinstance(value, Decimal | int) and not isinstance(value, bool)


def cell(value: Any) -> Any:
    """Return any value ready for a page; text is escaped by the template."""
    if value is None:
        return ""
    kind: Any = type(value)
    show = _formatter_of(kind)
    return show(value) if show else value


def yes_or_no(value: bool) -> Markup:
    """Return a switch as a word."""
    return _YES.format(named("yes")) if value else _NO.format(named("no"))


_YES = Markup('<span class="text-success">{}</span>')
_NO = Markup('<span class="text-muted">{}</span>')


_FORMATTERS: tuple[tuple[type[Any], Callable[[Any], Any]], ...] = (
    (Markup, lambda value: value),
    (bool, yes_or_no),
    (Badge, badge),
    (Enum, badge),
    (Decimal, quantity),
    (datetime, instant),
    (date, day),
)


@lru_cache
def _formatter_of(kind: type[Any]) -> Callable[[Any], Any] | None:
    return next((show for known, show in _FORMATTERS if issubclass(kind, known)), None)


def plain(value: Any) -> str:
    """Return a value for a CSV file: exact, unambiguous, and never a spreadsheet formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return format_quantity(value)
    if isinstance(value, datetime):
        return f"{clock.local(value):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int):
        return str(value)
    text = Markup(value).striptags() if isinstance(value, Markup) else str(getattr(value, "value", value))
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def cell_of_type(value: Any, type_: Any) -> Any:
    """Return the value of a column of this type ready for a page: money has at least two decimals."""
    return money(value) if type(type_).__name__ == "Money" and isinstance(value, Decimal) else cell(value)


def is_numeric_type(type_: Any) -> bool:
    """Say whether a column of this type is aligned to the right."""
    return isinstance(type_, Scaled) or getattr(type_, "python_type", None) is int


def anchor(url: str | None, text: Any) -> Markup:
    """Return a link, or the text alone where there is nowhere to go."""
    return Markup(f'<a href="{escape(below_prefix(url))}">{escape(text)}</a>') if url else escape(text)


def below_prefix(url: str) -> str:
    """Return an address of this application below the path prefix that a proxy has given the request."""
    root = request.script_root
    return f"{root}{url}" if url.startswith("/") and not url.startswith(f"{root}/") else url


def follow(item: Any, path: str) -> Any:
    """Return what is at the end of a dotted path of attributes or keys, None where a part of it is missing."""
    for part in path.split("."):
        item = item.get(part) if isinstance(item, dict) else getattr(item, part, None)
    return item


def line_heading(line: Any) -> str:
    """Return which line of which document a page is about: `SO00001, line 2: [LAMP] Desk lamp`."""
    return say("{order}, line {line}: {product}", order=line.order.name, line=line.position, product=line.product)


def add_filters(app: Flask) -> None:
    """Give the templates these formats as filters and functions."""
    app.jinja_env.filters.update(
        badge=badge, quantity=quantity, money=money, day=day, instant=instant, cell=cell, words=words
    )
    app.jinja_env.filters["below_prefix"] = below_prefix
    app.jinja_env.filters["thousands"] = thousands
    app.jinja_env.filters.update(capital=capital, word=word)
    app.jinja_env.tests["number"] = is_number
    app.jinja_env.globals.update(badge=badge, anchor=anchor, asset=_asset)


def _asset(name: str) -> str:
    """Return a static file's address, which changes when the file does, so that browsers may keep it."""
    folder = Path(current_app.static_folder or "")
    return url_for("static", filename=name, v=int((folder / name).stat().st_mtime))
