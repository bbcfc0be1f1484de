"""What returns add to packs and orders: an action, a column and a panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session
from typing_extensions import override

from erp.admin import Badge, Choose, Chosen, ExtraColumn, Facts, Panel, PaperSection, Result, yes_or_no
from erp.options import options
from erp.text import say
from modules.returns import queries, services
from modules.returns.admin.forms import ReasonForm
from modules.returns.domain import Goods, NewReturn
from modules.returns.models import Return
from modules.returns.states import ReturnCause
from modules.sales.models import Pack


class ReturnGoods(Choose):
    """Asks which goods of a pack a customer returns, and why."""

    name = "return-goods"
    title = "Return Goods"
    permission = "returns.edit"
    icon = "fa-reply"
    allowed = staticmethod(lambda pack: any(line.is_unreversed for line in pack.lines))
    yes = "Make the return"
    form_class = ReasonForm
    columns = (("Product", "sku"), ("Lot", "lot"), ("Not returned yet", "left"))
    quantity_label = "Returned"
    help = "The return is a draft until the goods have come. Its paper can be printed for the customer."

    @override
    def document_id(self, row: Any) -> int:
        return int(row.id)

    @override
    def rows(self, session: Session, row: Any) -> Sequence[Any]:
        return queries.packed_of_pack(session, row.id)

    @override
    def key(self, item: Any) -> str:
        return str(item.pack_line_id)

    @override
    def can_tick(self, item: Any) -> bool:
        return bool(item.left > 0)

    @override
    def quantity(self, item: Any) -> Decimal | None:
        return Decimal(item.left)

    @override
    def depends_on_row(self, item: Any) -> Facts:
        return {say("not returned of {what}", what=item.what): item.left}

    @override
    def do(self, session: Session, row: Any, chosen: Sequence[Chosen], form: Any) -> Result:
        goods = [Goods(each.row.pack_line_id, each.quantity) for each in chosen]
        new = NewReturn(form.reason.data, goods, cause=ReturnCause(form.cause.data))
        (return_id,) = services.create_returns(session, [new])
        document = session.get_one(Return, return_id)
        return Result(say("{document} is made.", document=document.number), "returns/made.html", {"document": document})


def _returned(session: Session, packs: Sequence[Pack]) -> Mapping[int, Badge]:
    """Return a badge for each pack of which something came back."""
    found = queries.returned_of_packs(session, [pack.id for pack in packs])
    return {
        pack_id: Badge("Returned" if returned >= packed else "Part returned", "warning")
        for pack_id, (returned, packed) in found.items()
    }


def _note(session: Session, pack: Pack) -> Mapping[str, Any] | None:
    """Return what of a pack may still come back, for the note that a customer fills in."""
    if not options.returns.note_on_packing_slips:
        return None
    goods = [line for line in queries.packed_of_pack(session, pack.id) if line.left > 0]
    return {"goods": goods} if goods else None


def _returns(session: Session, order: Any) -> Mapping[str, Any] | None:
    found = queries.returns_of_order(session, order.id)
    return {"returns": found} if found else None


PACK_COLUMN = ExtraColumn("returned", "Returned", _returned)
PACK_FILTER = yes_or_no("Returned", queries.came_back)
PACK_ACTION = ReturnGoods.action()
SLIP_SECTION = PaperSection("slip", "Return note", "returns/slip.html", _note, "returns.view")
ORDER_PANEL = Panel("Returns", "returns/of_order.html", _returns, "returns.view", counted="returns")
