"""The page that packs what was scanned: each allocation is counted before it leaves."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import request
from sqlalchemy.orm import Session
from typing_extensions import override

from erp.admin import Facts, FormPage, Result
from erp.admin.fields import read_quantity
from erp.errors import BadNumber
from modules.sales import queries
from modules.sales.admin.packs import SERIALS_SHOWN, pack_with, serial_lines, typed_serials
from modules.sales.admin.versions import of_order
from modules.sales.errors import CountDiffers
from modules.sales.models import Order
from modules.sales.states import ORDER


class ScanAndPack(FormPage):
    """Asks for what was picked of each allocation, and packs the order where it is what was allocated."""

    name = "scan-pack"
    title = "Scan and Pack"
    permission = "sales.pack"
    icon = "fa-barcode"
    allowed = staticmethod(
        lambda order: (
            ORDER.allows(order.state, "pack")
            and any(line.allocated or (line.is_open and line in serial_lines(order)) for line in order.lines)
        )
    )
    template = "sales/scan_pack.html"
    help = "Scan or type what you picked. The order is packed when it is what is allocated."

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        return of_order(session, row)

    @override
    def context(self, session: Session, row: Any) -> dict[str, Any]:
        lines = serial_lines(row)
        stock = queries.usable_serials(session, {line.product_id for line in lines}, SERIALS_SHOWN + 1)
        picks = queries.picks_of_order(session, row.id)
        return {"picks": picks, "lines": lines, "stock": stock, "most": SERIALS_SHOWN, "typed": request.form}

    @override
    def do(self, session: Session, row: Any, form: Any) -> Result:
        _check(session, row)
        return pack_with(session, row.id, typed_serials(row))


def _check(session: Session, order: Order) -> None:
    """Raise CountDiffers for the first allocation of which something else than its quantity was counted."""
    for pick in queries.picks_of_order(session, order.id):
        counted = _quantity(request.form.get(f"counted-{pick.id}", "").strip(), f"line {pick.position}")
        if counted != pick.quantity:
            raise CountDiffers(what=f"line {pick.position}, lot {pick.lot}", counted=counted, allocated=pick.quantity)


def _quantity(text: str, what: str) -> Decimal:
    try:
        return read_quantity(text) if text else Decimal(0)
    except ValueError as error:
        raise BadNumber(text, f"is not what was picked of {what}: {error}") from None
