"""Work queues of preorder: what supply waits for, what is late or never promised, and for whom goods arrived today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time
from typing import Any

from flask_admin.model.base import ViewArgs
from sqlalchemy import ColumnElement, and_, or_, select, union
from sqlalchemy.orm import Session, joinedload
from typing_extensions import override

from erp import clock
from erp.admin import BulkAction, Effect, ExtraColumn, Facts, Screen, WorkQueue, document_url, of_each
from erp.admin.access import screen_session
from erp.text import say, verb
from modules.preorder import queries
from modules.preorder.admin.filters import LINE_FILTERS, OPEN_FILTERS
from modules.preorder.admin.many_lines import ALLOCATE, HOLD, LINE_LIST_ACTIONS
from modules.preorder.admin.many_promises import PROMISE_LINES
from modules.preorder.admin.order_lines import OrderLineScreen
from modules.preorder.models import Conversion, PurchaseAllocation
from modules.procurement.models import PurchaseOrderLine, Receipt
from modules.sales.models import Allocation, Order, OrderLine
from modules.sales.queries import is_in_confirmed_order, order_quantities
from modules.sales.services import pack_orders


def _needs() -> ColumnElement[bool]:
    return and_(_is_open(), OrderLine.has_need)  # the first finds the index of open lines


def _is_open() -> ColumnElement[bool]:
    return and_(OrderLine.is_open, is_in_confirmed_order())


class _LineScreen(OrderLineScreen):
    """Open lines of sales orders."""

    column_list = ("order.number", "order.customer", "order.ordered_at", "product", "requested_on", "promise_date")
    column_filters = ("order.customer.name", "product.sku", "product.name", *OPEN_FILTERS, *LINE_FILTERS)
    computed_columns = (
        ExtraColumn("open", "Open", of_each(lambda line: line.open_quantity)),
        ExtraColumn("purchase_allocated", "On purchase orders", queries.on_purchase_orders),
    )


class WaitingScreen(_LineScreen):
    """Lines that wait although stock or a purchase order has something for them, first entered first."""

    view_name = "preorder.waiting"
    title = "Waiting with supply"
    noun = "waiting line"
    url = "/preorder/waiting"
    icon = "fa-hourglass-start"
    list_actions = (replace(ALLOCATE, of_one="Allocate", style="primary"), HOLD, PROMISE_LINES)
    queue_among = staticmethod(_needs)
    is_computed = True
    empty_message = "Nothing that waits can be served now."

    @override
    def condition(self) -> Any:
        return queries.could_be_served()

    @override
    def candidates(self, args: ViewArgs) -> Any:
        # There are too many to look for in what a search or a filter leaves.
        return None if self.is_narrowed(args) else queries.may_be_served(screen_session())


class LateOrUnpromisedScreen(_LineScreen):
    """Lines that are late, and those for which no day was ever promised."""

    view_name = "preorder.late_or_unpromised"
    title = "Late or never promised"
    noun = "line"
    plural = "lines"
    url = "/preorder/late-or-never-promised"
    icon = "fa-exclamation-circle"
    column_sortable_list = ("promise_date",)
    list_actions = (replace(PROMISE_LINES, of_one="Promise", style="primary"), *LINE_LIST_ACTIONS[:-1])
    queue_among = staticmethod(_is_open)
    is_computed = True
    empty_message = "Every open line has a promise that will be kept."

    @override
    def condition(self) -> Any:
        return and_(OrderLine.is_open, or_(queries.is_late_line(clock.today()), queries.is_never_promised()))

    @override
    def candidates(self, args: ViewArgs) -> Any:
        # In any other order the first page is found at once: many lines have no promise.
        if self.sorted_by(args) != "promise_date":
            return None
        line = OrderLine.id
        unpromised = select(line).where(OrderLine.is_open, OrderLine.promise_date.is_(None))
        if not (args.filters or args.search):  # Those that come first in the list are enough.
            most = self.count_bound(()) + 1
            first = queries.first_never_promised(most, descending=bool(args.sort_desc))
            unpromised = select(first.subquery().c.id)
        return union(unpromised, queries.may_be_late(clock.today()))


def _first_instant() -> datetime:
    """Return when the company's day began."""
    return clock.from_local(datetime.combine(clock.today(), time()))


def _facts(session: Session, ids: Sequence[int]) -> Mapping[int, Facts]:
    orders = queries.orders_of_conversions(session, ids)
    found = order_quantities(session, set(orders.values()))
    return {
        id_: {
            say("allocated of {found}", found=found[order_id].name): found[order_id].allocated,
            say("packed of {found}", found=found[order_id].name): found[order_id].packed,
        }
        for id_, order_id in orders.items()
    }


