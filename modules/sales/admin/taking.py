"""Take From: moving stock that other orders have to a line that needs it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from flask import request
from markupsafe import Markup
from sqlalchemy.orm import Session
from typing_extensions import override

from erp.admin import Choose, Chosen, Facts, Result, document_anchor
from erp.admin.numerals import quantity as shown_quantity
from erp.db import format_quantity
from erp.text import joined, say
from modules.sales import queries, services
from modules.sales.admin.allocations import allocation_result
from modules.sales.admin.versions import of_line
from modules.sales.models import OrderLine
from modules.sales.queries import Holder


def _holder_anchor(holder: Holder) -> Markup:
    return document_anchor("sales.order", holder.order_id, holder.name)  # type: ignore[no-any-return]


class TakeFrom(Choose):
    """Asks how much is taken from which orders: from one where the address names it as `holder`."""

    name = "take-from"
    title = "Take From"
    permission = "sales.allocate"
    icon = "fa-exchange"
    allowed = staticmethod(queries.can_take)
    template = "sales/take_from.html"
    quantity_label = "Quantity to take"
    columns = (
        ("Order", _holder_anchor),
        ("Customer", "customer"),
        ("Requested", "requested_on"),
        ("Promised", "promise_date"),
        ("Has on usable stock", "quantity"),
    )
    empty = "No other order has usable stock of this product, or this line needs none."

    @override
    def rows(self, session: Session, row: OrderLine) -> Sequence[Holder]:
        named = request.args.get("holder", "")
        return [each for each in queries.holders_for(session, row) if named in ("", str(each.id))]

    @override
    def quantity(self, item: Holder) -> Decimal:
        return item.offered

    @override
    def is_ticked(self, item: Holder) -> bool:
        return request.args.get("holder") == str(item.id)

    @override
    def context(self, session: Session, row: OrderLine) -> dict[str, Any]:
        return {"need": f"{shown_quantity(row.need)} {row.product.unit}", "line": str(row)}

    @override
    def depends_on(self, session: Session, row: OrderLine) -> Facts:
        return of_line(session, row)

    @override
    def depends_on_row(self, item: Holder) -> Facts:
        return {say("usable stock of {item}", item=item.name): item.quantity}

    @override
    def do(self, session: Session, row: OrderLine, chosen: Sequence[Chosen], form: Any) -> Result:
        order_id, name = row.order_id, str(row)
        services.take_from(session, row.id, {each.row.id: each.quantity for each in chosen})
        parts = [
            say(
                "{quantity} of {name} ({customer})",
                quantity=format_quantity(each.quantity),
                name=each.row.name,
                customer=each.row.customer,
            )
            for each in chosen
        ]
        return allocation_result(
            session, order_id, say("{parts} are allocated to {name} now.", parts=joined(parts, say(" and ")), name=name)
        )
