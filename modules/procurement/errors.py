"""Refusals of procurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from erp.errors import ErpError
from erp.numbers import format_quantity
from erp.text import plural


class OrderWithoutLines(ErpError):
    """A purchase order without lines cannot be ordered."""

    def __init__(self, *, order: str) -> None:
        super().__init__(f"{order} has no lines. Add one before you order it.")


class OverReceipt(ErpError):
    """More than the over-receipt limit allows."""

    field = "quantity"

    def __init__(self, *, line: str, quantity: Decimal, receivable: Decimal) -> None:
        super().__init__(
            f"{line}: {format_quantity(quantity)} cannot be received; at most {format_quantity(receivable)} may "
            "still come in (option procurement.over_receipt_percent)."
        )


class DeliveriesRefused(ErpError):
    """Some of several deliveries cannot be received, so none is; `refusals` gives the reasons by position."""

    def __init__(self, *, refusals: Mapping[int, ErpError]) -> None:
        sentences = list(dict.fromkeys(str(refusal) for refusal in refusals.values()))
        more = f" And {len(sentences) - 5} more." if len(sentences) > 5 else ""
        super().__init__(" ".join(sentences[:5]) + more)
        self.refusals = refusals


class NothingReceived(ErpError):
    """A receiving page was posted without a quantity or a serial number."""

    def __init__(self, *, order: str) -> None:
        super().__init__(f"Nothing of {order} was received: enter a quantity or serial numbers.")


class ImpactUnseen(ErpError):
    """New expected dates break promises that the user has not yet been shown; nothing was saved."""

    def __init__(self, *, promises: int) -> None:
        broken = "a promise" if promises == 1 else plural(promises, "promise")
        super().__init__(f"Not saved yet: the new dates break {broken}. Check what they break, then save again.")


class QuantityBelowReceived(ErpError):
    """A line cannot be lowered below what was received or closed short."""

    field = "quantity"

    def __init__(self, *, line: str, quantity: Decimal, received: Decimal, cancelled: Decimal) -> None:
        super().__init__(
            f"{line} cannot be lowered to {format_quantity(quantity)}: {format_quantity(received)} are received and "
            f"{format_quantity(cancelled)} are closed short already."
        )


class LineIsAllocated(ErpError):
    """A line cannot be lowered below what was received and is allocated to sales orders."""

    field = "quantity"

    def __init__(self, *, line: str, quantity: Decimal, allocated: Decimal, documents: Sequence[str]) -> None:
        names = f" ({', '.join(documents)})" if documents else ""
        super().__init__(
            f"{line} cannot be lowered to {format_quantity(quantity)}: {format_quantity(allocated)} still to come are "
            f"allocated to sales orders{names}. Tick Release to take it from the last in the queue."
        )


class ProductIsFixed(ErpError):
    """The product of a line cannot change once some of it is received or allocated."""

    field = "product"

    def __init__(self, *, line: str, received: Decimal, allocated: Decimal) -> None:
        super().__init__(
            f"The product of {line} cannot change: {format_quantity(received)} are received and "
            f"{format_quantity(allocated)} are allocated to sales orders."
        )


class NothingOutstanding(ErpError):
    """A line of which nothing is outstanding cannot be closed short."""

    def __init__(self, *, line: str) -> None:
        super().__init__(f"Nothing of {line} is outstanding, so there is nothing to close.")


class PartlyReceived(ErpError):
    """A purchase order of which goods are in stock cannot be cancelled as a whole."""

    def __init__(self, *, order: str) -> None:
        super().__init__(f"{order} is partly received. Close its lines short instead of cancelling it.")


class LineNotRemovable(ErpError):
    """A line of an order that is no draft cannot be deleted."""

    def __init__(self, *, line: str) -> None:
        super().__init__(f"{line} is ordered and cannot be deleted. Close it short instead.")


class NothingCancelled(ErpError):
    """A line of which nothing was cancelled cannot be reopened."""

    def __init__(self, *, line: str) -> None:
        super().__init__(f"Nothing of {line} was cancelled. To order more of it, raise its quantity.")


class ReopenedTooMuch(ErpError):
    """More than was cancelled of a line."""

    field = "quantity"

    def __init__(self, *, line: str, quantity: Decimal, cancelled: Decimal) -> None:
        super().__init__(
            f"{line}: {format_quantity(quantity)} cannot be reopened; {format_quantity(cancelled)} were cancelled. "
            "To order more, raise the line's quantity."
        )


class ExpectedDatePassed(ErpError):
    """A line that is reopened needs a new expected date, because the one it has, or the one given, has passed."""

    field = "expected_on"

    def __init__(self, *, line: str, expected_on: date) -> None:
        super().__init__(
            f"{line} was expected on {expected_on.isoformat()}, which has passed. Give a new expected date."
        )


class NothingToReverse(ErpError):
    """A receipt of which everything was reversed already."""

    def __init__(self, *, receipt: str) -> None:
        super().__init__(f"All of {receipt} is reversed already.")


class ReversedTooMuch(ErpError):
    """More than is left of a receipt after earlier reversals."""

    field = "quantity"

    def __init__(self, *, receipt: str, quantity: Decimal, reversible: Decimal) -> None:
        super().__init__(
            f"{receipt}: {format_quantity(quantity)} cannot be reversed; {format_quantity(reversible)} of it are left."
        )


class NothingReopened(ErpError):
    """A reopening page was posted without a quantity."""

    def __init__(self, *, order: str) -> None:
        super().__init__(f"Nothing of {order} was reopened: enter a quantity.")


class ReasonMissing(ErpError):
    """An action that history must explain was asked for without a reason."""

    def __init__(self, *, action: str) -> None:
        super().__init__(f"Give the reason why you {action}: it is kept in the history.")


class NameTaken(ErpError):
    """The code of a supplier or the name of a status exists already."""

    def __init__(self, *, noun: str, name: str) -> None:
        super().__init__(f"There is a {noun} {name} already.")


class StatusInUse(ErpError):
    """A status that purchase order lines have cannot be deleted."""

    def __init__(self, *, name: str, lines: int) -> None:
        users = plural(lines, "purchase order line has", "purchase order lines have")
        super().__init__(f"Status {name} cannot be deleted: {users} it.")


class SupplierInUse(ErpError):
    """A supplier with purchase orders cannot be deleted."""

    def __init__(self, *, code: str, orders: int) -> None:
        users = plural(orders, "purchase order names", "purchase orders name")
        super().__init__(f"Supplier {code} cannot be deleted: {users} it.")
