"""Refusals of stock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from erp.errors import ErpError, SomeRefused
from erp.numbers import format_quantity
from erp.text import joined, say


class StockRefused(ErpError):
    """Data about stock that is refused."""

    field = "quantity"


class BadQuantity(StockRefused):
    """A quantity that is not positive, too large, or has more decimals than the product's unit."""

    def __init__(self, *, what: str, quantity: Decimal, reason: str) -> None:
        super().__init__(joined((what, ": ", format_quantity(quantity), " ", reason, "."), ""))


class NegativePrice(ErpError):
    """A price below 0."""

    def __init__(self, *, what: str, price: Decimal, field: str) -> None:
        super().__init__(
            say("{what}: a price of {price} is below 0. Enter 0 or more.", what=what, price=format_quantity(price))
        )
        self.field = field


class BadLocation(StockRefused):
    """A text that does not name a location."""

    field = "location"

    def __init__(self, *, path: str, reason: str = say("write it as WAREHOUSE/LOCATION, such as WH/STOCK")) -> None:
        super().__init__(say("{path!r} is not a location: {reason}.", path=path, reason=reason))


class LotNumberMissing(StockRefused):
    """Stock of a tracked product without its lot or serial number."""

    field = "lot"

    def __init__(self, *, sku: str, tracking: str) -> None:
        super().__init__(
            say("{sku} is tracked by serial: give the serial number.", sku=sku)
            if tracking == "serial"
            else say("{sku} is tracked by lot: give the lot number.", sku=sku)
        )


class BadLotNumber(StockRefused):
    """A lot number that cannot be kept."""

    field = "lot"

    def __init__(self, *, number: str, reason: str = say("give 1 to 80 characters without line breaks")) -> None:
        super().__init__(say("{number!r} is not a lot number: {reason}.", number=number, reason=reason))


class SerialQuantity(StockRefused):
    """A serial number with another quantity than one piece."""

    def __init__(self, *, sku: str, number: str, quantity: Decimal) -> None:
        super().__init__(
            say(
                "{sku} is tracked by serial number: {number} stands for one piece, not {quantity}.",
                sku=sku,
                number=number,
                quantity=format_quantity(quantity),
            )
        )


class SerialDecimals(StockRefused):
    """A product tracked by serial number whose unit would have decimals."""

    field = "unit_decimals"

    def __init__(self, *, sku: str, unit_decimals: int) -> None:
        super().__init__(
            say(
                "{sku} is tracked by serial number, each for one whole piece: its unit has 0 "
                "decimals, not {unit_decimals}.",
                sku=sku,
                unit_decimals=unit_decimals,
            )
        )


class SerialInStock(StockRefused):
    """A serial number that is in stock already, or named twice."""

    field = "lot"

    def __init__(self, *, sku: str, number: str) -> None:
        super().__init__(say("Serial number {number} of {sku} is in stock already.", number=number, sku=sku))


class LotDatesDiffer(StockRefused):
    """Goods that arrive with another date than the stock of the same lot has; `column` is the date's name."""

    def __init__(self, *, sku: str, number: str, column: str, given: date, known: date | None) -> None:
        has = known or say("no date")
        if column == "received_on":
            what, instead = say("was received on {has}", has=has), say("receive into another lot")
        else:
            what = say("expires on {has}", has=has) if known else say("does not expire")
            instead = say("change the expiry on the lot's page first, or receive into another lot")
        super().__init__(
            say(
                "Lot {number} of {sku} {what}, not on {isoformat}. Leave the date empty, or {instead}.",
                number=number,
                sku=sku,
                what=what,
                isoformat=given,
                instead=instead,
            )
        )
        self.field = column


class StockAllocated(StockRefused):
    """Stock that cannot become so little: more is allocated to documents."""

    def __init__(self, *, what: str, quantity: Decimal, allocated: Decimal, documents: Sequence[str]) -> None:
        holders = ", ".join(documents) or say("documents of a module that is off")
        super().__init__(
            say(
                "{what} cannot become {quantity}: {allocated} are allocated to {holders}. Remove "
                "these allocations first, or release them with the adjustment.",
                what=what,
                quantity=format_quantity(quantity),
                allocated=format_quantity(allocated),
                holders=holders,
            )
        )


class TotalAndLots(StockRefused):
    """Stock of one product at one location counted both as a total and by lot."""

    field = "lot"

    def __init__(self, *, sku: str, location: str) -> None:
        super().__init__(
            say(
                "{sku} at {location} is counted both by lot and in total. Give one or the other.",
                sku=sku,
                location=location,
            )
        )


