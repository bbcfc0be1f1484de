"""Refusals of procurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from erp.errors import ErpError
from erp.numbers import format_quantity


class OrderWithoutLines(ErpError):
    """A purchase order without lines cannot be ordered."""

    def __init__(self, *, order: str) -> None:
        super().__init__(f"{order} has no lines. Add one before you order it.", order=order)


class OverReceipt(ErpError):
    """More than the over-receipt bound lets in."""

    def __init__(self, *, line: str, quantity: Decimal, receivable: Decimal) -> None:
        super().__init__(
            f"{line}: {format_quantity(quantity)} cannot be received; at most {format_quantity(receivable)} may "
            "still come in (option procurement.over_receipt_percent).",
            line=line,
            quantity=quantity,
            receivable=receivable,
        )


class DeliveriesRefused(ErpError):
    """Some of many deliveries cannot be received, so none is; `refusals` says why, by their place in the list."""

    def __init__(self, *, refusals: Mapping[int, ErpError]) -> None:
        sentences = list(dict.fromkeys(str(refusal) for refusal in refusals.values()))
        more = f" And {len(sentences) - 5} more." if len(sentences) > 5 else ""
        super().__init__(" ".join(sentences[:5]) + more, refusals=refusals)
        self.refusals = refusals


class NothingReceived(ErpError):
    """A receiving page without a quantity or a serial number."""

    def __init__(self, *, order: str) -> None:
        super().__init__(f"Nothing of {order} was received: enter a quantity or serial numbers.", order=order)


class ImpactUnseen(ErpError):
    """New expected dates that break promises which the person has not been shown yet; nothing was saved."""

    def __init__(self, *, promises: int) -> None:
        broken = "a promise" if promises == 1 else f"{promises} promises"
        super().__init__(
            f"Not saved yet: the new dates break {broken}. Look at what they break, then save once more.",
            promises=promises,
        )


class QuantityBelowReceived(ErpError):
    """A line lowered below what has arrived or was closed short."""

    def __init__(self, *, line: str, quantity: Decimal, received: Decimal, cancelled: Decimal) -> None:
        super().__init__(
            f"{line} cannot be lowered to {format_quantity(quantity)}: {format_quantity(received)} are received and "
            f"{format_quantity(cancelled)} are closed short already.",
            line=line,
            quantity=quantity,
            received=received,
            cancelled=cancelled,
        )


class LineIsClaimed(ErpError):
    """A line lowered below what is received and meant for customers."""

    def __init__(self, *, line: str, quantity: Decimal, claimed: Decimal, documents: Sequence[str]) -> None:
        names = f" ({', '.join(documents)})" if documents else ""
        super().__init__(
            f"{line} cannot be lowered to {format_quantity(quantity)}: {format_quantity(claimed)} still to come are "
            f"meant for sales orders{names}. Tick release to let the last in the queue go.",
            line=line,
            quantity=quantity,
            claimed=claimed,
            documents=list(documents),
        )


class ProductIsFixed(ErpError):
    """The product of a line that something has been received of, or that is meant for customers."""

    def __init__(self, *, line: str, received: Decimal, claimed: Decimal) -> None:
        super().__init__(
            f"The product of {line} cannot change: {format_quantity(received)} are received and "
            f"{format_quantity(claimed)} are meant for sales orders.",
            line=line,
            received=received,
            claimed=claimed,
        )


class NothingOutstanding(ErpError):
    """A line of which nothing is to come any more."""

    def __init__(self, *, line: str) -> None:
        super().__init__(f"Nothing of {line} is outstanding, so there is nothing to close.", line=line)


class PartlyReceived(ErpError):
    """A purchase order of which goods are in stock cannot be cancelled as a whole."""

    def __init__(self, *, order: str) -> None:
        super().__init__(f"{order} is partly received. Close its lines short instead of cancelling it.", order=order)


class LineNotRemovable(ErpError):
    """A line that has been ordered stays on the document."""

    def __init__(self, *, line: str) -> None:
        super().__init__(f"{line} is ordered and cannot be deleted. Close it short instead.", line=line)


class NameTaken(ErpError):
    """Two suppliers of one code or two statuses of one name."""

    def __init__(self, *, noun: str, name: str) -> None:
        super().__init__(f"There is a {noun} {name} already.", noun=noun, name=name)


class StatusInUse(ErpError):
    """A status that purchase order lines bear."""

    def __init__(self, *, name: str, lines: int) -> None:
        bearers = "line bears" if lines == 1 else "lines bear"
        super().__init__(
            f"Status {name} cannot be deleted: {lines} purchase order {bearers} it.",
            name=name,
            lines=lines,
        )


class SupplierInUse(ErpError):
    """A supplier with purchase orders."""

    def __init__(self, *, code: str, orders: int) -> None:
        documents = "purchase order names" if orders == 1 else "purchase orders name"
        super().__init__(
            f"Supplier {code} cannot be deleted: {orders} {documents} it.",
            code=code,
            orders=orders,
        )
