"""Refusals of procurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from erp.errors import ErpError, SomeRefused
from erp.numbers import format_quantity
from erp.text import joined, plural, say


class OrderWithoutLines(ErpError):
    """A purchase order without lines cannot be ordered."""

    def __init__(self, *, order: str) -> None:
        super().__init__(say("{order} has no lines. Add one before you order it.", order=order))


class OverReceipt(ErpError):
    """More than the over-receipt limit allows."""

    field = "quantity"

    def __init__(self, *, line: str, quantity: Decimal, receivable: Decimal) -> None:
        super().__init__(
            say(
                "{line}: {quantity} cannot be received; at most {receivable} may still come in "
                "(option procurement.over_receipt_percent).",
                line=line,
                quantity=format_quantity(quantity),
                receivable=format_quantity(receivable),
            )
        )


class DeliveriesRefused(SomeRefused):
    """Some of several deliveries cannot be received, so none is; `refusals` gives the reasons by position."""

    def __init__(self, *, refusals: Mapping[int, ErpError]) -> None:
        sentences = list(dict.fromkeys(str(refusal) for refusal in refusals.values()))
        more = say(" And {sentences} more.", sentences=len(sentences) - 5) if len(sentences) > 5 else ""
        super().__init__(joined(sentences[:5]) + more)
        self.refusals = refusals


class NothingReceived(ErpError):
    """A receiving page was posted without a quantity or a serial number."""

    def __init__(self, *, order: str) -> None:
        super().__init__(say("Nothing of {order} was received: enter a quantity or serial numbers.", order=order))


class ImpactUnseen(ErpError):
    """New expected dates break promises that the user has not yet been shown; nothing was saved."""

    def __init__(self, *, promises: int) -> None:
        broken = say("a promise") if promises == 1 else plural(promises, "promise")
        super().__init__(
            say("Not saved yet: the new dates break {broken}. Check what they break, then save again.", broken=broken)
        )


class QuantityBelowReceived(ErpError):
    """A line cannot be lowered below what was received or closed short."""

    field = "quantity"

    def __init__(self, *, line: str, quantity: Decimal, received: Decimal, cancelled: Decimal) -> None:
        super().__init__(
            say(
                "{line} cannot be lowered to {quantity}: {received} are received and {cancelled} are "
                "closed short already.",
                line=line,
                quantity=format_quantity(quantity),
                received=format_quantity(received),
                cancelled=format_quantity(cancelled),
            )
        )


class LineIsAllocated(ErpError):
    """A line cannot be lowered below what was received and is allocated to sales orders."""

    field = "quantity"

    def __init__(self, *, line: str, quantity: Decimal, allocated: Decimal, documents: Sequence[str]) -> None:
        names = f" ({', '.join(documents)})" if documents else ""
        super().__init__(
            say(
                "{line} cannot be lowered to {quantity}: {allocated} still to come are allocated to "
                "sales orders{names}. Tick Release to take it from the last in the queue.",
                line=line,
                quantity=format_quantity(quantity),
                allocated=format_quantity(allocated),
                names=names,
            )
        )


class ProductIsFixed(ErpError):
    """The product of a line cannot change once some of it is received or allocated."""

    field = "product"

    def __init__(self, *, line: str, received: Decimal, allocated: Decimal) -> None:
        super().__init__(
            say(
                "The product of {line} cannot change: {received} are received and {allocated} are "
                "allocated to sales orders. Add a line for the other product.",
                line=line,
                received=format_quantity(received),
                allocated=format_quantity(allocated),
            )
        )


class NothingOutstanding(ErpError):
    """A line of which nothing is outstanding cannot be closed short."""

    def __init__(self, *, line: str) -> None:
        super().__init__(say("Nothing of {line} is outstanding, so there is nothing to close.", line=line))


class PartlyReceived(ErpError):
    """A purchase order of which goods are in stock cannot be cancelled as a whole."""

    def __init__(self, *, order: str) -> None:
        super().__init__(
            say("{order} is partly received. Close its lines short instead of cancelling it.", order=order)
        )


class LineNotRemovable(ErpError):
    """A line of an order that is no draft cannot be deleted."""

    def __init__(self, *, line: str) -> None:
        super().__init__(say("{line} is ordered and cannot be deleted. Close it short instead.", line=line))


class NothingCancelled(ErpError):
    """A line of which nothing was cancelled cannot be reopened."""

    def __init__(self, *, line: str) -> None:
        super().__init__(say("Nothing of {line} was cancelled. To order more of it, raise its quantity.", line=line))


class ReopenedTooMuch(ErpError):
    """More than was cancelled of a line."""

    field = "quantity"

    def __init__(self, *, line: str, quantity: Decimal, cancelled: Decimal) -> None:
        super().__init__(
            say(
                "{line}: {quantity} cannot be reopened; {cancelled} were cancelled. To order more, "
                "raise the line's quantity.",
                line=line,
                quantity=format_quantity(quantity),
                cancelled=format_quantity(cancelled),
            )
        )


class ExpectedDatePassed(ErpError):
    """A line that is reopened needs a new expected date, because the one it has, or the one given, has passed."""

    field = "expected_on"

    def __init__(self, *, line: str, expected_on: date) -> None:
        super().__init__(
            say(
                "{line} was expected on {isoformat}, which has passed. Give a new expected date.",
                line=line,
                isoformat=expected_on,
            )
        )


class NothingToReverse(ErpError):
    """A receipt of which everything was reversed already."""

    def __init__(self, *, receipt: str) -> None:
        super().__init__(say("All of {receipt} is reversed already.", receipt=receipt))


class ReversedTooMuch(ErpError):
    """More than is left of a receipt after earlier reversals."""

    field = "quantity"

    def __init__(self, *, receipt: str, quantity: Decimal, reversible: Decimal) -> None:
        super().__init__(
            say(
                "{receipt}: {quantity} cannot be reversed; {reversible} of it are left.",
                receipt=receipt,
                quantity=format_quantity(quantity),
                reversible=format_quantity(reversible),
            )
        )


class NothingReopened(ErpError):
    """A reopening page was posted without a quantity."""

    def __init__(self, *, order: str) -> None:
        super().__init__(say("Nothing of {order} was reopened: enter a quantity.", order=order))


class ReasonMissing(ErpError):
    """An action that history must explain was asked for without a reason."""

    def __init__(self, *, action: str) -> None:
        super().__init__(say("Give the reason why you {action}: it is kept in the history.", action=action))


class NameTaken(ErpError):
    """The code of a supplier or the name of a status exists already."""

    def __init__(self, *, noun: str, name: str) -> None:
        super().__init__(say("There is a {noun} {name} already. Choose another one.", noun=noun, name=name))


class StatusInUse(ErpError):
    """A status that purchase order lines have cannot be deleted."""

    def __init__(self, *, name: str, lines: int) -> None:
        users = plural(lines, "purchase order line has", "purchase order lines have")
        text = say("Status {name} cannot be deleted: {users} it. Give them another one first.", name=name, users=users)
        super().__init__(text)


class SupplierInUse(ErpError):
    """A supplier with purchase orders cannot be deleted."""

    def __init__(self, *, code: str, orders: int) -> None:
        users = plural(orders, "purchase order names", "purchase orders name")
        super().__init__(say("Supplier {code} cannot be deleted: {users} it.", code=code, users=users))
