"""Reads of stock: they change nothing."""

from modules.inventory_lots.queries.checks import broken_balances
from modules.inventory_lots.queries.products import (
    incoming_claims,
    product_by_sku,
    product_ids_by_sku,
    products_by_id,
    products_by_sku,
    products_in_use,
)
from modules.inventory_lots.queries.stock import (
    Lying,
    claims,
    lots_named,
    lying_latest_first,
    on_hand_of_lots,
    paths_by_id,
    removal_order,
    unusable_balance_ids,
    unusable_column,
    usable_balances,
    usable_condition,
)

__all__ = [
    "Lying",
    "broken_balances",
    "claims",
    "incoming_claims",
    "lots_named",
    "lying_latest_first",
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
