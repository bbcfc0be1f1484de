"""Quotes at the HTTP interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session, joinedload

from erp.api import Change, Computed, Create, Field, Input, Kind, Lines, Resource, UnknownName, Values
from erp.db import carried, format_quantity
from modules.inventory_lots.queries import product_ids_by_sku
from modules.sales import queries, services
from modules.sales.api.orders import LINE_INPUTS
from modules.sales.hooks import WantedQuantity
from modules.sales.models import Quote, QuoteLine


@dataclass
class _Tokens:
    """The tokens of the quotes that the session has made: they are answered once, and only their digests are kept."""

    by_quote: dict[int, str] = field(default_factory=dict)


def _quote(session: Session, values: Values) -> int:
    ids = product_ids_by_sku(session, [line["sku"] for line in values["lines"]])
    for line in values["lines"]:
        if line["sku"] not in ids:
            raise UnknownName("sku", "product", line["sku"])
    asked = [WantedQuantity(ids[line["sku"]], line["quantity"]) for line in values["lines"]]
    made = services.make_quote(session, asked, wanted_on=values["wanted_on"])
    carried(session, _Tokens).by_quote[made.id] = made.token
    return made.id


def _tokens(session: Session, quotes: Sequence[Quote]) -> Mapping[int, Any]:
    known = carried(session, _Tokens).by_quote
    return {quote.id: known[quote.id] for quote in quotes if quote.id in known}


def _parts(session: Session, lines: Sequence[QuoteLine]) -> Mapping[int, Any]:
    """Return the dated parts of quotes' lines, by the id of the line."""
    names = queries.names_of_supplies(session, [part for line in lines for part in line.parts])
    return {
        line.id: [
            {
                "quantity": format_quantity(part.quantity),
                "day": part.day.isoformat(),
                "is_in_stock": part.balance_id is not None,
                "supply": names.get((part.supply_kind or "", part.supply_id or 0)),
            }
            for part in line.parts
        ]
        for line in lines
    }


QUOTES = Resource(
    name="quotes",
    title="Quotes",
    noun="quote",
    screen="sales.quote",
    fields=(
        Field("number", "name", kind=Kind.text),
        Field("state"),
        Field("is_live", kind=Kind.switch),
        *map(Field, ("wanted_on", "quoted_at", "expires_at")),
        Field("order", "order.number"),
        Field("why"),
        Computed("token", Kind.text, _tokens, is_secret=True),
    ),
    lines=Lines(
        "lines",
        (
            Field("position"),
            Field("sku", "product.sku"),
            *map(Field, ("quantity", "is_preorder", "promise_date")),
            Field("uncovered", kind=Kind.quantity),
            Computed(
                "parts",
                Kind.objects,
                _parts,
                fields=(
                    Field("quantity", kind=Kind.quantity),
                    Field("day", kind=Kind.day),
                    Field("is_in_stock", kind=Kind.switch),
                    Field("supply", kind=Kind.text, is_nullable=True),
                ),
            ),
        ),
        # A quote is read each time that one is made: by one statement instead of three.
        are_few=True,
    ),
    writes=(
        Create(
            "Hold what can be promised of some products for a while; only this answer has the token",
            "sales.edit",
            _quote,
            inputs=(
                Input("wanted_on", Kind.day, help="The day for which the customer wants it."),
                Input("lines", Kind.objects, is_required=True, fields=LINE_INPUTS[:2]),
            ),
            changes_no_row=True,
        ),
        Change(
            "release",
            "Release what a quote holds",
            "sales.edit",
            lambda session, id, _values: services.release_quote(session, id),
        ),
    ),
    loads=(joinedload(Quote.lines).joinedload(QuoteLine.parts),),
)
