"""Available to promise: a list of products, and for each its days, its components, and demand against supply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

from flask import abort, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy.orm import Session
from typing_extensions import override

from erp import clock
from erp.admin import ExtraColumn, Panel, Screen, document_anchor, document_url
from erp.admin.access import only_read, screen_session
from erp.admin.fields import as_id, read_quantity
from erp.admin.formatting import day
from erp.db import format_quantity, one_moment
from erp.errors import ErpError
from erp.text import joined, say, translated
from modules.inventory_lots.models import Product
from modules.preorder import queries
from modules.preorder.admin.bars import Drawn, Part, draw
from modules.preorder.admin.chart import availability_chart
from modules.preorder.admin.hints import hint_text, read_order
from modules.preorder.admin.what_if import ask, shown_answer
from modules.preorder.domain import Day


def overview(session: Session, product: Product) -> dict[str, Any]:
    """Return what the panel of a product shows: its ATP as numbers and as a chart."""
    components = queries.components_of(session, product.id)
    return {
        "product": product,
        "components": components,
        "unallocated": sum((row.outstanding - row.allocated - row.held for row in components.incoming), Decimal(0)),
        "chart": availability_chart(components.days),
    }


def turning_days(days: Sequence[Day]) -> list[Day]:
    """Return the first day and those on which a number changes."""
    changed = [
        after
        for before, after in pairwise(days)
        if (before.projected, before.available_to_promise) != (after.projected, after.available_to_promise)
    ]
    return [*days[:1], *changed]


def demand_bar(queue: queries.Queue, scale: Decimal, unit: str) -> list[Drawn]:
    """Return demand in order of service: what each line has in stock, on purchase orders, and not covered."""
    parts: list[Part] = []
    for row in queue.demand:
        incoming = queue.purchase_allocated.get(row.id, Decimal(0))
        uncovered = row.open_quantity - row.allocated - incoming
        url = document_url("sales.order", row.order_id) or ""
        name = f"{row.number}/{row.position}, {row.customer}"
        promised = say(", promised {promise_date}", promise_date=day(row.promise_date)) if row.promise_date else ""
        parts += [
            Part(
                quantity,
                tone,
                row.number,
                say(
                    "{name}: {quantity} {unit} {source}{promised}",
                    name=name,
                    quantity=format_quantity(quantity),
                    unit=unit,
                    source=source,
                    promised=promised,
                ),
                url,
            )
            for quantity, tone, source in (
                (row.allocated, "stock", say("allocated in stock")),
                (incoming, "incoming", say("on purchase orders")),
                (uncovered, "open", say("not covered")),
            )
        ]
    return draw(parts, scale)


def supply_bar(queue: queries.Queue, scale: Decimal, unit: str) -> list[Drawn]:
    """Return supply over time: stock first, then purchase order lines by their date."""
    allocated, free = format_quantity(queue.allocated), format_quantity(queue.free)
    allocated_text = say("{allocated} {unit} in stock, allocated", allocated=allocated, unit=unit)
    free_text = say("{free} {unit} in stock, available", free=free, unit=unit)
    parts = [
        Part(queue.allocated, "stock", say("in stock"), allocated_text),
        Part(queue.free, "free", say("in stock"), free_text),
    ]
    for row in queue.incoming:
        when = day(row.expected_on) or say("no date")
        url = document_url("procurement.purchase_order", row.order_id) or ""
        left = row.outstanding - row.allocated - row.held
        name = joined((f"{row.number}/{row.position}", when), ", ")
        allocated, held = format_quantity(row.allocated), format_quantity(row.held)
        allocated_text = say("{name}: {allocated} {unit} allocated", name=name, allocated=allocated, unit=unit)
        held_text = say("{name}: {held} {unit} held for quotes", name=name, held=held, unit=unit)
        free_text = say("{name}: {left} {unit} available", name=name, left=format_quantity(left), unit=unit)
        parts += [
            Part(row.allocated, "incoming", when, allocated_text, url),
            Part(row.held, "stock", when, held_text, url),
            Part(left, "free", when, free_text, url),
        ]
    return draw(parts, scale)


def coverage(session: Session, product: Product) -> dict[str, Any]:
    """Return a product's demand and supply as two bars on one scale."""
    queue = queries.queue_of(session, product.id)
    wanted = sum((row.open_quantity for row in queue.demand), Decimal(0))
    there = queue.allocated + queue.free + sum((row.outstanding for row in queue.incoming), Decimal(0))
    scale = max(wanted, there) or Decimal(1)
    return {
        "queue": queue,
        "wanted": wanted,
        "there": there,
        "demand": demand_bar(queue, scale, product.unit),
        "supply": supply_bar(queue, scale, product.unit),
        "product": product,
    }


