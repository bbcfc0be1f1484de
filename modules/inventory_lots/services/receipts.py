"""Receipts: goods that arrive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import Table
from sqlalchemy.orm import Session

from erp import clock
from erp.db import new_ids_of, require_lock, to_raw
from erp.identity import identity_key
from modules.inventory_lots import queries
from modules.inventory_lots.domain import check_lot_number, check_quantity
from modules.inventory_lots.errors import LotDatesDiffer, NotOnHand, SerialInStock, StockAllocated, StockRefused
from modules.inventory_lots.models import Balance, Product
from modules.inventory_lots.services.balances import BALANCE, Posting, post
from modules.inventory_lots.services.lots import LOT, LotWanted, find_or_make_lots, release_on_balances
from modules.inventory_lots.states import MoveKind, Tracking

Key = tuple[int, str]
# What a receipt may add besides moves, at most one row for each arrival.
NEW_ROWS = (LOT, BALANCE)


@dataclass(frozen=True)
class Arrival:
    """A quantity of a product that arrives in a lot at a location.

    Without a lot number (tracking none only) it becomes a new automatic lot. An empty date means that of the lot; a
    lot without stock is received today unless a date is given.
    """

    product_id: int
    location_id: int
    quantity: Decimal
    lot_number: str | None = None
    received_on: date | None = None
    expires_on: date | None = None
    document: str = ""


def receive_many(session: Session, arrivals: Sequence[Arrival]) -> list[int]:
    """Book arrivals into stock in a fixed number of statements; return each one's balance id.

    The caller has locked the products. Raises the first refusal; nothing is booked then.
    """
    checked = check_arrivals(session, arrivals)
    for refusal in checked.refusals.values():
        raise refusal
    return book(session, checked)


@dataclass(frozen=True)
class CheckedArrivals:
    """Arrivals, those of their lots that exist, and why some may not be booked, by their position."""

    arrivals: Sequence[Arrival]
    lots: Mapping[Key, queries.KnownLot]
    refusals: Mapping[int, StockRefused]


def book(session: Session, checked: CheckedArrivals, *, ids: Mapping[Table, Sequence[int]] | None = None) -> list[int]:
    """Book arrivals of which none is refused, under the locks under which they were checked; as `receive_many`.

    `ids` are free ids of NEW_ROWS, as many as there are arrivals, where the caller has taken them with others.
    """
    lots, ids = checked.lots, ids or new_ids_of(session, dict.fromkeys(NEW_ROWS, len(checked.arrivals)))
    lot_ids, _ = find_or_make_lots(session, _lots(checked), lots, ids[LOT])
    postings = [
        Posting(arrival.product_id, lot_id, arrival.location_id, to_raw(arrival.quantity), arrival.document)
        for arrival, lot_id in zip(checked.arrivals, lot_ids, strict=True)
    ]
    balances = {(lot.id, location_id): id_ for lot in lots.values() for location_id, id_ in lot.balances.items()}
    return post(session, postings, MoveKind.receipt, known=balances, free_ids=ids[BALANCE])


def take_back(session: Session, balance_id: int, quantity: Decimal, *, document: str, reason: str) -> None:
    """Take goods that were received out of stock again by a `receipt reversal` move.

    Unallocated stock goes first; what more is needed is released by `stock_will_fall`, latest in the queue first. The
    caller has locked the product. Raises NotOnHand, and StockAllocated where too little was released.
    """
    balance = _fresh(session, balance_id)
    if quantity > balance.on_hand:
        raise NotOnHand(what=str(balance), quantity=quantity, on_hand=balance.on_hand)
    if quantity > balance.unallocated:
        release_on_balances(session, {balance_id: to_raw(quantity - balance.unallocated)})
        balance = _fresh(session, balance_id)
    if quantity > balance.unallocated:
        holders = [allocation.document for allocation in queries.allocations(session, [balance_id])]
        left = balance.on_hand - quantity
        raise StockAllocated(
            what=str(balance), quantity=left, allocated=balance.allocated + balance.held, documents=holders
        )
    taken = Posting(balance.product_id, balance.lot_id, balance.location_id, -to_raw(quantity), document)
    post(session, [taken], MoveKind.receipt_reversal, reason=reason)


def _fresh(session: Session, balance_id: int) -> Balance:
    balance = session.get_one(Balance, balance_id, populate_existing=True)
    require_lock(session, Product, [balance.product_id])
    return balance


def _lots(checked: CheckedArrivals) -> list[LotWanted]:
    """Return the lots that the arrivals go into; one without stock is received today unless a date is given."""
    arrivals = checked.arrivals
    dated = {_key(arrival) for arrival in arrivals if arrival.received_on}
    empty = {key for key, lot in checked.lots.items() if not lot.on_hand} - dated
    today = clock.today()
    return [
        LotWanted(
            arrival.product_id,
            arrival.lot_number,
            today if _key(arrival) in empty else arrival.received_on,
            arrival.expires_on,
        )
        for arrival in arrivals
    ]


def _key(arrival: Arrival) -> Key | None:
    return (arrival.product_id, identity_key(arrival.lot_number)) if arrival.lot_number else None


def check_arrivals(
    session: Session, arrivals: Sequence[Arrival], products: Mapping[int, Product] | None = None
) -> CheckedArrivals:
    """Find out why arrivals may not be booked. The caller has locked the products, and may have read them since."""
    product_ids = {arrival.product_id for arrival in arrivals}
    require_lock(session, Product, product_ids)
    products = queries.products_by_id(session, product_ids) if products is None else products
    lots = queries.known_lots(session, [key for arrival in arrivals if (key := _key(arrival))])
    stocked = {key: lot for key, lot in lots.items() if lot.on_hand}
    in_stock, dates = set(stocked), _Dates(stocked)
    refusals: dict[int, StockRefused] = {}
    for index, arrival in enumerate(arrivals):
        product = products[arrival.product_id]
        try:
            _check(product, arrival, in_stock)
            dates.check(product, arrival)
        except StockRefused as refusal:
            refusals[index] = refusal
    return CheckedArrivals(arrivals, lots, refusals)


def _check(product: Product, arrival: Arrival, in_stock: set[Key]) -> None:
    number = arrival.lot_number
    check_quantity(arrival.quantity, product.unit_decimals, what=product.sku)
    check_lot_number(number, arrival.quantity, tracking=product.tracking, sku=product.sku)
    if product.tracking is Tracking.serial and number is not None:
        lot = (product.id, identity_key(number))
        if lot in in_stock:
            raise SerialInStock(sku=product.sku, number=number)
        in_stock.add(lot)


class _Dates:
    """The dates of lots: of those that hold stock, and else the first that an arrival gives."""

    def __init__(self, stocked: Mapping[Key, queries.KnownLot]) -> None:
        self.known: dict[tuple[Key, str], date | None] = {}
        for key, lot in stocked.items():
            self.known |= {(key, "received_on"): lot.received_on, (key, "expires_on"): lot.expires_on}

    def check(self, product: Product, arrival: Arrival) -> None:
        """Raise LotDatesDiffer where the arrival gives another date than its lot has."""
        key = _key(arrival)
        for column, given in (("received_on", arrival.received_on), ("expires_on", arrival.expires_on)):
            if key is None or given is None:
                continue
            known = self.known.setdefault((key, column), given)
            if known != given:
                raise LotDatesDiffer(
                    sku=product.sku, number=arrival.lot_number or "", column=column, given=given, known=known
                )
