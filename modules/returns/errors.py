"""Refusals of returns."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from erp.errors import ErpError
from erp.numbers import format_quantity
from erp.text import joined, plural, say


class MoreThanPacked(ErpError):
    """A quantity of a pack line that is more than was packed and not returned yet."""

    field = "quantity"

    def __init__(self, *, what: str, quantity: Decimal, left: Decimal) -> None:
        super().__init__(
            say(
                "{what}: {quantity} cannot be returned, {left} of what was packed are not returned yet.",
                what=what,
                quantity=format_quantity(quantity),
                left=format_quantity(left),
            )
        )


class MoreThanExpected(ErpError):
    """A quantity that is more than the return says, or more than still waits to be inspected."""

    field = "quantity"

    def __init__(self, *, what: str, quantity: Decimal, most: Decimal) -> None:
        super().__init__(
            say(
                "{what}: {quantity} is more than {most}, which is left.",
                what=what,
                quantity=format_quantity(quantity),
                most=format_quantity(most),
            )
        )


class OrdersDiffer(ErpError):
    """Goods of different sales orders in one return."""

    def __init__(self, *, orders: Sequence[str]) -> None:
        super().__init__(
            say(
                "A return is of one sales order, not of {orders}. Make one return for each.",
                orders=joined(orders, say(" and ")),
            )
        )


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
        super().__init__(
            say("{number} is the number of a return that exists already. Give another one, or none.", number=number)
        )


class NotForInspection(ErpError):
    """A location from which returned goods could be allocated before they are inspected."""

    field = "location"

    def __init__(self, *, location: str) -> None:
        super().__init__(
            say(
                "{location} is a location of kind stock. Returned goods wait for inspection in a quarantine.",
                location=location,
            )
        )


class NotStock(ErpError):
    """Goods that are to be sold again, put where nothing can be allocated, or nowhere."""

    field = "location"

    def __init__(self, *, location: str) -> None:
        where = say("{location} is a quarantine", location=location) if location else say("No location is chosen")
        super().__init__(say("{where}. Goods that go back to stock need a location of kind stock.", where=where))


class AlreadyReplaced(ErpError):
    """A return that has a replacement order already."""

    def __init__(self, *, number: str, order: str) -> None:
        super().__init__(say("{number} is replaced by {order} already.", number=number, order=order))


class GoodsReturned(ErpError):
    """A pack line whose goods a customer returned, or is about to: the pack cannot be reversed as well."""

    def __init__(self, *, numbers: Sequence[str]) -> None:
        super().__init__(
            say(
                "Goods of this pack are in {numbers}. Receive them there, or cancel the return first.",
                numbers=", ".join(numbers),
            )
        )


class ReturnsOpen(ErpError):
    """Returns that are not closed while the module is switched off."""

    def __init__(self, *, drafts: int, received: int) -> None:
        super().__init__(
            say(
                "{returns} in draft and {received_returns} are open. Inspect what was received, and "
                "cancel the drafts. Asked to release, the module cancels the drafts, and what was "
                "received waits in quarantine until the module is on again.",
                returns=plural(drafts, "return"),
                received_returns=plural(received, "received return"),
            )
        )
