"""What preorder adds to the snapshot of a run: purchase order lines, and what of them is reserved."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, case, select
from sqlalchemy.orm import Session

from erp.db import is_one_of, raw
from erp.options import options
from modules.preorder.domain import PURCHASE_LINE
from modules.preorder.models import ProductPreorder, PurchaseAllocation
from modules.preorder.queries.arrivals import arrival_order, arrivals_now, is_promised_supply
from modules.preorder.queries.purchase_allocations import shrinking_order
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales.hooks import IncomingRules
from modules.sales.models import OrderLine
from modules.sales.planning import Holding, Supply
from modules.sales.states import AllocationSource


def incoming_rules(session: Session) -> IncomingRules:
    """Return what runs do with purchase order lines, as the options say."""
    preorder = options.preorder
    return IncomingRules(
        preorder.auto_allocate, preorder.insufficient_supply == "skip", rebalances=preorder.rebalance == "auto"
    )


def incoming_supply(session: Session, product_ids: Collection[int]) -> list[Supply]:
    """Return the purchase order lines of these products that are to come, in the order in which they serve demand.

    Those that are overdue by more days than `[preorder] past_due_supply_days` are left out.
    """
    return supply_where(session, product_ids, is_promised_supply())


def supply_where(session: Session, product_ids: Collection[int], condition: ColumnElement[bool]) -> list[Supply]:
    """Return the purchase order lines of these products that meet a condition, in the order in which they serve."""
    line, arrivals = PurchaseOrderLine, arrivals_now()
    rows = session.execute(
        select(line.id, line.product_id, raw(line.unallocated), line.expected_on)
        .join(PurchaseOrder, PurchaseOrder.id == line.order_id)
        .where(is_one_of(session, line.product_id, product_ids), condition)
        .order_by(line.product_id, *arrival_order())
    )
    return [
        Supply(PURCHASE_LINE, id_, product_id, quantity, arrivals.arrival(expected_on))
        for id_, product_id, quantity, expected_on in rows
    ]


def incoming_holdings(session: Session, line_ids: Collection[int]) -> list[Holding]:
    """Return the open purchase allocations of sales order lines in the order in which they shrink."""
    allocation, line = PurchaseAllocation, OrderLine
    is_automatic = allocation.source == AllocationSource.automatic
    columns = (
        *(allocation.id, allocation.line_id, allocation.purchase_line_id, raw(allocation.outstanding)),
        *(case((is_automatic, 0), else_=1), and_(is_automatic, line.is_promise_pinned.is_(False))),
        *(PurchaseOrderLine.expected_on, case((line.is_preorder, ProductPreorder.launch_date))),
    )
    rows = session.execute(
        select(*columns)
        .join(allocation.purchase_line)
        .join(PurchaseOrderLine.order)
        .join(allocation.line)
        .outerjoin(ProductPreorder, ProductPreorder.product_id == line.product_id)
        .where(allocation.is_open, is_one_of(session, allocation.line_id, line_ids))
        .order_by(*shrinking_order())
    )
    arrivals = arrivals_now()
    return [
        Holding._make((PURCHASE_LINE, *held, may_move, arrivals.arrival(expected_on), ready))
        for *held, may_move, expected_on, ready in rows
    ]
