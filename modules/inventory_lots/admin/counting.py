"""The page that counts a location: what was found of each lot there, typed or scanned."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import request
from sqlalchemy.orm import Session
from typing_extensions import override
from wtforms import BooleanField, Form, StringField
from wtforms.validators import InputRequired, Length

from erp.admin import Facts, FormPage
from erp.admin.fields import read_quantity
from erp.db import format_quantity
from erp.errors import BadNumber
from erp.text import joined, plural, say
from modules.inventory_lots import queries, services
from modules.inventory_lots.errors import ManyRefused, NothingCounted
from modules.inventory_lots.models import Location
from modules.inventory_lots.services import Count

MOST_ROWS = 500


class CountForm(Form):
    """Why the stock differs."""

    reason = StringField("Reason", [InputRequired("Say why the stock may differ."), Length(max=500)], default="Counted")
    release = BooleanField(
        "Release allocations",
        description="Where less is there than is allocated, the latest orders in the queue lose theirs first.",
    )


@dataclass(frozen=True)
class Counted:
    """A row of the page with what was typed there."""

    row: Any
    quantity: Decimal


class CountLocation(FormPage):
    """Asks what was found of each lot at a location; an empty quantity was not counted."""

    name = "count"
    title = "Count"
    permission = "inventory_lots.adjust"
    icon = "fa-barcode"
    button = "Save the count"
    template = "inventory_lots/count.html"
    form_class = CountForm
    help = "Scan or type what is there. What you leave empty was not counted and stays as it is."

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        return {"location": row.path}

    @override
    def depends_on_rows(self, session: Session, row: Any) -> Mapping[str, Facts]:
        rows, _ = queries.stock_at(session, row.id, MOST_ROWS)
        return {each.key: {say("on hand"): each.on_hand, "allocated": each.allocated} for each in rows}

    @override
    def concerned(self, row: Any, form: Any) -> Collection[str]:
        sent = request.form.items()
        return [name.removeprefix("counted-") for name, text in sent if name.startswith("counted-") and text.strip()]

    @override
    def context(self, session: Session, row: Any) -> dict[str, Any]:
        rows, is_cut = queries.stock_at(session, row.id, MOST_ROWS)
        return {"stock": rows, "typed": request.form, "is_cut": is_cut}

    @override
    def do(self, session: Session, row: Any, form: Any) -> str:
        counted = _counted(queries.stock_at(session, row.id, MOST_ROWS)[0])
        if not counted:
            raise NothingCounted(location=row.path)
        different = [each for each in counted if each.quantity != each.row.on_hand]
        try:
            services.adjust_many(session, _counts(row, different), reason=form.reason.data, release=form.release.data)
        except ManyRefused as refused:
            raise refused.refusals[min(refused.refusals)] from None
        return _message(row, counted, different)


def _counted(stock: Sequence[Any]) -> list[Counted]:
    """Return the rows with a quantity; raise BadNumber for one that is none."""
    found = []
    for row in stock:
        text = request.form.get(f"counted-{row.key}", "").strip()
        if text:
            found.append(Counted(row, _quantity(row, text)))
    return found


def _quantity(row: Any, text: str) -> Decimal:
    try:
        value = read_quantity(text)
    except ValueError as error:
        raise BadNumber(text, say("is not what was counted of {name}: {error}", name=row.name, error=error)) from None
    if value < 0:
        raise BadNumber(text, say("is not what was counted of {name}: it is below 0", name=row.name))
    return value


def _counts(location: Location, counted: Sequence[Counted]) -> list[Count]:
    return [Count(each.row.product_id, location.id, each.quantity, each.row.lot_number) for each in counted]


def _message(location: Location, counted: Sequence[Counted], different: Sequence[Counted]) -> str:
    changes = [
        say(
            "{name} from {on_hand} to {quantity}",
            name=each.row.name,
            on_hand=format_quantity(each.row.on_hand),
            quantity=format_quantity(each.quantity),
        )
        for each in different[:5]
    ]
    more = say(" and {different} more", different=len(different) - 5) if len(different) > 5 else ""
    found = (
        say(" Changed: {changes}{more}.", changes=joined(changes, ", "), more=more)
        if different
        else say(" There was no difference.")
    )
    return say("{lines} of {path} counted.{found}", lines=plural(len(counted), "line"), path=location.path, found=found)
