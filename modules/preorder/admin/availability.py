"""Available to promise: a list of products, and for each its days, what they are made of, and who waits for what."""

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

from erp import clock
from erp.admin import ExtraColumn, Panel, Screen, document_anchor, document_url
from erp.admin.access import screen_session
from erp.admin.fields import as_id, read_quantity
from erp.admin.formatting import day
from erp.db import format_quantity
from modules.inventory_lots.models import Product
from modules.preorder import queries
from modules.preorder.admin.bars import Drawn, Part, draw
from modules.preorder.admin.chart import availability_chart
from modules.preorder.domain import Day


def overview(session: Session, product: Product) -> dict[str, Any]:
    """Return what the panel of a product shows: its ATP as numbers and as a chart."""
    components = queries.components_of(session, product.id)
    return {
        "product": product,
        "components": components,
        "unallocated_incoming": sum((row.outstanding - row.allocated for row in components.incoming), Decimal(0)),
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
    """Return the queue of demand, in order of service: what each line has in stock, on its way, and not at all."""
    parts: list[Part] = []
    for row in queue.demand:
        purchase_allocated = queue.purchase_allocated.get(row.id, Decimal(0))
        remainder = row.open_quantity - row.allocated - purchase_allocated
        url = document_url("sales.order", row.order_id) or ""
        name = f"{row.number}/{row.position}, {row.customer}"
        promised = f", promised {day(row.promise_date)}" if row.promise_date else ""
        parts += [
            Part(quantity, tone, row.number, f"{name}: {format_quantity(quantity)} {unit} {source}{promised}", url)
            for quantity, tone, source in (
                (row.allocated, "stock", "allocated in stock"),
                (purchase_allocated, "purchase_allocated", "purchase_allocated"),
                (remainder, "open", "not covered"),
            )
        ]
    return draw(parts, scale)


def supply_bar(queue: queries.Queue, scale: Decimal, unit: str) -> list[Drawn]:
    """Return the row of supply, over time: stock first, then what is on its way by its date."""
    parts = [
        Part(queue.allocated, "stock", "in stock", f"{format_quantity(queue.allocated)} {unit} in stock, allocated"),
        Part(queue.free, "free", "in stock", f"{format_quantity(queue.free)} {unit} in stock, available"),
    ]
    for row in queue.incoming:
        when = day(row.expected_on) or "no date"
        url = document_url("procurement.purchase_order", row.order_id) or ""
        left = row.outstanding - row.allocated
        name = f"{row.number}/{row.position}, {when}"
        parts += [
            Part(
                row.allocated,
                "purchase_allocated",
                when,
                f"{name}: {format_quantity(row.allocated)} {unit} linked",
                url,
            ),
            Part(left, "free", when, f"{name}: {format_quantity(left)} {unit} available", url),
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
        "today": clock.today(),
        "overdue_too_long": queries.is_overdue_too_long,
    }


def _at(session: Session, rows: Sequence[Product], pick: Any) -> dict[int, Any]:
    days = queries.available_days(session, [row.id for row in rows])
    return {product_id: pick(found) for product_id, found in days.items()}


def _today(session: Session, rows: Sequence[Product]) -> Mapping[int, Any]:
    return _at(session, rows, lambda days: days[0].available_to_promise)


def _in_the_end(session: Session, rows: Sequence[Product]) -> Mapping[int, Any]:
    return _at(session, rows, lambda days: days[-1].available_to_promise)


def _next(session: Session, rows: Sequence[Product]) -> Mapping[int, Any]:
    return _at(session, rows, _first_rise)


def _first_rise(days: Sequence[Day]) -> str:
    rise = next(
        (after for before, after in pairwise(days) if after.available_to_promise > before.available_to_promise), None
    )
    return f"{format_quantity(rise.available_to_promise)} from {day(rise.day)}" if rise else ""


class AvailabilityScreen(Screen):
    """Products with what can still be promised of each."""

    model = Product
    view_name = "preorder.atp"
    title = "ATP"
    noun = "product"
    plural = "products"
    url = "/preorder/atp"
    icon = "fa-line-chart"
    can_create = False
    can_edit = False
    can_delete = False
    can_export = False
    details_template = "preorder/atp.html"
    column_list = ("sku", "name", "unit")
    column_labels = {"sku": "SKU"}
    column_searchable_list = ("sku", "name")
    column_filters = ("sku", "name", "is_active")
    column_default_sort = ("sku", False)
    computed_columns = (
        ExtraColumn("today", "ATP today", _today),
        ExtraColumn("next", "More", _next),
        ExtraColumn("end", "ATP at the horizon", _in_the_end),
    )
    header_fields = (("Product", lambda row: document_anchor("inventory_lots.product", row.id, row)), ("Unit", "unit"))
    panels = (
        Panel("Available to promise", "preorder/atp_days.html", _details),
        Panel("Demand against supply", "preorder/coverage.html", coverage),
    )

    def get_query(self) -> Any:
        """Show what is still sold."""
        return super().get_query().filter(Product.is_active.is_(True))

    def get_count_query(self) -> Any:
        """Count the same rows."""
        return super().get_count_query().filter(Product.is_active.is_(True))

    @expose("/expected/")
    def expected(self) -> ResponseReturnValue:
        """Answer when a quantity of a product can be there, for a form in which a line is typed."""
        product_id = as_id(request.args.get("product", ""))
        try:
            quantity = read_quantity(request.args.get("quantity", "").strip())
        except ValueError:
            return abort(400)
        product = screen_session().get(Product, product_id) if product_id else None
        if product is None or quantity <= 0:
            return abort(404)
        found = queries.expected_ship_date(screen_session(), product.id, quantity)
        return {"date": found.isoformat() if found else None, "text": _message(found)}


def _message(found: date | None) -> str:
    if found is None:
        return "Not available within the horizon."
    return "Available today." if found == clock.today() else f"Expected to ship on {day(found)}."
