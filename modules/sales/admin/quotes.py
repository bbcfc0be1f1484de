"""Quotes: their screen, and what they hold on the page of a product."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_
from sqlalchemy.orm import Session, joinedload, selectinload

from erp.admin import (
    Action,
    Badge,
    ExtraColumn,
    Facts,
    Panel,
    QuickFilter,
    Screen,
    anchor_of,
    of_each,
    of_text,
    yes_or_no,
)
from erp.text import say
from modules.sales import queries, services
from modules.sales.models import Quote, QuoteLine
from modules.sales.states import QuoteState

_SHOWN = {QuoteState.used: "success", QuoteState.released: "secondary", QuoteState.broken: "danger"}


def _state(quote: Quote) -> Badge:
    """Return whether a quote holds something now, or how it ended."""
    if quote.state is QuoteState.open:
        return Badge("live", "info") if quote.is_live else Badge("expired", "secondary")
    return Badge(quote.state.value, _SHOWN[quote.state])


def _lines(session: Session, quote: Any) -> Mapping[str, Any]:
    lines = quote.lines
    return {
        "lines": lines,
        "names": queries.names_of_supplies(session, [part for line in lines for part in line.parts]),
    }


def _of_product(session: Session, product: Any) -> Mapping[str, Any] | None:
    lines = queries.quotes_of_product(session, product.id)
    if not lines:
        return None
    return {
        "lines": lines,
        "names": queries.names_of_supplies(session, [part for line in lines for part in line.parts]),
    }


def _release(session: Session, quote: Any) -> str:
    return say(
        "{release_quote} is released: what it held is free.", release_quote=services.release_quote(session, quote.id)
    )


def _depends_on(_session: Session, quote: Any) -> Facts:
    return {"state": quote.state}


PRODUCT_PANEL = Panel("Held for quotes", "sales/quoted.html", _of_product, "sales.view", counted="lines")


class QuoteScreen(Screen):
    """What is held for those who have not ordered yet."""

    model = Quote
    view_name = "sales.quote"
    title = "Quotes"
    noun = "quote"
    url = "/sales/quotes"
    icon = "fa-handshake-o"
    can_create = can_edit = can_delete = False
    column_list = ("id", "quoted_at", "expires_at", "wanted_on", "order.number", "user_name")
    column_labels = {
        "id": "Quote",
        "quoted_at": "Quoted at",
        "expires_at": "Held until",
        "wanted_on": "Wanted on",
        "order.number": "Order",
        "user_name": "Quoted by",
    }
    column_formatters = {"id": lambda _screen, _context, quote, _name: quote.name}
    column_filters = (
        *("state", "quoted_at", "expires_at", "wanted_on", "order.number", "user_name"),
        yes_or_no("Live", lambda: and_(Quote.is_live)),
        of_text("Products", queries.skus_of_quote),
    )
    quick_filters = (
        QuickFilter("Live", "live_is", "yes"),
        QuickFilter("Used", "state_is", "used"),
        QuickFilter("Broken", "state_is", "broken"),
    )
    column_searchable_list = ("order.number",)
    column_sortable_list = ("expires_at",)
    sorted_like = {"quoted_at": "id"}
    column_default_sort = ("id", True)
    computed_columns = (
        ExtraColumn("now", "State", of_each(_state)),
        ExtraColumn("products", "Products", of_each(lambda quote: ", ".join(line.product.sku for line in quote.lines))),
    )
    list_loads = (selectinload(Quote.lines).joinedload(QuoteLine.product),)
    header_fields = (
        ("Quoted at", "quoted_at"),
        ("Held until", "expires_at"),
        ("Wanted on", "wanted_on"),
        ("Order", anchor_of("sales.order", "order")),
        ("Quoted by", "user_name"),
        ("What broke it", "why"),
    )
    detail_loads = (
        joinedload(Quote.order),
        selectinload(Quote.lines).joinedload(QuoteLine.product),
        selectinload(Quote.lines).selectinload(QuoteLine.parts),
    )
    panels = (Panel("Promised", "sales/quote_lines.html", _lines),)
    actions = (
        Action(
            name="release",
            label="Release",
            permission="sales.edit",
            run=_release,
            icon="fa-unlock",
            confirm="Release this quote? Nobody can order with its token any more.",
            yes="Release",
            no="Keep it",
            allowed=lambda quote: quote.is_live,
            depends_on=_depends_on,
            help="What it holds is free at once.",
        ),
    )
    empty_message = "Nothing has been quoted yet."

    def badges(self, row: Any) -> list[Badge]:
        """Return whether an open quote holds something now."""
        return [_state(row)] if row.state is QuoteState.open else []