class CountedTwice(StockRefused):
    """The same stock counted twice in one adjustment."""

    field = "lot"

    def __init__(self, *, what: str) -> None:
        super().__init__(say("{what} is counted twice. Give it once.", what=what))


class ManyRefused(SomeRefused):
    """Some of many changes are refused, so none is made; `refusals` are by their position in the list."""

    def __init__(self, *, refusals: Mapping[int, StockRefused]) -> None:
        super().__init__(str(next(iter(refusals.values()))))
        self.refusals = refusals


class NotEnoughUnallocated(ErpError):
    """A transfer of more than is unallocated."""

    field = "quantity"

    def __init__(self, *, what: str, quantity: Decimal, unallocated: Decimal) -> None:
        super().__init__(
            say(
                "{what}: {quantity} cannot be transferred, {unallocated} are there unallocated.",
                what=what,
                quantity=format_quantity(quantity),
                unallocated=format_quantity(unallocated),
            )
        )


class NotOnHand(ErpError):
    """Goods that are to be taken back, of which less is on hand."""

    def __init__(self, *, what: str, quantity: Decimal, on_hand: Decimal) -> None:
        super().__init__(
            say(
                "{what}: {quantity} cannot be taken back, {on_hand} are on hand there. Take back "
                "less, or bring back first what was packed or transferred.",
                what=what,
                quantity=format_quantity(quantity),
                on_hand=format_quantity(on_hand),
            )
        )


class NotQuarantine(ErpError):
    """A location named QUARANTINE whose stock may be allocated."""

    def __init__(self, *, location: str) -> None:
        super().__init__(
            say(
                "{location} is a location of kind stock. Make it a quarantine, or transfer to another.",
                location=location,
            )
        )


class SameLocation(ErpError):
    """A transfer to the location that the stock is at."""

    field = "location"

    def __init__(self, *, location: str) -> None:
        super().__init__(say("The stock is at {location} already. Choose another location.", location=location))


class HoldUnchanged(ErpError):
    """A lot that is on hold already, or is not on hold."""

    def __init__(self, *, number: str, on_hold: bool) -> None:
        super().__init__(
            say("Lot {number} is on hold already.", number=number)
            if on_hold
            else say("Lot {number} is not on hold.", number=number)
        )


class ActiveUnchanged(ErpError):
    """A product that is active already, or is not active."""

    def __init__(self, *, sku: str, is_active: bool) -> None:
        super().__init__(
            say("{sku} is active already.", sku=sku) if is_active else say("{sku} is not active.", sku=sku)
        )


class NothingToRelease(ErpError):
    """A lot, or a balance, without an allocation on stock that may not leave."""

    def __init__(self, *, what: str) -> None:
        super().__init__(say("{what} has no allocation on stock that is on hold, expired or in quarantine.", what=what))


class ProductInUse(StockRefused):
    """A change of how a product is tracked or counted, once it has stock or stands on a document."""

    def __init__(self, *, sku: str, field: str, reason: str) -> None:
        super().__init__(say("{sku} has stock or stands on documents, so {reason}.", sku=sku, reason=reason))
        self.field = field


class UnitIsFixed(StockRefused):
    """A change of the unit of a product of which incoming goods are allocated to customers."""

    field = "unit"

    def __init__(self, *, sku: str, documents: Sequence[str]) -> None:
        more = say(" and {documents} more", documents=len(documents) - 5) if len(documents) > 5 else ""
        super().__init__(
            say(
                "The unit of {sku} cannot change: goods on {documents}{more} are allocated to customers.",
                sku=sku,
                documents=", ".join(documents[:5]),
                more=more,
            )
        )


class LocationTaken(ErpError):
    """A location that exists already."""

    field = "path"

    def __init__(self, *, path: str) -> None:
        super().__init__(say("There is a location {path} already.", path=path))


class LocationInUse(ErpError):
    """A location that has or had stock and cannot be deleted."""

    def __init__(self, *, path: str) -> None:
        super().__init__(say("{path} has stock or stock moves, so it stays.", path=path))


class NothingCounted(ErpError):
    """A count of a location without any quantity."""

    def __init__(self, *, location: str) -> None:
        super().__init__(
            say("Nothing was counted at {location}. Enter what is there, 0 where nothing is.", location=location)
        )
