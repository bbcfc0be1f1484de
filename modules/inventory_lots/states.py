"""The fixed words of stock."""

from enum import StrEnum


class Tracking(StrEnum):
    """How a product's units are told apart."""

    lot = "lot"
    none = "none"
    serial = "serial"


class LocationKind(StrEnum):
    """Whether what lies in a location may be allocated."""

    stock = "stock"
    quarantine = "quarantine"


class MoveKind(StrEnum):
    """What a line of the stock ledger stands for."""

    receipt = "receipt"
    adjustment = "adjustment"
    transfer = "transfer"
    pack = "pack"
