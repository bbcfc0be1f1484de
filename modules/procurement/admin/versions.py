"""What changes of purchase orders and their lines depend on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import Session

from erp.admin import Facts
from modules.procurement import queries
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine


def state_of(order: PurchaseOrder) -> Facts:
    """Return the state of an order."""
    return {"state": order.state}


def quantities_of(line: PurchaseOrderLine) -> Facts:
    """Return what is ordered, received and cancelled of a line."""
    return {
        f"ordered of line {line.position}": line.quantity,
        f"received of line {line.position}": line.received,
        f"closed short of line {line.position}": line.cancelled,
    }


def of_order(_session: Session, order: PurchaseOrder) -> Facts:
    """Return the state of an order and the quantities of its lines."""
    return {**state_of(order), **{label: value for line in order.lines for label, value in quantities_of(line).items()}}


def of_line(_session: Session, line: PurchaseOrderLine) -> Facts:
    """Return the state of a line's order and the quantities of the line."""
    return {**state_of(line.order), **quantities_of(line)}


def expected_dates_of(lines: Iterable[PurchaseOrderLine]) -> Facts:
    """Return the expected date of each line."""
    return {f"expected date of line {line.position}": line.expected_on for line in lines}


def statuses_of(session: Session, lines: Iterable[PurchaseOrderLine]) -> dict[str, Any]:
    """Return the status of each line."""
    names: dict[int | None, str] = {status.id: status.name for status in queries.statuses(session)}
    return {f"status of line {line.position}": names.get(line.status_id) for line in lines}
