"""What preorder adds to each line of a sales order: allocating purchase order lines, and the line's history."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy.orm import Session
from typing_extensions import override

from erp.admin import Action, Choose, Chosen, Facts, document_anchor, line_heading
from erp.admin.access import screen_session
from erp.db import format_quantity
from erp.text import joined, say
from modules.inventory_lots.services import lock_products
from modules.inventory_lots.states import Tracking
from modules.preorder import queries, services
from modules.preorder.admin.promise_dates import EditPromise, news_of_allocations
from modules.preorder.errors import NotWaiting
from modules.sales.models import OrderLine
from modules.sales.states import OrderState

NO_DATE = Markup('<span class="text-muted">{}</span>')


def _purchase_order_anchor(row: queries.Incoming) -> Markup:
    return document_anchor("procurement.purchase_order", row.order_id, row.name)  # type: ignore[no-any-return]


class AllocatePurchaseLines(Choose):
    """The open purchase order lines of the line's product, in the order in which they serve demand."""

    name = "allocate"
    title = "Allocate Sales Order"
    permission = "preorder.allocate"
    icon = "fa-link"
    button = "Allocate Selected"
    template = "preorder/allocate.html"
    help = "Several are used in this order, until the line is covered."
    quantity_label = "Quantity"
    empty = "All incoming supply of this product is allocated already."
    columns = (
        ("Purchase order", _purchase_order_anchor),
        ("Supplier", "supplier"),
        (
            "Expected",
            lambda row: row.expected_on or NO_DATE.format(say("no date")),
        ),
        ("Outstanding", "outstanding"),
        ("Available", "available"),
    )

    @override
    def rows(self, session: Session, row: Any) -> Sequence[queries.Incoming]:
        wanted = row.uncovered
        return queries.incoming_lines(session, [row.product_id], wanted=wanted) if wanted > 0 else ()

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        return {say("not covered"): row.uncovered}

    @override
    def depends_on_row(self, item: queries.Incoming) -> Facts:
        return {
            say("available of {item}", item=item.name): item.available,
            say("expected date of {item}", item=item.name): item.expected_on,
        }

    @override
    def quantity(self, item: queries.Incoming) -> Decimal:
        return item.offered

    @override
    def decimals(self, row: Any) -> int:
        return int(row.product.unit_decimals)

    @override
    def context(self, session: Session, row: Any) -> dict[str, Any]:
        wanted = row.uncovered
        if wanted <= 0:
            return {"note": "All of this line that stock does not cover is on purchase orders already."}
        pairs = [(row.id, each.id) for each in self.rows(session, row)]
        note = say(
            "{wanted} {unit} of {row} are not covered.", wanted=format_quantity(wanted), unit=row.product.unit, row=row
        )
        return {"note": note, "news": news_of_allocations(session, pairs)}

    @override
    def do(self, session: Session, row: Any, chosen: Sequence[Chosen], form: Any) -> str:
        lock_products(session, [row.product_id])
        session.refresh(row)
        name, line_id, wanted = str(row), row.id, row.uncovered
        amounts: dict[tuple[int, int], Decimal] = {}
        parts = []
        for each in chosen:
            if quantity := min(each.quantity, wanted):
                amounts[line_id, each.row.id] = quantity
                parts.append(say("{quantity} of {name}", quantity=format_quantity(quantity), name=each.row.name))
                wanted -= quantity
        if not amounts:
            raise NotWaiting(line=name, waiting=Decimal(0), wanted=chosen[0].quantity)
        services.allocate_by_hand(session, amounts)
        return say("{parts} are allocated to {name}.", parts=joined(parts, say(" and ")), name=name)


def line_history(screen: Any, line: OrderLine) -> ResponseReturnValue:
    """Show each change of the line: when, who, field, from, to and why."""
    entries, are_all = queries.history_of_line(screen_session(), line)
    back = screen.get_url(".details_view", id=line.order_id)
    return str(
        screen.render_page(
            "preorder/line_history.html",
            row=line,
            heading=line_heading(line),
            entries=entries,
            are_all=are_all,
            back=back,
        )
    )


def _is_open(line: OrderLine) -> bool:
    return line.order.state == OrderState.confirmed and line.open_quantity > 0


def _can_be_allocated(line: OrderLine) -> bool:
    return _is_open(line) and line.need > 0 and line.product.tracking is not Tracking.serial


LINE_ACTIONS = (
    AllocatePurchaseLines.action(allowed=_can_be_allocated),
    EditPromise.action(allowed=_is_open),
    Action(
        name="history",
        label="Order Item Change History",
        permission="preorder.view",
        page=line_history,
        icon="fa-history",
    ),
)