def _pack(session: Session, ids: Sequence[int], _form: Any) -> list[Effect]:
    """Pack the orders for which ticked goods arrived; each row says what became of its order."""
    orders = queries.orders_of_conversions(session, ids)
    names = {id_: each.name for id_, each in order_quantities(session, set(orders.values())).items()}
    packs, refusals = pack_orders(session, set(orders.values()))
    return [
        Effect(
            id_,
            names[order_id],
            say("packed: {packs}", packs=", ".join(packs[order_id])) if order_id in packs else "",
            str(refusals.get(order_id, "")),
            document_url("sales.order", order_id),
        )
        for id_, order_id in orders.items()
    ]


class ArrivedScreen(Screen):
    """Goods that arrived today and were on purchase orders for somebody."""

    model = Conversion
    view_name = "preorder.arrived"
    title = "Arrived today"
    noun = "arrival"
    url = "/preorder/arrived"
    icon = "fa-truck"
    can_create = can_edit = can_delete = False
    column_list = (*("order", "customer", "product", "quantity", "purchase_order", "received_at"),)
    column_labels = {
        "order": "For order",
        "purchase_order": "Purchase order",
        "received_at": "Received at",
        "purchase_allocation.line.order.number": say("for order"),
        "purchase_allocation.line.order.customer.name": "customer",
        "purchase_allocation.line.product.name": "product",
        "purchase_allocation.line.product.sku": "SKU",
        "purchase_allocation.purchase_line.order.number": say("purchase order"),
        "receipt.received_at": say("received at"),
    }
    column_formatters = {
        "order": lambda view, context, row, name: str(row.purchase_allocation.line),
        "customer": lambda view, context, row, name: row.purchase_allocation.line.order.customer.name,
        "product": lambda view, context, row, name: str(row.purchase_allocation.line.product),
        "purchase_order": lambda view, context, row, name: str(row.purchase_allocation.purchase_line),
        "received_at": lambda view, context, row, name: row.receipt.received_at,
    }
    column_searchable_list = ("purchase_allocation.line.order.number", "purchase_allocation.line.product.sku")
    column_filters = (
        "purchase_allocation.line.order.number",
        "purchase_allocation.line.order.customer.name",
        "purchase_allocation.line.product.sku",
        "purchase_allocation.line.product.name",
        "purchase_allocation.purchase_line.order.number",
        "receipt.received_at",
    )
    column_default_sort = ("id", False)
    column_sortable_list = ()
    sorted_like = {"received_at": "id"}
    is_computed = True
    list_loads = (
        joinedload(Conversion.receipt),
        joinedload(Conversion.purchase_allocation)
        .joinedload(PurchaseAllocation.line)
        .options(joinedload(OrderLine.product), joinedload(OrderLine.order).joinedload(Order.customer)),
        joinedload(Conversion.purchase_allocation)
        .joinedload(PurchaseAllocation.purchase_line)
        .joinedload(PurchaseOrderLine.order),
    )
    list_actions = (
        BulkAction(
            name="pack",
            label=verb("to pack"),
            permission="sales.pack",
            icon="fa-archive",
            style="primary",
            of_one=verb("to pack"),
            depends_on=_facts,
            change=_pack,
            help="Each order is packed with all that is allocated to it.",
        ),
    )
    empty_message = "Nothing that a customer waits for arrived today."

    @override
    def condition(self) -> Any:
        today = select(Receipt.id).where(Receipt.id == Conversion.receipt_id, Receipt.received_at >= _first_instant())
        left = select(Allocation.id).where(Allocation.id == Conversion.allocation_id, Allocation.is_unpacked)
        return and_(today.correlate(Conversion).exists(), left.correlate(Conversion).exists())

    @override
    def details_url(self, row: Any) -> str:
        return str(self.get_url("sales_order.details_view", id=row.purchase_allocation.line.order_id))


VIEWS = (WaitingScreen, LateOrUnpromisedScreen, ArrivedScreen)
QUEUES = (
    WorkQueue("Waiting with supply", "preorder.waiting", "sales.allocate"),
    WorkQueue("Not covered", "preorder.unallocated", "preorder.allocate"),
    WorkQueue("Late or never promised", "preorder.late_or_unpromised", "preorder.promise"),
    WorkQueue("Arrived today, for whom", "preorder.arrived", "sales.pack"),
)
