"""Screens of preorder, and what it adds to those of other modules."""

from __future__ import annotations

from erp.registry import Core
from modules.preorder.admin import (
    charts,
    filters,
    many_promises,
    outlook,
    products,
    purchase_lines,
    purchase_orders,
    queues,
    rebalancing,
    sales_lines,
    sales_orders,
)
from modules.preorder.admin.availability import AvailabilityScreen
from modules.preorder.admin.dashboard import CARD
from modules.preorder.admin.demand import DemandScreen
from modules.preorder.admin.late_lines import LateLineScreen
from modules.preorder.admin.on_hand_changes import OnHandChangeScreen
from modules.preorder.admin.unallocated_lines import UnallocatedLineScreen
from modules.preorder.admin.what_if import WhatIfOfProduct, WhatIfOrder, is_draft

VIEWS = (
    DemandScreen,
    AvailabilityScreen,
    LateLineScreen,
    UnallocatedLineScreen,
    rebalancing.RebalancePage,
    OnHandChangeScreen,
)


def register(core: Core) -> None:
    """Register screens, and what preorder adds to screens of other modules."""
    for view in VIEWS:
        core.add_view(view, menu="Preorder", permission="preorder.view")
    core.extend_view(
        "procurement.purchase_order",
        line_actions=purchase_lines.LINE_ACTIONS,
        panels=(*rebalancing.PANELS, *purchase_orders.PANELS),
    )
    core.extend_view(
        "sales.order",
        columns=sales_orders.COLUMNS,
        filters=filters.ORDER_FILTERS,
        quick_filters=filters.ORDER_QUICK_FILTERS,
        list_actions=(many_promises.PROMISE_ORDERS,),
        fields=sales_orders.FIELDS,
        panels=(outlook.SUMMARY, *sales_orders.PANELS),
        line_columns=sales_orders.LINE_COLUMNS,
        line_actions=sales_lines.LINE_ACTIONS,
        actions=(WhatIfOrder.action(allowed=is_draft),),
    )
    core.extend_view("sales.backorder", columns=sales_orders.BACKORDER_COLUMNS, filters=filters.BACKORDER_FILTERS)
    for view in queues.VIEWS:
        core.add_view(view, menu="Preorder", permission="preorder.view")
    core.add_work_queue(*queues.QUEUES)
    core.add_chart(*charts.CHARTS)
    core.extend_view(
        "inventory_lots.product",
        fields=products.FIELDS,
        panels=products.PANELS,
        actions=(WhatIfOfProduct.action(),),
    )
    core.add_dashboard(CARD)
