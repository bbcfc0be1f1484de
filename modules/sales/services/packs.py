"""Packing what is allocated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple, cast

from sqlalchemy import BigInteger, Select, Table, select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import (
    bulk_add,
    bulk_insert,
    format_quantity,
    given,
    is_one_of,
    raw_instant,
    to_raw,
    typed_rows,
)
from erp.errors import ErpError
from erp.events import current_run, publish
from erp.identity import ByKey, identity_key
from erp.numbers import sums
from erp.sequence import next_documents
from erp.text import say
from modules.inventory_lots.models import Balance, Location, Lot, Product
from modules.inventory_lots.queries import unusable_column
from modules.inventory_lots.services import Key, Taking, take
from modules.inventory_lots.states import Tracking
from modules.sales.errors import (
    LotUnusable,
    NothingToPack,
    NotOfThisOrder,
    NotSerial,
    SerialNumberTwice,
    SerialNumberUnknown,
    SerialNumberUnusable,
    ShipsComplete,
    TooManySerialNumbers,
)
from modules.sales.events import GoodsPacked, PackedGoods
from modules.sales.hooks import pack_refusals
from modules.sales.models import Allocation, Order, OrderLine, Pack, PackLine
from modules.sales.queries import select_unpacked
from modules.sales.services.locking import lock_order
from modules.sales.services.order_states import write_orders
from modules.sales.services.releases import ALLOCATION, LINE
from modules.sales.states import ORDER, ShippingPolicy

PACK = cast(Table, Pack.__table__)
PACK_LINE = cast(Table, PackLine.__table__)
_Serial = tuple[int, str]  # the id of a product and a serial number of it
# The ids of a balance and its warehouse, what it is of, and why its stock may not leave
_Place = tuple[int, int, Key, str]
PackKey = tuple[int, int]  # the ids of an order and a warehouse


class WrittenPack(NamedTuple):
    """A pack that was written just now."""

    id: int
    number: str


@dataclass(frozen=True)
class Part:
    """A quantity of one balance that leaves for one line; `allocation_id` is None for a serial number.

    `key` is what the balance is of: the ids of its product, lot and location.
    """

    line: OrderLine
    balance_id: int
    key: Key
    warehouse_id: int
    quantity: Decimal
    allocation_id: int | None = None


def pack_order(
    session: Session, order_id: int, serials: Mapping[int, Sequence[str]] | None = None
) -> list[WrittenPack]:
    """Pack everything allocated and not yet packed, and the serial numbers given by line id.

    Returns one pack for each warehouse that something comes from. Allocations on lots that may not be used now, and
    lines that another module refuses, stay behind; an order that ships complete is then refused as a whole. Serial
    numbers of a refused line raise that line's refusal. Raises InvalidTransition, NothingToPack, ShipsComplete,
    NotOfThisOrder, NotSerial, a SerialNumberRefused and TooManySerialNumbers.
    """
    order = lock_order(session, order_id)
    ORDER.next(order.state, "pack")
    answers = pack_refusals(session, [line for line in order.lines if line.is_open])
    refusals = {line_id: refusal for answer in answers for line_id, refusal in answer.items()}
    allocated, reasons = _allocated_parts(session, order, refusals)
    parts = allocated + _serial_parts(session, order, serials or {}, refusals)
    if order.shipping_policy is ShippingPolicy.complete:
        refuse_incomplete(order, parts, reasons)
    if not parts:
        raise NothingToPack(order=order.name, reasons=reasons)
    pack_of = write_packs(session, parts)
    _close(session, order, parts)
    goods = goods_of(parts, pack_of)
    session.expire_all()
    publish(session, GoodsPacked(order_id, goods))
    return list(pack_of.values())


def _close(session: Session, order: Order, parts: Sequence[Part]) -> None:
    """End an order all of whose open quantities leave."""
    leaving = sums((part.line.id, part.quantity) for part in parts)
    if all(line.open_quantity == leaving.get(line.id, Decimal(0)) for line in order.lines):
        state = ORDER.next(order.state, "complete")
        write_orders(session, [(order, order.number, state)])


def _allocated_parts(session: Session, order: Order, refusals: Mapping[int, ErpError]) -> tuple[list[Part], list[str]]:
    """Return what of the order's allocations leaves, and why other allocations and lines stay."""
    lines = {line.id: line for line in order.lines}
    rows = typed_rows(session, _unpacked, order_id=order.id, today=clock.today())
    reasons: list[str] = [
        say("Line {line}: {refusals}", line=line.position, refusals=refusals[line.id])
        for line in order.lines
        if line.id in refusals
    ]
    parts = []
    for id_, line_id, quantity, balance_id, *key, warehouse_id, lot, path, why in rows:
        line = lines[line_id]
        if why:
            reasons.append(
                say(
                    "Line {line}: {unusable}", line=line.position, unusable=LotUnusable(lot=lot, location=path, why=why)
                )
            )
        elif line.id not in refusals:
            parts.append(Part(line, balance_id, tuple(key), warehouse_id, quantity, id_))
    return parts, reasons


