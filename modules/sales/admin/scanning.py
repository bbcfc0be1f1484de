"""The page that packs what was scanned: each allocation is counted before it leaves."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import request
from sqlalchemy.orm import Session
from typing_extensions import override

from erp.admin import Result
from erp.admin.fields import read_quantity
from erp.errors import BadNumber
from erp.text import say
from modules.sales import queries
from modules.sales.admin.packs import PackSerials, asks_for_serials
from modules.sales.errors import CountDiffers
from modules.sales.models import Order
from modules.sales.states import ORDER


class ScanAndPack(PackSerials):
    """Asks for what was picked of each allocation, and packs the order where it is what was allocated."""

    name = "scan-pack"
    title = "Scan and Pack"
    icon = "fa-barcode"
    allowed = staticmethod(
        lambda order: (
            ORDER.allows(order.state, "pack")
            and (any(line.allocated for line in order.lines) or asks_for_serials(order))
        )
    )
    template = "sales/scan_pack.html"
    help = "Scan or type what you picked. The order is packed when it is what is allocated."

    @override
    def context(self, session: Session, row: Any) -> dict[str, Any]:
        return {**super().context(session, row), "picks": queries.picks_of_order(session, row.id)}

    @override
    def do(self, session: Session, row: Any, form: Any) -> Result:
        _check(session, row)
        return super().do(session, row, form)


def _check(session: Session, order: Order) -> None:
    """Raise CountDiffers for the first allocation of which something else than its quantity was counted."""
    for pick in queries.picks_of_order(session, order.id):
        counted = _quantity(request.form.get(f"counted-{pick.id}", "").strip(), say("line {pick}", pick=pick.position))
        if counted != pick.quantity:
            raise CountDiffers(
                what=say("line {pick}, lot {lot}", pick=pick.position, lot=pick.lot),
                counted=counted,
                allocated=pick.quantity,
            )


def _quantity(text: str, what: str) -> Decimal:
    try:
        return read_quantity(text) if text else Decimal(0)
    except ValueError as error:
        raise BadNumber(text, say("is not what was picked of {what}: {error}", what=what, error=error)) from None
