"""Unallocated lines: those with need that purchase orders do not cover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session, selectinload
from typing_extensions import override

from erp.admin import Badge, ExtraColumn, QuickFilter
from erp.admin.access import screen_session
from erp.text import joined, say
from modules.preorder import queries
from modules.preorder.admin.filters import KIND_FILTERS, LINE_FILTERS, NOT_COVERED_FILTERS
from modules.preorder.admin.many_lines import ALLOCATE, LINE_LIST_ACTIONS
from modules.preorder.admin.order_lines import OrderLineScreen
from modules.sales.models import OrderLine


def _kind(session: Session, lines: Sequence[OrderLine]) -> Mapping[int, Any]:
    return {line.id: row.kind for line in lines for row in line.backorders if row.is_open}


def _on_purchase_orders(session: Session, lines: Sequence[OrderLine]) -> dict[int, Decimal]:
    allocated = queries.purchase_allocated(session, [line.id for line in lines])
    return {line.id: allocated.get(line.id, Decimal(0)) for line in lines}


def _not_covered(session: Session, lines: Sequence[OrderLine]) -> Mapping[int, Any]:
    allocated = _on_purchase_orders(session, lines)
    return {line.id: line.need - allocated[line.id] for line in lines}


def _available(session: Session, lines: Sequence[OrderLine]) -> Mapping[int, Any]:
    available = queries.available_by_product(session, {line.product_id for line in lines})
    return {line.id: available.get(line.product_id, Decimal(0)) for line in lines}


def _held(session: Session, lines: Sequence[OrderLine]) -> Mapping[int, Any]:
    return {line.id: Badge("held", "warning") for line in lines if line.hold_allocation}


class UnallocatedLineScreen(OrderLineScreen):
    """Lines with need that purchase orders do not cover, held ones among them, for a clerk to allocate."""

    view_name = "preorder.unallocated"
    title = "Unallocated lines"
    noun = "unallocated line"
    url = "/preorder/unallocated"
    icon = "fa-chain-broken"
    is_computed = True
    list_loads = (selectinload(OrderLine.backorders),)
    column_list = ("order.number", "order.customer", "order.ordered_at", "product")
    column_labels = {**OrderLineScreen.column_labels, "hold_allocation": "Held", "is_preorder": "Preorder"}
    column_filters = (
        *("is_preorder", "hold_allocation", "order.number", "order.customer.name", "order.ordered_at"),
        *("product.sku", "product.name", *LINE_FILTERS, *NOT_COVERED_FILTERS, *KIND_FILTERS),
    )
    quick_filters = (
        QuickFilter("Held", "held_is", "1"),
        QuickFilter("Preorders", "preorder_is", "1"),
    )
    list_actions = (replace(ALLOCATE, of_one="Allocate", style="primary"), *LINE_LIST_ACTIONS[1:])
    computed_columns = (
        ExtraColumn("kind", "Kind", _kind),
        ExtraColumn("purchase_allocated", "On purchase orders", _on_purchase_orders),
        ExtraColumn("not_covered", "Not covered", _not_covered),
        ExtraColumn("incoming", "Available", _available),
        ExtraColumn("held", "Held", _held),
    )

    @property
    def empty_message(self) -> str:  # type: ignore[override]
        """Return what holds of all open lines when none is listed."""
        session, covered = screen_session(), say("Stock and purchase orders cover every open line")
        but = [say("those that are scheduled for later")] if queries.has_scheduled_lines(session) else []
        if queries.has_open_serial_lines(session):
            but.append(say("those with serial numbers, which are asked for when they are packed"))
        return (
            say("{covered} but {but}.", covered=covered, but=joined(but, say(" and ")))
            if but
            else say("{covered}.", covered=covered)
        )

    @override
    def condition(self) -> Any:
        return queries.is_unallocated()
