"""Reads of stock: they change nothing."""

from modules.inventory_lots.queries.balances import (
    StockOnHand,
    allocations,
    lots_named,
    on_hand_latest_first,
    on_hand_of_lots,
    paths_by_id,
    removal_order,
    unusable_balance_ids,
    unusable_column,
    usable_balances,
    usable_condition,
)
from modules.inventory_lots.queries.checks import broken_balances
from modules.inventory_lots.queries.products import (
    allocated_incoming,
    product_by_sku,
    product_ids_by_sku,
    products_by_id,
    products_by_sku,
    products_in_use,
)

__all__ = [
    "StockOnHand",
    "allocated_incoming",
    "allocations",
    "broken_balances",
    "lots_named",
    "on_hand_latest_first",
    "on_hand_of_lots",
    "paths_by_id",
    "product_by_sku",
    "product_ids_by_sku",
    "products_by_id",
    "products_by_sku",
    "products_in_use",
    "removal_order",
    "unusable_balance_ids",
    "unusable_column",
    "usable_balances",
    "usable_condition",
]
