"""What covers open sales order lines, part by part, and what follows: expected dates, promises and lateness."""

from modules.preorder.coverage.arrivals import Arrivals
from modules.preorder.coverage.lines import (
    ZERO,
    AllocatedStock,
    AllocatedSupply,
    Coverage,
    OpenLine,
    Part,
    PartKind,
    Serials,
    cover,
    is_late,
    with_expected_dates,
    with_more_stock,
    with_more_supply,
)
from modules.preorder.coverage.promising import LeanPart, promise_alone, promise_when

__all__ = [
    "ZERO",
    "AllocatedStock",
    "AllocatedSupply",
    "Arrivals",
    "Coverage",
    "LeanPart",
    "OpenLine",
    "Part",
    "PartKind",
    "Serials",
    "cover",
    "is_late",
    "promise_alone",
    "promise_when",
    "with_expected_dates",
    "with_more_stock",
    "with_more_supply",
]
