"""Reads of returns: they change nothing."""

from modules.returns.queries.checks import broken_invariants
from modules.returns.queries.packed import Key, key_of, packed_by_key, packed_lines, packed_of_pack, product_ids
from modules.returns.queries.returns import (
    LINE_LOADS,
    SEARCH,
    counts_by_state,
    fresh_return,
    goods_to_inspect,
    inspections_of,
    numbers_in_use,
    products_of,
    products_of_open,
    return_by_number,
    return_rows,
    returned_of_packs,
    returns_of_order,
    returns_of_pack_lines,
    waiting_returns,
    waiting_since,
)

__all__ = [
    "LINE_LOADS",
    "SEARCH",
    "Key",
    "broken_invariants",
    "counts_by_state",
    "fresh_return",
    "goods_to_inspect",
    "inspections_of",
    "key_of",
    "numbers_in_use",
    "packed_by_key",
    "packed_lines",
    "packed_of_pack",
    "product_ids",
    "products_of",
    "products_of_open",
    "return_by_number",
    "return_rows",
    "returned_of_packs",
    "returns_of_order",
    "returns_of_pack_lines",
    "waiting_returns",
    "waiting_since",
]
