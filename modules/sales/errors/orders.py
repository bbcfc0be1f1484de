"""Refusals about orders, allocations, backorders and packs."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from erp.errors import ErpError
from erp.numbers import format_quantity
from erp.text import joined, plural, say


class LinesRefused(ErpError):
    """Lines of an order that may not be confirmed, added or raised, each with its reason."""

    field = "quantity"

    def __init__(self, *, order: str, reasons: Sequence[str]) -> None:
        super().__init__(say("{order} is refused. {reasons}", order=order, reasons=joined(reasons)))


class OrderWithoutLines(ErpError):
    """An order without lines cannot be confirmed."""

    def __init__(self, *, order: str) -> None:
        super().__init__(say("{order} has no lines. Add one before you confirm it.", order=order))


class NoLinesGiven(ErpError):
    """Lines were to be added, but none was entered."""

    def __init__(self) -> None:
        super().__init__("Enter at least one line.")


class InactiveProduct(ErpError):
    """A product that is not sold any more."""

    def __init__(self, *, sku: str) -> None:
        super().__init__(say("{sku} is no longer active. Order another product, or activate it again.", sku=sku))


class QuantityBelowDone(ErpError):
    """A quantity below what is packed or cancelled."""

    field = "quantity"

    def __init__(self, *, quantity: Decimal, packed: Decimal, cancelled: Decimal) -> None:
        super().__init__(
            say(
                "The quantity cannot be {quantity}: {packed} are packed and {cancelled} are "
                "cancelled already. Enter at least {packed_}.",
                quantity=format_quantity(quantity),
                packed=format_quantity(packed),
                cancelled=format_quantity(cancelled),
                packed_=format_quantity(packed + cancelled),
            )
        )


class TakesFromEarlier(ErpError):
    """Allocating an order takes what earlier orders wait for, and nobody has agreed to that."""

    def __init__(self, *, order: str, losers: Sequence[str]) -> None:
        super().__init__(
            say(
                "{order} would take what earlier orders wait for: {losers}. Nothing is allocated yet.",
                order=order,
                losers=joined(losers, ", "),
            )
        )


class NothingToPack(ErpError):
    """Nothing of the order is allocated and ready to leave."""

    def __init__(self, *, order: str, reasons: Sequence[str] = ()) -> None:
        why = joined(reasons) if reasons else say("Nothing is allocated.")
        super().__init__(say("{order} has nothing to pack. {why}", order=order, why=why))


class ShipsComplete(ErpError):
    """An order that ships complete, while something of it cannot leave yet."""

    def __init__(self, *, order: str, reasons: Sequence[str]) -> None:
        super().__init__(say("{order} ships complete. {reasons}", order=order, reasons=joined(reasons)))


class LotUnusable(ErpError):
    """An allocation on a lot that may not leave now: on hold, expired or in quarantine."""

    def __init__(self, *, lot: str, location: str, why: str) -> None:
        super().__init__(
            say(
                "Lot {lot} at {location} is {why}, so it cannot be packed. Its page can release what "
                "is allocated on it.",
                lot=lot,
                location=location,
                why=why,
            )
        )


class SerialNumberRefused(ErpError):
    """A serial number that cannot be packed."""

    def __init__(self, *, number: str, sku: str, reason: str) -> None:
        super().__init__(
            say("Serial number {number} of {sku} cannot be packed: {reason}.", number=number, sku=sku, reason=reason)
        )


class SerialNumberUnknown(SerialNumberRefused):
    """A serial number that is not in stock of that product: unknown, packed, or of another product."""

    def __init__(self, *, number: str, sku: str) -> None:
        super().__init__(number=number, sku=sku, reason=say("it is not in stock"))


class SerialNumberUnusable(SerialNumberRefused):
    """A serial number that may not leave now: on hold, expired or in quarantine."""

    def __init__(self, *, number: str, sku: str, why: str) -> None:
        super().__init__(number=number, sku=sku, reason=say("it is {why}", why=why))


class SerialNumberTwice(SerialNumberRefused):
    """A serial number that is given more than once."""

    def __init__(self, *, number: str, sku: str) -> None:
        super().__init__(number=number, sku=sku, reason=say("it is given twice"))


class TooManySerialNumbers(ErpError):
    """More serial numbers than the line has open."""

    def __init__(self, *, position: int, given: int, open_quantity: Decimal) -> None:
        super().__init__(
            say(
                "Line {position}: {given} serial numbers are given, {open_quantity} are open.",
                position=position,
                given=given,
                open_quantity=format_quantity(open_quantity),
            )
        )


class NotSerial(ErpError):
    """Serial numbers for a line whose product has none."""

    def __init__(self, *, position: int, sku: str) -> None:
        super().__init__(
            say(
                "Line {position}: {sku} is not tracked by serial number. Pack it without one.",
                position=position,
                sku=sku,
            )
        )


class AlreadyReversed(ErpError):
    """A pack, or lines of it, that somebody has reversed before."""

    def __init__(self, *, pack: str) -> None:
        super().__init__(
            say("What you chose of {pack} is reversed already. Its page shows by whom and why.", pack=pack)
        )


class ReasonMissing(ErpError):
    """A pack that would be reversed without a reason."""

    def __init__(self, *, pack: str) -> None:
        super().__init__(say("Say why {pack} is reversed.", pack=pack))


class SerialNotAllocated(ErpError):
    """Serial products are packed by their numbers, never allocated or backordered."""

    def __init__(self, *, sku: str) -> None:
        super().__init__(
            say("{sku} is tracked by serial number: it is not allocated; give the numbers when packing.", sku=sku)
        )


class NotOfThisOrder(ErpError):
    """A line or an allocation that belongs to another order, or is gone."""

    def __init__(self, *, order: str) -> None:
        super().__init__(say("What you chose is no longer on {order}. Reload the page and choose again.", order=order))


class NothingOpen(ErpError):
    """A line or backorder on which nothing is open."""

    def __init__(self, *, what: str) -> None:
        super().__init__(say("{what}: nothing is open.", what=what))


class NothingToAllocate(ErpError):
    """An order of which all that is open is allocated."""

    def __init__(self, *, order: str) -> None:
        super().__init__(say("{order}: all that is open is allocated already.", order=order))


class HoldUnchanged(ErpError):
    """Something is to be held or released that is so already, or of which nothing is open."""

    def __init__(self, *, what: str, hold: bool) -> None:
        is_so = say("on hold already") if hold else say("not on hold")
        super().__init__(say("{what}: what is open is {is_so}.", what=what, is_so=is_so))


class AllocationsHeld(ErpError):
    """Sales cannot be switched off while stock is allocated."""

    def __init__(self, *, quantity: Decimal, orders: int) -> None:
        units = say("1 unit is") if quantity == 1 else say("{quantity} units are", quantity=format_quantity(quantity))
        super().__init__(
            say(
                "{units} allocated to {sales_orders}. Release them to disable sales.",
                units=units,
                sales_orders=plural(orders, "sales order"),
            )
        )


class BookChanged(ErpError):
    """The book is not what the preview showed. `products` are names with what changed of them."""

    def __init__(self, *, products: Sequence[str]) -> None:
        more = say(" and {products} more", products=len(products) - 5) if len(products) > 5 else ""
        super().__init__(
            say(
                "The book has changed since this preview: {products}{more}. Nothing was served. "
                "Check the new preview before you apply it.",
                products=joined(products[:5], ", "),
                more=more,
            ),
            products=list(products),
        )


class MoreThanNeeded(ErpError):
    """More stock was to be taken for a line than it needs."""

    def __init__(self, *, line: str, need: Decimal, wanted: Decimal) -> None:
        super().__init__(
            say(
                "{line} needs {need}, so {wanted} cannot be taken for it. Take less, or from fewer orders.",
                line=line,
                need=format_quantity(need),
                wanted=format_quantity(wanted),
            )
        )


class NotHeld(ErpError):
    """More was to be taken from a line than it has on usable stock."""

    def __init__(self, *, holder: str, held: Decimal, wanted: Decimal) -> None:
        super().__init__(
            say(
                "{holder} has {held} on usable stock that are not packed, so {wanted} cannot be "
                "taken from it. Reload the page to see who has what.",
                holder=holder,
                held=format_quantity(held),
                wanted=format_quantity(wanted),
            )
        )


class CountDiffers(ErpError):
    """What was counted before packing is not what is allocated."""

    def __init__(self, *, what: str, counted: Decimal, allocated: Decimal) -> None:
        super().__init__(
            say(
                "Of {what}, {counted} were counted and {allocated} are allocated. Count it again, or "
                "remove from the allocation lines what is not there.",
                what=what,
                counted=format_quantity(counted),
                allocated=format_quantity(allocated),
            )
        )
