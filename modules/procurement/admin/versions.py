"""Purchase orders and lines that a page is about, and what their changes depend on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import Session

from erp.admin import Facts
from erp.text import say
from modules.procurement import queries
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine


def order_of(row: PurchaseOrder | PurchaseOrderLine) -> PurchaseOrder:
    """Return the order itself, or the order of a line."""
    return row.order if isinstance(row, PurchaseOrderLine) else row


def lines_of(row: PurchaseOrder | PurchaseOrderLine) -> list[PurchaseOrderLine]:
    """Return the lines of an order, or the line itself."""
    return [row] if isinstance(row, PurchaseOrderLine) else row.lines


def state_of(order: PurchaseOrder) -> Facts:
    """Return the state of an order."""
    return {"state": order.state}


def quantities_of(line: PurchaseOrderLine) -> Facts:
    """Return what is ordered, received and cancelled of a line."""
    return {
        say("ordered of line {line}", line=line.position): line.quantity,
        say("received of line {line}", line=line.position): line.received,
        say("closed short of line {line}", line=line.position): line.cancelled,
    }


def of_order_or_line(_session: Session, row: PurchaseOrder | PurchaseOrderLine) -> Facts:
    """Return the state of an order and the quantities of its lines, or of the line alone."""
    quantities = {label: value for line in lines_of(row) for label, value in quantities_of(line).items()}
    return {**state_of(order_of(row)), **quantities}


def expected_dates_of(lines: Iterable[PurchaseOrderLine]) -> Facts:
    """Return the expected date of each line."""
    return {say("expected date of line {line}", line=line.position): line.expected_on for line in lines}


def statuses_of(session: Session, lines: Iterable[PurchaseOrderLine]) -> dict[str, Any]:
    """Return the status of each line."""
    names: dict[int | None, str] = {status.id: status.name for status in queries.statuses(session)}
    return {say("status of line {line}", line=line.position): names.get(line.status_id) for line in lines}
