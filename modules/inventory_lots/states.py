"""The fixed words of stock."""

from enum import StrEnum


class Tracking(StrEnum):
    """Which units of a product can be traced: those of a lot, none, or each by its serial number."""

    lot = "lot"
    none = "none"
    serial = "serial"


class LocationKind(StrEnum):
    """Whether what is stored at a location may be allocated (stock) or not (quarantine)."""

    stock = "stock"
    quarantine = "quarantine"


class MoveKind(StrEnum):
    """Why stock moved."""

    receipt = "receipt"
    adjustment = "adjustment"
    transfer = "transfer"
    pack = "pack"
    pack_reversal = "pack_reversal"
    receipt_reversal = "receipt_reversal"
    customer_return = "customer_return"
    scrap = "scrap"
