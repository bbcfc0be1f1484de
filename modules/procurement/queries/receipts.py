"""Receipts, and the lots and locations that goods are received into."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload

from erp import clock
from erp.db import chunks, is_one_of, total
from erp.events import current_run
from erp.identity import identity_key
from erp.numbers import format_quantity
from erp.text import say
from modules.inventory_lots.hooks import BalanceAllocation, allocations_of_run, allocations_on_balances
from modules.inventory_lots.models import Balance, Location, Lot, Product
from modules.inventory_lots.queries import unusable_column
from modules.inventory_lots.states import LocationKind
from modules.procurement.models import PurchaseOrderLine, Receipt

RECEIPT_LOADS = (
    joinedload(Receipt.line).joinedload(PurchaseOrderLine.order),
    joinedload(Receipt.line).joinedload(PurchaseOrderLine.product),
    joinedload(Receipt.balance).joinedload(Balance.lot),
    joinedload(Receipt.balance).joinedload(Balance.location),
)


def receipts_of_order(session: Session, order_id: int) -> list[Receipt]:
    """Return the receipts of an order, the latest first."""
    lines = select(PurchaseOrderLine.id).where(PurchaseOrderLine.order_id == order_id)
    receipts = select(Receipt).where(Receipt.line_id.in_(lines)).options(*RECEIPT_LOADS)
    return list(session.scalars(receipts.order_by(Receipt.id.desc())))


def receipts_by_id(session: Session, ids: Sequence[int]) -> list[Receipt]:
    """Return these receipts in id order."""
    receipts = select(Receipt).where(is_one_of(session, Receipt.id, ids)).options(*RECEIPT_LOADS)
    return list(session.scalars(receipts.order_by(Receipt.id)))


@dataclass(frozen=True)
class Destination:
    """How much of received goods of a product is for one order; without an order, it went to stock.

    `why_unusable` says why stock may not be allocated and leave; it is empty for free stock.
    """

    sku: str
    quantity: Decimal
    order: str = ""
    customer: str = ""
    url: str = ""
    why_unusable: str = ""

    def __str__(self) -> str:
        goods = say("{quantity} of {sku}", quantity=format_quantity(self.quantity), sku=self.sku)
        if self.order:
            return say("{goods} for {order} ({customer})", goods=goods, order=self.order, customer=self.customer)
        return (
            say("{goods} to stock that is {why_unusable}", goods=goods, why_unusable=self.why_unusable)
            if self.why_unusable
            else say("{goods} to free stock", goods=goods)
        )


def destinations(session: Session, receipt_ids: Sequence[int]) -> list[Destination]:
    """Return for whom the goods of receipts of the present run are, product by product, and what went to stock."""
    received = session.execute(_received(session, receipt_ids)).all()
    stock = {row.balance_id: [row.sku, row.why, row.quantity] for row in received}
    run_id = current_run(session).saved_id
    answers = [] if run_id is None else allocations_of_run(session, list(stock), run_id)
    taken: dict[tuple[str, str], Destination] = {}
    for allocation in (each for answer in answers for each in answer):
        sku, key = stock[allocation.balance_id][0], (stock[allocation.balance_id][0], allocation.document)
        before = taken[key].quantity if key in taken else Decimal(0)
        quantity = before + allocation.quantity
        taken[key] = Destination(sku, quantity, allocation.document, allocation.customer, allocation.url)
        stock[allocation.balance_id][2] -= allocation.quantity
    left: dict[tuple[str, str], Decimal] = {}
    for sku, why, quantity in stock.values():
        left[sku, why] = left.get((sku, why), Decimal(0)) + quantity
    to_stock = [Destination(sku, quantity, why_unusable=why) for (sku, why), quantity in left.items() if quantity > 0]
    order = {sku: at for at, (sku, *_) in enumerate(stock.values())}
    return sorted([*taken.values(), *to_stock], key=lambda each: order[each.sku])


def _received(session: Session, receipt_ids: Sequence[int]) -> Select[int, str, str, Decimal]:
    """Select what receipts brought into each balance, and why it may not leave from there."""
    why = unusable_column(clock.today()).label("why")
    rows = select(Receipt.balance_id, Product.sku, why, total(Receipt.quantity).label("quantity"))
    rows = rows.join(Receipt.balance).join(Balance.lot).join(Balance.location).join(Balance.product)
    rows = rows.where(is_one_of(session, Receipt.id, receipt_ids))
    return rows.group_by(Receipt.balance_id, Product.sku, "why").order_by(func.min(Receipt.id))


def holders(session: Session, balance_id: int) -> list[BalanceAllocation]:
    """Return the allocations of one balance, first in the queue first."""
    return [allocation for answer in allocations_on_balances(session, [balance_id]) for allocation in answer]


def location_paths(session: Session, limit: int = 500) -> list[str]:
    """Return the paths of locations to choose from."""
    return list(session.scalars(select(Location.path).order_by(Location.path).limit(limit)))


def usual_location(session: Session) -> str:
    """Return the path of the location of the last receipt, or of the first stock location, or an empty text."""
    last = select(Location.path).join(Balance).join(Receipt).order_by(Receipt.id.desc()).limit(1)
    first = select(Location.path).where(Location.kind == LocationKind.stock).order_by(Location.id).limit(1)
    return session.scalar(last) or session.scalar(first) or ""


def count_new_lots(session: Session, lots: Iterable[tuple[int, str | None]]) -> int:
    """Count the lots, named by product id and number, that do not exist yet; one without a number is always new."""
    wanted = list(lots)
    named = {(product_id, identity_key(number)) for product_id, number in wanted if number is not None}
    known: set[tuple[int, str]] = set()
    for part in chunks(sorted(named), 5000):
        keys = Lot.number_key.in_({key for _, key in part})
        of_these = select(Lot.product_id, Lot.number_key).where(Lot.product_id.in_({lot[0] for lot in part}), keys)
        known |= {(product_id, key) for product_id, key in session.execute(of_these)}
    return len(named - known) + sum(number is None for _, number in wanted)
