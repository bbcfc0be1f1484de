"""The actions of a purchase order line."""

from __future__ import annotations

from sqlalchemy.orm import Session

from erp.admin import Action
from erp.numbers import format_quantity
from erp.text import say
from modules.procurement import services
from modules.procurement.admin.expected_dates import ExpectedDate
from modules.procurement.admin.receiving import Receive
from modules.procurement.admin.reopening import Reopen
from modules.procurement.admin.statuses import LineStatus
from modules.procurement.admin.versions import of_order_or_line
from modules.procurement.models import PurchaseOrderLine
from modules.procurement.states import PURCHASE_ORDER


def _can_change(line: PurchaseOrderLine) -> bool:
    return PURCHASE_ORDER.allows(line.order.state, "change_line")


def _close(session: Session, line: PurchaseOrderLine) -> str:
    name, outstanding = str(line), line.outstanding
    services.close_lines(session, [line.id])
    return say(
        "{name} is closed short: {outstanding} will not come. Reopen takes it back.",
        name=name,
        outstanding=format_quantity(outstanding),
    )


LINE_ACTIONS = (
    Receive.action(),
    ExpectedDate.action(allowed=_can_change),
    LineStatus.action(allowed=_can_change),
    Reopen.action(),
    Action(
        name="close-short",
        label="Close short",
        permission="procurement.edit",
        run=_close,
        depends_on=of_order_or_line,
        confirm="Close this line short? What is outstanding will not come, and sales orders lose it.",
        yes="Close short",
        no="Keep it open",
        allowed=lambda line: line.is_open,
        style="danger",
        icon="fa-compress",
    ),
)
