"""Refusals of sales."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from erp.errors import ErpError
from erp.numbers import format_quantity
from erp.text import plural


class LinesRefused(ErpError):
    """Lines of an order that may not be confirmed, added or raised, each with its reason."""

    field = "quantity"

    def __init__(self, *, order: str, reasons: Sequence[str]) -> None:
        super().__init__(f"{order} is refused. {' '.join(reasons)}")


class QuoteRefused(ErpError):
    """A quote that cannot be used."""


class QuoteUnknown(QuoteRefused):
    """There is no quote with that token."""

    def __init__(self) -> None:
        super().__init__("There is no quote with this token. Ask for a new quote.")


class QuoteExpired(QuoteRefused):
    """A quote whose time is over: nothing is held for it any more."""

    def __init__(self, *, quote: str, until: datetime) -> None:
        super().__init__(
            f"Quote {quote} has expired: it was held until {until:%d %b %Y %H:%M} UTC. Ask for a new quote."
        )


class QuoteUsed(QuoteRefused):
    """A quote that an order has used: it is used once."""

    def __init__(self, *, quote: str, order: str) -> None:
        super().__init__(f"Quote {quote} is used already, by {order}. Ask for a new quote.")


class QuoteReleased(QuoteRefused):
    """A quote that was given back."""

    def __init__(self, *, quote: str) -> None:
        super().__init__(f"Quote {quote} was released: nothing is held for it any more. Ask for a new quote.")


class QuoteBroken(QuoteRefused):
    """A quote of which something is not there any more as it was quoted; `why` says what."""

    def __init__(self, *, quote: str, why: str) -> None:
        super().__init__(f"Quote {quote} cannot be kept. {why} Ask for a new quote.")


class QuoteDiffers(QuoteRefused):
    """An order whose lines are not those of its quote."""

    def __init__(self, *, quote: str, order: str, quoted: Sequence[str]) -> None:
        super().__init__(f"{order} is not what quote {quote} is for: {', '.join(quoted)}. Order exactly that.")


class SerialNotQuoted(ErpError):
    """Serial numbers are not reserved, so they cannot be held either."""

    def __init__(self, *, sku: str) -> None:
        super().__init__(f"{sku} is tracked by serial number: it cannot be held for a quote. Order it without one.")


class OrderWithoutLines(ErpError):
    """An order without lines cannot be confirmed."""

    def __init__(self, *, order: str) -> None:
        super().__init__(f"{order} has no lines. Add one before you confirm it.")


class NoLinesGiven(ErpError):
    """Lines were to be added, but none was entered."""

    def __init__(self) -> None:
        super().__init__("Enter at least one line.")


class InactiveProduct(ErpError):
    """A product that is not sold any more."""

    def __init__(self, *, sku: str) -> None:
        super().__init__(f"{sku} is no longer active. Order another product, or activate it again.")


class QuantityBelowDone(ErpError):
    """A quantity below what is packed or cancelled."""

    field = "quantity"

    def __init__(self, *, quantity: Decimal, packed: Decimal, cancelled: Decimal) -> None:
        super().__init__(
            f"The quantity cannot be {format_quantity(quantity)}: {format_quantity(packed)} are packed and "
            f"{format_quantity(cancelled)} are cancelled already. "
            f"Enter at least {format_quantity(packed + cancelled)}."
        )


class TakesFromEarlier(ErpError):
    """Allocating an order takes what earlier orders wait for, and nobody has agreed to that."""

    def __init__(self, *, order: str, losers: Sequence[str]) -> None:
        super().__init__(
            f"{order} would take what earlier orders wait for: {', '.join(losers)}. Nothing is allocated yet."
        )


class NothingToPack(ErpError):
    """Nothing of the order is allocated and ready to leave."""

    def __init__(self, *, order: str, reasons: Sequence[str] = ()) -> None:
        why = " ".join(reasons) or "Nothing is allocated."
        super().__init__(f"{order} has nothing to pack. {why}")


class ShipsComplete(ErpError):
    """An order that ships complete, while something of it cannot leave yet."""

    def __init__(self, *, order: str, reasons: Sequence[str]) -> None:
        super().__init__(f"{order} ships complete. {' '.join(reasons)}")


class LotUnusable(ErpError):
    """An allocation on a lot that may not leave now: on hold, expired or in quarantine."""

    def __init__(self, *, lot: str, location: str, why: str) -> None:
        super().__init__(
            f"Lot {lot} at {location} is {why}, so it cannot be packed. Its page can release what is allocated on it."
        )


class SerialNumberRefused(ErpError):
    """A serial number that cannot be packed."""

    def __init__(self, *, number: str, sku: str, reason: str) -> None:
        super().__init__(f"Serial number {number} of {sku} cannot be packed: {reason}.")


class SerialNumberUnknown(SerialNumberRefused):
    """A serial number that is not in stock of that product: unknown, packed, or of another product."""

    def __init__(self, *, number: str, sku: str) -> None:
        super().__init__(number=number, sku=sku, reason="it is not in stock")


class SerialNumberUnusable(SerialNumberRefused):
    """A serial number that may not leave now: on hold, expired or in quarantine."""

    def __init__(self, *, number: str, sku: str, why: str) -> None:
        super().__init__(number=number, sku=sku, reason=f"it is {why}")


class SerialNumberTwice(SerialNumberRefused):
    """A serial number that is given more than once."""

    def __init__(self, *, number: str, sku: str) -> None:
        super().__init__(number=number, sku=sku, reason="it is given twice")


class TooManySerialNumbers(ErpError):
    """More serial numbers than the line has open."""

    def __init__(self, *, position: int, given: int, open_quantity: Decimal) -> None:
        super().__init__(
            f"Line {position}: {given} serial numbers are given, {format_quantity(open_quantity)} are open."
        )


class NotSerial(ErpError):
    """Serial numbers for a line whose product has none."""

    def __init__(self, *, position: int, sku: str) -> None:
        super().__init__(f"Line {position}: {sku} is not tracked by serial number. Pack it without one.")


class AlreadyReversed(ErpError):
    """A pack, or lines of it, that somebody has reversed before."""

    def __init__(self, *, pack: str) -> None:
        super().__init__(f"What you chose of {pack} is reversed already. Its page shows by whom and why.")


class ReasonMissing(ErpError):
    """A pack that would be reversed without a reason."""

    def __init__(self, *, pack: str) -> None:
        super().__init__(f"Say why {pack} is reversed.")


class SerialNotAllocated(ErpError):
    """Serial products are packed by their numbers, never allocated or backordered."""

    def __init__(self, *, sku: str) -> None:
        super().__init__(f"{sku} is tracked by serial number: it is not allocated; give the numbers when packing.")


class NotOfThisOrder(ErpError):
    """A line or an allocation that belongs to another order, or is gone."""

    def __init__(self, *, order: str) -> None:
        super().__init__(f"What you chose is no longer on {order}. Reload the page and choose again.")


class NothingOpen(ErpError):
    """A line or backorder on which nothing is open."""

    def __init__(self, *, what: str) -> None:
        super().__init__(f"{what}: nothing is open.")


class NothingToAllocate(ErpError):
    """An order of which all that is open is allocated."""

    def __init__(self, *, order: str) -> None:
        super().__init__(f"{order}: all that is open is allocated already.")


class HoldUnchanged(ErpError):
    """Something is to be held or released that is so already, or of which nothing is open."""

    def __init__(self, *, what: str, hold: bool) -> None:
        is_so = "on hold already" if hold else "not on hold"
        super().__init__(f"{what}: what is open is {is_so}.")


class AllocationsHeld(ErpError):
    """Sales cannot be switched off while stock is allocated."""

    def __init__(self, *, quantity: Decimal, orders: int) -> None:
        units = "1 unit is" if quantity == 1 else f"{format_quantity(quantity)} units are"
        super().__init__(f"{units} allocated to {plural(orders, 'sales order')}. Release them to disable sales.")


class BookChanged(ErpError):
    """The book is not what the preview showed. `products` are names with what changed of them."""

    def __init__(self, *, products: Sequence[str]) -> None:
        more = f" and {len(products) - 5} more" if len(products) > 5 else ""
        super().__init__(
            f"The book has changed since this preview: {', '.join(products[:5])}{more}. Nothing was served. "
            "Check the new preview before you apply it.",
            products=list(products),
        )


class MoreThanNeeded(ErpError):
    """More stock was to be taken for a line than it needs."""

    def __init__(self, *, line: str, need: Decimal, wanted: Decimal) -> None:
        super().__init__(
            f"{line} needs {format_quantity(need)}, so {format_quantity(wanted)} cannot be taken for it. "
            "Take less, or from fewer orders."
        )


class NotHeld(ErpError):
    """More was to be taken from a line than it has on usable stock."""

    def __init__(self, *, holder: str, held: Decimal, wanted: Decimal) -> None:
        super().__init__(
            f"{holder} has {format_quantity(held)} on usable stock that are not packed, "
            f"so {format_quantity(wanted)} cannot be taken from it. Reload the page to see who has what."
        )


class CountDiffers(ErpError):
    """What was counted before packing is not what is allocated."""

    def __init__(self, *, what: str, counted: Decimal, allocated: Decimal) -> None:
        super().__init__(
            f"Of {what}, {format_quantity(counted)} were counted and {format_quantity(allocated)} are allocated. "
            "Count it again, or remove from the allocation lines what is not there."
        )
