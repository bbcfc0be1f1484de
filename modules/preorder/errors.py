"""Refusals of preorder."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from erp.errors import ErpError
from erp.numbers import format_quantity


class NotYetLaunched(ErpError):
    """A product with a launch to come that is not sold as a preorder."""

    def __init__(self, *, sku: str, launch_date: date) -> None:
        super().__init__(
            f"{sku} is launched on {launch_date.isoformat()} and is not eligible for preorder.",
            sku=sku,
            launch_date=launch_date,
        )


class PreorderLimitReached(ErpError):
    """More preorders than the product's limit allows."""

    def __init__(self, *, sku: str, limit: Decimal, left: Decimal, wanted: Decimal) -> None:
        super().__init__(
            f"{sku}: {format_quantity(wanted)} are wanted, {format_quantity(left)} of the preorder limit of "
            f"{format_quantity(limit)} are left.",
            sku=sku,
            limit=limit,
            left=left,
            wanted=wanted,
        )


class PackedBeforeLaunch(ErpError):
    """A preorder line that may not leave before the launch."""

    def __init__(self, *, sku: str, launch_date: date) -> None:
        super().__init__(
            f"{sku} is not packed before its launch on {launch_date.isoformat()}.", sku=sku, launch_date=launch_date
        )


class LaunchDateMissing(ErpError):
    """A product that is eligible for preorder without a launch date."""

    def __init__(self, *, sku: str) -> None:
        super().__init__(f"{sku} is eligible for preorder: give it a launch date.", sku=sku)


class PurchaseAllocationsOutstanding(ErpError):
    """Preorder cannot be switched off while incoming supply is promised."""

    def __init__(self, *, purchase_allocations: int, orders: int) -> None:
        super().__init__(
            f"{purchase_allocations} purchase allocations on {orders} sales orders are outstanding."
            " Release them to disable preorder.",
            purchase_allocations=purchase_allocations,
            orders=orders,
        )


class NotEnoughIncoming(ErpError):
    """More is to be linked than a purchase order line still offers."""

    def __init__(self, *, purchase_line: str, available: Decimal, wanted: Decimal) -> None:
        super().__init__(
            f"{purchase_line} has {format_quantity(available)} available, {format_quantity(wanted)} are wanted.",
            purchase_line=purchase_line,
            available=available,
            wanted=wanted,
        )


class SupplyOverdue(ErpError):
    """A purchase order line that is overdue by more than the option allows."""

    def __init__(self, *, purchase_line: str, days: int) -> None:
        super().__init__(
            f"{purchase_line} is overdue by more than {days} days, so nothing is linked to it "
            "(option preorder.past_due_supply_days). Give it a new expected date first.",
            purchase_line=purchase_line,
            days=days,
        )


class NotWaiting(ErpError):
    """A sales order line that does not wait for as much as is to be linked."""

    def __init__(self, *, line: str, waiting: Decimal, wanted: Decimal) -> None:
        super().__init__(
            f"{line} waits for {format_quantity(waiting)}, {format_quantity(wanted)} are to be linked.",
            line=line,
            waiting=waiting,
            wanted=wanted,
        )


class ProductsDiffer(ErpError):
    """A sales order line and a purchase order line of different products."""

    def __init__(self, *, line: str, purchase_line: str) -> None:
        super().__init__(
            f"{line} and {purchase_line} are of different products.", line=line, purchase_line=purchase_line
        )


class BackordersOff(ErpError):
    """Nothing can be linked while sales keeps no backorders."""

    def __init__(self) -> None:
        super().__init__("Backorders are switched off (option sales.backorders), so nothing can be linked.")


class PurchaseAllocationsGone(ErpError):
    """Links that were chosen and are not there any more."""

    def __init__(self) -> None:
        super().__init__("Some of what you chose is not linked any more. Look again.")


class NoExpectedDate(ErpError):
    """A line whose supply has no date cannot be given one by a sync."""

    def __init__(self, *, line: str) -> None:
        super().__init__(f"{line} has no expected date to sync with.", line=line)
