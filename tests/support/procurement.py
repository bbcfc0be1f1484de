"""Rows of procurement for tests, which publish nothing, and its screens and files as a user meets them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from erp.db import db
from erp.exchange import ImportRefused, RowError, export_csv, import_csv
from erp.models import HistoryEntry
from modules.procurement.models import PurchaseLineStatus, PurchaseOrder, PurchaseOrderLine, Supplier
from modules.procurement.states import PurchaseState
from tests.support.inventory_lots import make_product
from tests.support.numbering import next_number

ORDERS = "/procurement/purchase-orders/"
ORDER_COLUMNS = "number,supplier,ordered_on,sku,quantity,unit_cost,expected_on,status"
RECEIPT_COLUMNS = "number,line,quantity,location,lot,received_on,expires_on"


def make_supplier(session: Session, **overrides: Any) -> Supplier:
    """Return a supplier with a code of its own."""
    code = f"S{next_number('supplier'):04d}"
    supplier = Supplier(
        **{"code": code, "name": f"Supplier {code}", "email": f"{code.lower()}@suppliers.example"} | overrides
    )
    session.add(supplier)
    session.flush()
    return supplier


def make_status(session: Session, **overrides: Any) -> PurchaseLineStatus:
    """Return a purchase line status with a name of its own."""
    status = PurchaseLineStatus(**{"name": f"Status {next_number('status')}"} | overrides)
    session.add(status)
    session.flush()
    return status


def make_purchase_order(
    session: Session, lines: Iterable[dict[str, Any] | tuple[Any, ...]] = ({},), **overrides: Any
) -> PurchaseOrder:
    """Return a purchase order, ordered unless `state` says otherwise.

    A line is a dict of its columns, or (product, quantity) or (product, quantity, expected_on); what it leaves out
    is made up.
    """
    supplier = overrides.pop("supplier", None) or make_supplier(session)
    state = overrides.pop("state", PurchaseState.ordered)
    number = None if state == PurchaseState.draft else f"P{next_number('purchase order'):05d}"
    order = PurchaseOrder(**{"supplier": supplier, "state": state, "number": number} | overrides)
    for position, line in enumerate(lines, start=1):
        order.lines.append(_line(session, position, line))
    session.add(order)
    session.flush()
    return order


def _line(session: Session, position: int, values: dict[str, Any] | tuple[Any, ...]) -> PurchaseOrderLine:
    if isinstance(values, tuple):
        values = dict(zip(("product", "quantity", "expected_on"), values, strict=False))
    values = {"position": position, "quantity": 10} | values
    if "product" not in values and "product_id" not in values:
        values["product"] = make_product(session)
    values["quantity"] = Decimal(values["quantity"])
    return PurchaseOrderLine(**values)


def load(session: Session, kind: str, *rows: str, update: bool = False) -> str:
    summary = import_csv(session, kind, "\n".join(rows).encode(), update=update)
    session.commit()
    return summary


def refusals(session: Session, kind: str, *rows: str) -> list[tuple[int, str]]:
    """Return row and column of each error of a file that must be refused."""
    return [(error.row, error.column) for error in refused_errors(session, kind, *rows)]


def refused_errors(session: Session, kind: str, *rows: str, update: bool = False) -> list[RowError]:
    """Return the errors of a file that must be refused."""
    with pytest.raises(ImportRefused) as refused:
        load(session, kind, *rows, update=update)
    session.rollback()
    return refused.value.errors


def dump(session: Session, kind: str) -> list[str]:
    return "".join(export_csv(session, kind)).splitlines()


def page(client: FlaskClient, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, answer.text[:2000]
    return answer.text


def post(client: FlaskClient, address: str, code: int = 200, /, **data: Any) -> str:
    fields = {name.replace("__", "-"): text for name, text in data.items()}
    answer = client.post(address, data=fields)
    if answer.status_code == 302:
        answer = client.get(answer.location)
    assert answer.status_code == code, re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", answer.text))[:3000]
    db.session.expire_all()
    return answer.text


def line_form(order: PurchaseOrder, **changes: Any) -> dict[str, Any]:
    """Return what the edit form of an order posts, with changes such as line_0_quantity="8"."""
    data: dict[str, Any] = {
        "supplier": order.supplier_id,
        "ordered_on": order.ordered_on.isoformat(),
        "note": order.note,
        "row_version": order.row_version,
    }
    for index, line in enumerate(order.lines):
        data |= {
            f"lines__{index}__id": line.id,
            f"lines__{index}__product": line.product_id,
            f"lines__{index}__quantity": f"{line.quantity:f}",
            f"lines__{index}__expected_on": line.expected_on.isoformat() if line.expected_on else "",
            f"lines__{index}__status": line.status_id or "__None",
        }
    return data | changes


def order_entries() -> Select[HistoryEntry]:
    """Select the history entries of purchase orders and their lines."""
    return select(HistoryEntry).where(HistoryEntry.document == "procurement.purchase_order")


def order_history(session: Session) -> list[tuple[Any, ...]]:
    """Return line, field, old and new value of each change of purchase orders, line by line."""
    entries = session.scalars(order_entries().order_by(HistoryEntry.line, HistoryEntry.id))
    return [(entry.line, entry.field, entry.old_value, entry.new_value) for entry in entries]
