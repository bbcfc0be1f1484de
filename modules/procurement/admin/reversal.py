"""The page that takes back goods of a receipt."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session
from typing_extensions import override
from wtforms import Form, StringField
from wtforms.validators import InputRequired, Length

from erp.admin import Facts, FormPage, QuantityField, Result
from erp.numbers import format_quantity
from erp.text import say
from modules.procurement import queries, services
from modules.procurement.models import Receipt
from modules.procurement.states import PURCHASE_ORDER


class ReversalForm(Form):
    """How much of a receipt goes back, and why."""

    quantity = QuantityField("Quantity", [InputRequired()])
    why = StringField("Reason", [InputRequired(), Length(max=200)])


def can_reverse(receipt: Receipt) -> bool:
    """Say whether something of a receipt can be taken back."""
    return receipt.reversible > 0 and PURCHASE_ORDER.allows(receipt.line.order.state, "reverse_receipt")


class ReverseReceipt(FormPage):
    """The page that asks how much of a receipt is taken back, and shows whose allocations that concerns."""

    name = "reverse"
    title = "Reverse Receipt"
    permission = "procurement.reverse_receipt"
    icon = "fa-undo"
    allowed = staticmethod(can_reverse)
    style = "danger"
    template = "procurement/reverse_receipt.html"
    form_class = ReversalForm
    help = (
        "Unallocated goods go first, then what this receipt allocated to waiting orders, then other allocations of the "
        "lot at this location; the last in the queue lose it first."
    )

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        return {"reversed": row.reversed, say("on hand"): row.balance.on_hand, "allocated": row.balance.allocated}

    @override
    def prefill(self, session: Session, row: Any, form: Any) -> None:
        form.quantity.data = min(row.reversible, row.balance.on_hand)

    @override
    def context(self, session: Session, row: Any) -> dict[str, Any]:
        return {"holders": queries.holders(session, row.balance_id), "balance": row.balance}

    @override
    def do(self, session: Session, row: Any, form: Any) -> Result:
        losses = services.reverse_receipt(session, row.id, form.quantity.data, why=form.why.data)
        goods = say("{data} of {product}", data=format_quantity(form.quantity.data), product=row.line.product.sku)
        message = say("{goods} went back, which {order} had brought.", goods=goods, order=row.line.order.name)
        return Result(message, "procurement/reversed.html", {"losses": losses, "line": row.line})
