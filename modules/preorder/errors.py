"""Refusals of preorder."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from erp.errors import ErpError
from erp.numbers import format_quantity
from erp.text import say


class NotYetLaunched(ErpError):
    """A product before its launch is not sold as a preorder."""

    def __init__(self, *, sku: str, launch_date: date) -> None:
        super().__init__(
            say(
                "{sku} is launched on {isoformat} and is not eligible for preorder. Order it from that day on, or make "
                "it eligible on the page of the product.",
                sku=sku,
                isoformat=launch_date,
            )
        )


class PreorderLimitReached(ErpError):
    """More is ordered than the preorder limit of a product leaves."""

    def __init__(self, *, sku: str, limit: Decimal, left: Decimal, wanted: Decimal) -> None:
        super().__init__(
            say(
                "{sku}: {wanted} are wanted, {left} of the preorder limit of {limit} are left. Order less, or raise "
                "the limit on the page of the product.",
                sku=sku,
                wanted=format_quantity(wanted),
                left=format_quantity(left),
                limit=format_quantity(limit),
            )
        )


class PackedBeforeLaunch(ErpError):
    """A preorder may not leave before the launch."""

    def __init__(self, *, sku: str, launch_date: date) -> None:
        super().__init__(say("{sku} is not packed before its launch on {isoformat}.", sku=sku, isoformat=launch_date))


class LaunchDateMissing(ErpError):
    """A product is eligible for preorder but has no launch date."""

    def __init__(self, *, sku: str) -> None:
        super().__init__(say("{sku} is eligible for preorder: give it a launch date.", sku=sku))


class PurchaseAllocationsOutstanding(ErpError):
    """Preorder cannot be disabled while purchase allocations are outstanding."""

    def __init__(self, *, purchase_allocations: int, orders: int) -> None:
        super().__init__(
            say(
                "{purchase_allocations} purchase allocations on {orders} sales orders are "
                "outstanding. Release them to disable preorder.",
                purchase_allocations=purchase_allocations,
                orders=orders,
            )
        )


class NotEnoughIncoming(ErpError):
    """More is to be allocated than is available of a purchase order line."""

    def __init__(self, *, purchase_line: str, available: Decimal, wanted: Decimal) -> None:
        super().__init__(
            say(
                "{purchase_line} has {available} available: {wanted} cannot be allocated. Allocate less of it.",
                purchase_line=purchase_line,
                available=format_quantity(available),
                wanted=format_quantity(wanted),
            )
        )


class SupplyOverdue(ErpError):
    """A purchase order line is overdue by more days than the option allows."""

    def __init__(self, *, purchase_line: str, days: int) -> None:
        super().__init__(
            say(
                "{purchase_line} is overdue by more than {days} days, so nothing of it is allocated "
                "(option preorder.past_due_supply_days). Give it a new expected date first.",
                purchase_line=purchase_line,
                days=days,
            )
        )


class NotWaiting(ErpError):
    """More is to be allocated to a sales order line than is not covered of it."""

    def __init__(self, *, line: str, waiting: Decimal, wanted: Decimal) -> None:
        super().__init__(
            say(
                "{line} waits for {waiting}, so {wanted} cannot be allocated to it. Allocate less.",
                line=line,
                waiting=format_quantity(waiting),
                wanted=format_quantity(wanted),
            )
        )


class ProductsDiffer(ErpError):
    """A sales order line and a purchase order line are of different products."""

    def __init__(self, *, line: str, purchase_line: str) -> None:
        super().__init__(
            say(
                "{line} and {purchase_line} are of different products. Choose lines of one product.",
                line=line,
                purchase_line=purchase_line,
            )
        )


class BackordersOff(ErpError):
    """Nothing can be allocated to purchase orders while backorders are disabled."""

    def __init__(self) -> None:
        super().__init__(
            "Backorders are disabled (option sales.backorders), so nothing can be allocated to purchase orders."
        )


class PurchaseAllocationsGone(ErpError):
    """A chosen purchase allocation is not open any more."""

    def __init__(self) -> None:
        super().__init__("Some of what you chose is no longer allocated. Reload the page.")


class NoExpectedDate(ErpError):
    """A line without an expected date cannot be synced."""

    def __init__(self, *, line: str) -> None:
        text = say("{line} has no expected date to sync with. Give its purchase order line one first.", line=line)
        super().__init__(text)


class RebalanceChanged(ErpError):
    """A rebalance would not do any more what its preview showed."""

    def __init__(self) -> None:
        super().__init__("What a rebalance would do has changed since this preview. Check it before you apply it.")


class NoArrivalDate(ErpError):
    """A purchase order line without an expected date cannot come later."""

    def __init__(self, *, line: str) -> None:
        super().__init__(say("{line} has no expected date, so it cannot come later. Give it one first.", line=line))


class NothingToFall(ErpError):
    """Less than that is outstanding of a purchase order line."""

    def __init__(self, *, line: str, outstanding: Decimal) -> None:
        super().__init__(
            say(
                "{outstanding} are outstanding of {line}: no more than that can fall short.",
                outstanding=format_quantity(outstanding),
                line=line,
            )
        )


class WhatIfChanged(ErpError):
    """What would happen is not any more what was shown."""

    def __init__(self) -> None:
        super().__init__("What would happen has changed since this page was opened. Check it before you apply it.")


class NothingLess(ErpError):
    """A count that finds less was asked for, but it is not less than is on hand."""

    def __init__(self, *, what: str, on_hand: Decimal) -> None:
        super().__init__(
            say(
                "{on_hand} of {what} are on hand: ask for a smaller count.", on_hand=format_quantity(on_hand), what=what
            )
        )


class SerialsCounted(ErpError):
    """Serial numbers are never allocated, so nobody waits for a count of them."""

    def __init__(self, *, sku: str) -> None:
        super().__init__(
            say("{sku} is tracked by serial number: it is not allocated, so no order would be affected.", sku=sku)
        )


class RushNotDraft(ErpError):
    """Only a draft can be confirmed as a rush order."""

    def __init__(self) -> None:
        super().__init__("The order is no longer a draft, so it cannot be confirmed as shown.")


class WrongSubject(ErpError):
    """A smaller count was asked of a purchase order line, or a later day of stock."""

    def __init__(self) -> None:
        super().__init__("A count is asked about stock; days, short and never about a purchase order line.")
