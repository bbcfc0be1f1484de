"""Packing what is allocated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import bulk_add, bulk_insert, format_quantity, to_raw
from erp.errors import ErpError
from erp.events import current_run
from erp.sequence import next_number
from modules.inventory_lots.models import Balance, Lot
from modules.inventory_lots.queries import usable_condition
from modules.inventory_lots.services import Taking, take
from modules.inventory_lots.states import Tracking
from modules.sales.errors import NothingToPack, SerialNumberRefused, ShipsComplete, TooManySerialNumbers
from modules.sales.hooks import pack_refusals
from modules.sales.models import Allocation, Order, OrderLine, Pack, PackLine
from modules.sales.queries import unpacked_allocations
from modules.sales.services.completion import close_orders
from modules.sales.services.doors import lock_order
from modules.sales.states import ORDER, ShippingPolicy


@dataclass(frozen=True)
class _Part:
    """What leaves of one balance for one line; `allocation_id` is empty for a serial number."""

    line: OrderLine
    balance_id: int
    quantity: Decimal
    allocation_id: int | None = None


def pack_order(session: Session, order_id: int, serials: Mapping[int, Sequence[str]] | None = None) -> Pack:
    """Make one pack of everything allocated and not yet packed, and of the serial numbers given by line id.

    Allocations on lots that may not be used now, and lines that another module refuses, stay behind; an order that
    ships complete is then refused as a whole. Raises NothingToPack, ShipsComplete, SerialNumberRefused and
    TooManySerialNumbers (Pack Allocated Order).
    """
    order = lock_order(session, order_id)
    ORDER.next(order.state, "pack")
    refusals = _refusals(session, order)
    reasons = [f"Line {line.position}: {refusals[line.id]}" for line in order.lines if line.id in refusals]
    allocated, unusable = _allocated_parts(session, order)
    parts = [part for part in allocated if part.line.id not in refusals]
    parts += [part for part in _serial_parts(session, order, serials or {}) if part.line.id not in refusals]
    reasons += unusable
    if order.shipping_policy is ShippingPolicy.complete:
        _refuse_incomplete(order, parts, reasons)
    if not parts:
        raise NothingToPack(order=order.name, reasons=reasons)
    pack = _write(session, order, parts)
    close_orders(session, [order.id])
    return pack


def _refusals(session: Session, order: Order) -> dict[int, ErpError]:
    refusals: dict[int, ErpError] = {}
    for answer in pack_refusals(session, [line for line in order.lines if line.open_quantity]):
        refusals.update(answer)
    return refusals


def _allocated_parts(session: Session, order: Order) -> tuple[list[_Part], list[str]]:
    lines = {line.id: line for line in order.lines}
    rows = session.execute(
        unpacked_allocations(OrderLine.order_id == order.id)
        .with_only_columns(Allocation, Lot.number, usable_condition(clock.today()).label("is_usable"))
        .order_by(OrderLine.position, Allocation.id)
    ).all()
    parts, unusable = [], []
    for row, lot, is_usable in rows:
        line = lines[row.line_id]
        if is_usable:
            parts.append(_Part(line, row.balance_id, row.quantity - row.packed, row.id))
        else:
            unusable.append(f"Line {line.position}: lot {lot} may not be used now.")
    return parts, unusable


def _serial_parts(session: Session, order: Order, serials: Mapping[int, Sequence[str]]) -> list[_Part]:
    lines = [line for line in order.lines if line.product.tracking is Tracking.serial and serials.get(line.id)]
    for line in lines:
        if len(serials[line.id]) > line.open_quantity:
            raise TooManySerialNumbers(
                position=line.position, given=len(serials[line.id]), open_quantity=line.open_quantity
            )
    found = _serial_balances(session, lines, serials)
    parts: list[_Part] = []
    used: set[int] = set()
    for line in lines:
        for number in serials[line.id]:
            balance, is_usable = found.get((line.product_id, number), (None, False))
            reason = _why_not(balance, is_usable, used)
            if balance is None or reason:
                raise SerialNumberRefused(number=number, sku=line.product.sku, reason=reason)
            used.add(balance.id)
            parts.append(_Part(line, balance.id, Decimal(1)))
    return parts


def _why_not(balance: Balance | None, is_usable: bool, used: set[int]) -> str:
    if balance is None:
        return "it is not in stock"
    if not is_usable:
        return "it is on hold, expired or in quarantine"
    return "it is given twice" if balance.id in used else ""


def _serial_balances(
    session: Session, lines: Sequence[OrderLine], serials: Mapping[int, Sequence[str]]
) -> dict[tuple[int, str], tuple[Balance, bool]]:
    numbers = [number for line in lines for number in serials[line.id]]
    rows = session.execute(
        select(Balance, Lot.number, usable_condition(clock.today()))
        .join(Lot, Lot.id == Balance.lot_id)
        .join(Balance.location)
        .where(
            Balance.product_id.in_({line.product_id for line in lines}), Lot.number.in_(numbers), Balance.on_hand > 0
        )
    ).all()
    return {(balance.product_id, number): (balance, bool(is_usable)) for balance, number, is_usable in rows}


def _refuse_incomplete(order: Order, parts: Sequence[_Part], reasons: Sequence[str]) -> None:
    leaving: dict[int, Decimal] = {}
    for part in parts:
        leaving[part.line.id] = leaving.get(part.line.id, Decimal(0)) + part.quantity
    missing = [
        f"Line {line.position}: {format_quantity(line.open_quantity - leaving.get(line.id, Decimal(0)))} of "
        f"{line.product.sku} cannot leave now."
        for line in order.lines
        if leaving.get(line.id, Decimal(0)) < line.open_quantity
    ]
    if missing:
        raise ShipsComplete(order=order.name, reasons=[*missing, *reasons])


def _write(session: Session, order: Order, parts: Sequence[_Part]) -> Pack:
    number = next_number(session, "sales_pack", "PK", Pack.number)
    pack = Pack(number=number, order=order, user_name=current_run(session).user_name)
    session.add(pack)
    session.flush()
    columns = ("pack_id", "line_id", "balance_id", "allocation_id", "quantity")
    rows = [(pack.id, part.line.id, part.balance_id, part.allocation_id, to_raw(part.quantity)) for part in parts]
    bulk_insert(session, PackLine.__table__, columns, rows)  # type: ignore[arg-type]
    _count(session, parts)
    takings = [Taking(part.balance_id, part.quantity, part.allocation_id is not None) for part in parts]
    take(session, takings, document=number)
    session.expire_all()
    return pack


def _count(session: Session, parts: Sequence[_Part]) -> None:
    lines: dict[int, list[int]] = {}
    for part in parts:
        moved = lines.setdefault(part.line.id, [0, 0])
        moved[0] += to_raw(part.quantity)
        moved[1] -= to_raw(part.quantity) if part.allocation_id else 0
    allocations = [(part.allocation_id, to_raw(part.quantity)) for part in parts if part.allocation_id]
    bulk_add(session, Allocation.__table__, ("packed",), allocations)  # type: ignore[arg-type]
    rows = [(id_, packed, allocated) for id_, (packed, allocated) in sorted(lines.items())]
    bulk_add(session, OrderLine.__table__, ("packed", "allocated"), rows)  # type: ignore[arg-type]
