"""Refusals of returns."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from erp.errors import ErpError
from erp.numbers import format_quantity
from erp.text import plural


class MoreThanPacked(ErpError):
    """A quantity of a pack line that is more than was packed and not returned yet."""

    field = "quantity"

    def __init__(self, *, what: str, quantity: Decimal, left: Decimal) -> None:
        super().__init__(
            f"{what}: {format_quantity(quantity)} cannot be returned, {format_quantity(left)} of what was packed are"
            " not returned yet."
        )


class MoreThanExpected(ErpError):
    """A quantity that is more than the return says, or more than still waits to be inspected."""

    field = "quantity"

    def __init__(self, *, what: str, quantity: Decimal, most: Decimal) -> None:
        super().__init__(f"{what}: {format_quantity(quantity)} is more than {format_quantity(most)}, which is left.")


class OrdersDiffer(ErpError):
    """Goods of different sales orders in one return."""

    def __init__(self, *, orders: Sequence[str]) -> None:
        super().__init__(f"A return is of one sales order, not of {' and '.join(orders)}. Make one return for each.")


class NothingReturned(ErpError):
    """A return without goods, or of which nothing came."""

    field = "quantity"

    def __init__(self) -> None:
        super().__init__("Choose at least one line with a quantity above 0.")


class ReasonNeeded(ErpError):
    """A return without a reason."""

    field = "reason"

    def __init__(self) -> None:
        super().__init__("Say why the customer returns the goods.")


class NumberTaken(ErpError):
    """The number of another return."""

    field = "number"

    def __init__(self, *, number: str) -> None:
        super().__init__(f"{number} is the number of a return that exists already. Give another one, or none.")


class NotForInspection(ErpError):
    """A location from which returned goods could be allocated before they are inspected."""

    field = "location"

    def __init__(self, *, location: str) -> None:
        super().__init__(f"{location} is a location of kind stock. Returned goods wait for inspection in a quarantine.")


class NotStock(ErpError):
    """Goods that are to be sold again, put where nothing can be allocated, or nowhere."""

    field = "location"

    def __init__(self, *, location: str) -> None:
        where = f"{location} is a quarantine" if location else "No location is chosen"
        super().__init__(f"{where}. Goods that go back to stock need a location of kind stock.")


class AlreadyReplaced(ErpError):
    """A return that has a replacement order already."""

    def __init__(self, *, number: str, order: str) -> None:
        super().__init__(f"{number} is replaced by {order} already.")


class GoodsReturned(ErpError):
    """A pack line whose goods a customer returned, or is about to: the pack cannot be reversed as well."""

    def __init__(self, *, numbers: Sequence[str]) -> None:
        super().__init__(
            f"Goods of this pack are in {', '.join(numbers)}. Receive them there, or cancel the return first."
        )


class ReturnsOpen(ErpError):
    """Returns that are not closed while the module is switched off."""

    def __init__(self, *, drafts: int, received: int) -> None:
        super().__init__(
            f"{plural(drafts, 'return')} in draft and {plural(received, 'received return')} are open. Inspect what was"
            " received, and cancel the drafts. Asked to release, the module cancels the drafts, and what was received"
            " waits in quarantine until the module is on again."
        )