def _unpacked(_session: Session) -> Select[*tuple[Any, ...]]:
    columns = (
        *(Allocation.id, Allocation.line_id, Allocation.unpacked.label("unpacked"), Allocation.balance_id),
        *(Balance.product_id, Balance.lot_id, Balance.location_id),
        *(Location.warehouse_id, Lot.number, Location.path, unusable_column(given("today"))),
    )
    rows = select_unpacked(*columns).where(OrderLine.order_id == given("order_id", BigInteger()))
    return rows.order_by(OrderLine.position, Allocation.id)


def _serial_parts(
    session: Session, order: Order, serials: Mapping[int, Sequence[str]], refusals: Mapping[int, ErpError]
) -> list[Part]:
    if not serials.keys() <= {line.id for line in order.lines}:
        raise NotOfThisOrder(order=order.name)
    lines = [line for line in order.lines if serials.get(line.id)]
    for line in lines:
        _check_line(line, serials[line.id], refusals)
    if not lines:
        return []
    found = _serial_balances(session, lines, serials)
    parts: list[Part] = []
    used: set[int] = set()
    for line in lines:
        for number in serials[line.id]:
            balance_id, warehouse_id, key = _usable_serial(found, line.product, number, used)
            used.add(balance_id)
            parts.append(Part(line, balance_id, key, warehouse_id, Decimal(1)))
    return parts


def _check_line(line: OrderLine, numbers: Sequence[str], refusals: Mapping[int, ErpError]) -> None:
    if line.product.tracking is not Tracking.serial:
        raise NotSerial(position=line.position, sku=line.product.sku)
    if line.id in refusals:
        raise refusals[line.id]
    if len(numbers) > line.open_quantity:
        raise TooManySerialNumbers(position=line.position, given=len(numbers), open_quantity=line.open_quantity)


def _usable_serial(
    found: ByKey[_Serial, _Place], product: Product, number: str, used: set[int]
) -> tuple[int, int, Key]:
    """Return a serial number's balance, its warehouse and what it is of; raise a SerialNumberRefused where it cannot
    leave."""
    balance_id, warehouse_id, key, why = found.get((product.id, number)) or (0, 0, (0, 0, 0), "")
    if not balance_id:
        raise SerialNumberUnknown(number=number, sku=product.sku)
    if why:
        raise SerialNumberUnusable(number=number, sku=product.sku, why=why)
    if balance_id in used:
        raise SerialNumberTwice(number=number, sku=product.sku)
    return balance_id, warehouse_id, key