def _details(session: Session, product: Product) -> Mapping[str, Any]:
    found = overview(session, product)
    return found | {
        "days": turning_days(found["components"].days),
        "arrivals": queries.arrivals_now(),
    }


def _at(session: Session, rows: Sequence[Product], pick: Any) -> dict[int, Any]:
    days = queries.available_days(session, [row.id for row in rows])
    return {product_id: pick(found) for product_id, found in days.items()}


def _today(session: Session, rows: Sequence[Product]) -> Mapping[int, Any]:
    return _at(session, rows, lambda days: days[0].available_to_promise)


def _at_the_horizon(session: Session, rows: Sequence[Product]) -> Mapping[int, Any]:
    return _at(session, rows, lambda days: days[-1].available_to_promise)


def _next(session: Session, rows: Sequence[Product]) -> Mapping[int, Any]:
    return _at(session, rows, _first_rise)


def _first_rise(days: Sequence[Day]) -> str:
    rise = next(
        (after for before, after in pairwise(days) if after.available_to_promise > before.available_to_promise), None
    )
    return (
        say(
            "{available_to_promise} from {day}",
            available_to_promise=format_quantity(rise.available_to_promise),
            day=day(rise.day),
        )
        if rise
        else ""
    )


class AvailabilityScreen(Screen):
    """Products with what can still be promised of each."""

    model = Product
    view_name = "preorder.atp"
    title = "ATP"
    noun = "product"
    plural = "products"
    url = "/preorder/atp"
    icon = "fa-line-chart"
    needs_no_version = {"hint_view": "It changes nothing.", "what_if_view": "It changes nothing."}
    can_export = False
    can_create = can_edit = can_delete = False
    details_template = "preorder/availability.html"
    column_list = ("sku", "name", "unit")
    column_labels = {"sku": "SKU"}
    column_searchable_list = ("sku", "name")
    column_filters = ("sku", "name", "is_active")
    column_default_sort = ("sku", False)
    computed_columns = (
        ExtraColumn("today", "ATP today", _today),
        ExtraColumn("next", "More", _next),
        ExtraColumn("end", "ATP at the horizon", _at_the_horizon),
    )
    header_fields = (("Product", lambda row: document_anchor("inventory_lots.product", row.id, row)), ("Unit", "unit"))
    panels = (
        Panel("Available to promise", "preorder/availability_days.html", _details),
        Panel("Demand against supply", "preorder/coverage.html", coverage),
    )

    @override
    def condition(self) -> Any:
        return Product.is_active.is_(True)

    @expose("/hint/", methods=("POST",))
    def hint_view(self) -> ResponseReturnValue:
        """Answer what confirming the order that is being typed would give each of its lines; nothing is changed."""
        asked = read_order(request.form.get("order", ""))
        if asked is None:
            return abort(400)
        session = screen_session()
        with one_moment(session):
            return {"lines": [translated(hint_text(hint)) for hint in queries.hints(session, asked)]}

    @expose("/what-if/", methods=("POST",))
    def what_if_view(self) -> ResponseReturnValue:
        """Show what the order that is being typed would get as a rush order, and from whom; nothing is changed."""
        text = request.form.get("order", "")
        asked = read_order(text)
        if asked is None:
            return abort(400)
        session, ticked = screen_session(), queries.read_remedies(request.form.getlist("tick"))
        try:
            answer = ask(session, queries.RushQuestion(asked), ticked)
        except ErpError as error:
            only_read()
            return self.render("preorder/what_if_typed.html", refusal=str(error), answer=None), 409
        shown = shown_answer(session, answer)
        return self.render("preorder/what_if_typed.html", refusal="", asked={"order": text}, **shown)

    @expose("/expected/")
    def expected(self) -> ResponseReturnValue:
        """Answer from which day on a quantity of a product can be promised."""
        product_id = as_id(request.args.get("product", ""))
        try:
            quantity = read_quantity(request.args.get("quantity", "").strip())
        except ValueError:
            return abort(400)
        product = screen_session().get(Product, product_id) if product_id else None
        if product is None or quantity <= 0:
            return abort(404)
        found = queries.expected_ship_date(screen_session(), product.id, quantity)
        return {"date": found.isoformat() if found else None, "text": translated(_ship_date_text(found))}


def _ship_date_text(found: date | None) -> str:
    if found is None:
        return say("Not available within the horizon.")
    return say("Available today.") if found == clock.today() else say("Expected to ship on {found}.", found=day(found))
