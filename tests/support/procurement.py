"""Ready rows of procurement for tests; they announce nothing."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import count
from typing import Any

from sqlalchemy.orm import Session

from modules.procurement.models import PurchaseLineStatus, PurchaseOrder, PurchaseOrderLine, Supplier
from modules.procurement.states import PurchaseState
from tests.support.inventory_lots import make_product

_numbers = count(1)


def make_supplier(session: Session, **overrides: Any) -> Supplier:
    """Return a supplier with a code of its own."""
    code = f"S{next(_numbers):04d}"
    supplier = Supplier(
        **{"code": code, "name": f"Supplier {code}", "email": f"{code.lower()}@suppliers.example"} | overrides
    )
    session.add(supplier)
    session.flush()
    return supplier


def make_status(session: Session, **overrides: Any) -> PurchaseLineStatus:
    """Return a purchase line status with a name of its own."""
    status = PurchaseLineStatus(**{"name": f"Status {next(_numbers)}"} | overrides)
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
    number = None if state == PurchaseState.draft else f"P{next(_numbers):05d}"
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