def _serial_balances(
    session: Session, lines: Sequence[OrderLine], serials: Mapping[int, Sequence[str]]
) -> ByKey[_Serial, _Place]:
    """Return the balances of serial numbers of the lines' products, and why they may not leave."""
    product_ids = {line.product_id for line in lines}
    keys = {identity_key(number) for line in lines for number in serials[line.id]}
    rows = session.execute(
        select(
            *(Balance.product_id, Lot.number, Balance.id, Location.warehouse_id),
            *(Balance.lot_id, Balance.location_id, unusable_column(clock.today())),
        )
        .join(Balance.lot)
        .join(Balance.location)
        .where(Balance.product_id.in_(product_ids), is_one_of(session, Lot.number_key, keys), Balance.has_stock)
    )
    return ByKey(
        ((product_id, number), (id_, warehouse_id, (product_id, lot_id, location_id), why))
        for product_id, number, id_, warehouse_id, lot_id, location_id, why in rows
    )


def refuse_incomplete(order: Order, parts: Sequence[Part], reasons: Sequence[str]) -> None:
    """Raise ShipsComplete, with `reasons`, where not all that is open of an order leaves with these parts."""
    leaving = sums((part.line.id, part.quantity) for part in parts)
    staying = {line: line.open_quantity - leaving.get(line.id, Decimal(0)) for line in order.lines}
    missing = [
        say(
            "Line {line}: {quantity} of {product} cannot leave now.",
            line=line.position,
            quantity=format_quantity(quantity),
            product=line.product.sku,
        )
        for line, quantity in staying.items()
        if quantity > 0
    ]
    if missing:
        raise ShipsComplete(order=order.name, reasons=[*missing, *reasons])


def key_of(part: Part) -> PackKey:
    """Return which pack a part belongs to: each order has one for each warehouse."""
    return part.line.order_id, part.warehouse_id


def write_packs(session: Session, parts: Sequence[Part]) -> dict[PackKey, WrittenPack]:
    """Write a pack for each order and warehouse, what is in it, and what of it has left stock; return the packs."""
    keys = sorted({key_of(part) for part in parts})
    new = next_documents(session, "sales.pack", "PK", Pack.number, count=len(keys))
    packed = {"packed_at": raw_instant(clock.now()), "user_name": current_run(session).user_name}
    packs = [(id_, number, *key) for (id_, number), key in zip(new, keys, strict=True)]
    bulk_insert(session, PACK, ("id", "number", "order_id", "warehouse_id"), packs, shared=packed)
    pack_of = {key: WrittenPack(*written) for written, key in zip(new, keys, strict=True)}
    columns = ("pack_id", "line_id", "balance_id", "allocation_id", "quantity")
    rows = [
        (pack_of[key_of(part)].id, part.line.id, part.balance_id, part.allocation_id, to_raw(part.quantity))
        for part in parts
    ]
    bulk_insert(session, PACK_LINE, columns, rows, shared={"reversed": 0})
    _count(session, parts)
    takings = [
        Taking(part.balance_id, part.quantity, part.allocation_id is not None, pack_of[key_of(part)].number, part.key)
        for part in parts
    ]
    take(session, takings)
    return pack_of


def goods_of(parts: Sequence[Part], pack_of: Mapping[PackKey, WrittenPack]) -> tuple[PackedGoods, ...]:
    """Return what the parts are in the packs that were written of them."""
    return tuple(PackedGoods(pack_of[key_of(part)].id, part.line.id, part.balance_id, part.quantity) for part in parts)


def _count(session: Session, parts: Sequence[Part]) -> None:
    """Count the parts as packed, and no more as allocated, on their allocations and lines."""
    packed = sums((part.line.id, to_raw(part.quantity)) for part in parts)
    freed = sums((part.line.id, to_raw(part.quantity)) for part in parts if part.allocation_id)
    allocations = [(part.allocation_id, to_raw(part.quantity)) for part in parts if part.allocation_id]
    bulk_add(session, ALLOCATION, ("packed",), allocations)
    rows = [(line_id, quantity, -freed.get(line_id, 0)) for line_id, quantity in sorted(packed.items())]
    bulk_add(session, LINE, ("packed", "allocated"), rows)
