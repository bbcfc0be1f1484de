"""Reads of stock: they change nothing."""

from modules.inventory_lots.queries.balances import (
    NO_STOCK,
    ROWS_SHOWN,
    StockOnHand,
    Totals,
    allocations,
    available_column,
    balance_at,
    lot_totals,
    on_hand_in_run_order,
    product_totals,
    removal,
    removal_order,
    stock_on_hand,
    unusable_balance_ids,
    unusable_column,
    usable_balances,
    usable_condition,
    usable_first,
    usable_rows,
    with_lot_and_location,
)
from modules.inventory_lots.queries.checks import broken_balances
from modules.inventory_lots.queries.counting import StockAt, stock_at
from modules.inventory_lots.queries.dashboard import SOON, attention
from modules.inventory_lots.queries.locations import locations_by_path, lot_counts, paths_by_id, product_ids_at
from modules.inventory_lots.queries.lots import KnownLot, known_lots, lots_named, on_hand_of_lots, serials_in_stock
from modules.inventory_lots.queries.moves import moves
from modules.inventory_lots.queries.products import (
    allocated_incoming,
    product_ids_by_sku,
    products_by_id,
    products_by_sku,
    products_in_use,
    skus_by_id,
)
from modules.inventory_lots.queries.search import SEARCHES

__all__ = [
    "NO_STOCK",
    "ROWS_SHOWN",
    "SEARCHES",
    "SOON",
    "KnownLot",
    "StockAt",
    "StockOnHand",
    "Totals",
    "allocated_incoming",
    "allocations",
    "attention",
    "available_column",
    "balance_at",
    "broken_balances",
    "known_lots",
    "locations_by_path",
    "lot_counts",
    "lot_totals",
    "lots_named",
    "moves",
    "on_hand_in_run_order",
    "on_hand_of_lots",
    "paths_by_id",
    "product_ids_at",
    "product_ids_by_sku",
    "product_totals",
    "products_by_id",
    "products_by_sku",
    "products_in_use",
    "removal",
    "removal_order",
    "serials_in_stock",
    "skus_by_id",
    "stock_at",
    "stock_on_hand",
    "unusable_balance_ids",
    "unusable_column",
    "usable_balances",
    "usable_condition",
    "usable_first",
    "usable_rows",
    "with_lot_and_location",
]
