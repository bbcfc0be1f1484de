"""What programs are told of facts of sales, as JSON has it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from erp.api import Announcement, Said
from erp.db import format_quantity, from_raw, is_one_of
from modules.inventory_lots.models import Product
from modules.sales.events import (
    GoodsPacked,
    LinesAllocated,
    LinesBackordered,
    OrderCancelled,
    OrderConfirmed,
    PackReversed,
    PromiseDateChanged,
)
from modules.sales.models import Backorder, Customer, Order, OrderLine, Pack
from modules.sales.queries.lines import select_lines


def confirmed(session: Session, fact: OrderConfirmed) -> list[Said]:
    """Return the orders that were confirmed, with their lines."""
    ids = select(OrderLine.id, OrderLine.quantity).where(is_one_of(session, OrderLine.order_id, fact.order_ids))
    return _of_lines(session, dict(session.execute(ids).all()))


def cancelled(session: Session, fact: OrderCancelled) -> list[Said]:
    """Return the orders that were cancelled."""
    rows = select(Order.number, Customer.code).join(Order.customer).where(is_one_of(session, Order.id, fact.order_ids))
    return [Said({"order": number, "customer": code}) for number, code in session.execute(rows.order_by(Order.id))]


def allocated(session: Session, fact: LinesAllocated) -> list[Said]:
    """Return what stock was allocated to orders, with the lines that got some."""
    return _of_lines(session, {id_: from_raw(quantity) for id_, quantity in fact.quantities.items()})


def backordered(session: Session, fact: LinesBackordered) -> list[Said]:
    """Return by how much backorders of orders grew, with the lines that did."""
    return _of_lines(session, {id_: from_raw(quantity) for id_, quantity in fact.quantities.items()})


def packed(session: Session, fact: GoodsPacked) -> list[Said]:
    """Return what left in packs."""
    return _of_packs(session, fact, {})


def pack_reversed(session: Session, fact: PackReversed) -> list[Said]:
    """Return what came back from packs, and why."""
    return _of_packs(session, fact, {"why": fact.why})


def promise_changed(session: Session, fact: PromiseDateChanged) -> list[Said]:
    """Return the lines whose promise date changed; a later change of a line takes the place of an earlier one."""
    changes = {change.line_id: change for change in fact.changes}
    said = []
    for line_id, order, customer, position, sku, _ in _lines(session, changes):
        old, new = changes[line_id].old, changes[line_id].new
        data = {
            "order": order,
            "customer": customer,
            "line": position,
            "sku": sku,
            "cause": fact.cause,
            "old": old and old.isoformat(),
            "new": new and new.isoformat(),
        }
        said.append(Said(data, key=f"{order}/{position}"))
    return said


def _lines(session: Session, line_ids: Collection[int]) -> list[Any]:
    columns = (OrderLine.id, Order.number, Customer.code, OrderLine.position, Product.sku, OrderLine.promise_date)
    rows = select_lines(*columns).join(Order.customer).where(is_one_of(session, OrderLine.id, line_ids))
    return list(session.execute(rows.order_by(Order.id, OrderLine.position)))


def _of_lines(session: Session, quantities: Mapping[int, Decimal]) -> list[Said]:
    """Return what is said of each order of lines: who ordered, and so much of each line."""
    said = []
    for (order, customer), lines in groupby(_lines(session, quantities), key=lambda row: (row[1], row[2])):
        shown = [
            {
                "line": position,
                "sku": sku,
                "quantity": format_quantity(quantities[line_id]),
                "promise_date": promised and promised.isoformat(),
            }
            for line_id, _, _, position, sku, promised in lines
        ]
        said.append(Said({"order": order, "customer": customer, "lines": shown}))
    return said


def _of_packs(session: Session, fact: GoodsPacked | PackReversed, more: Mapping[str, Any]) -> list[Said]:
    """Return what is said of each pack: its order and its goods."""
    known = {row[0]: row for row in _lines(session, {each.line_id for each in fact.goods})}
    numbers = dict(session.execute(select(Pack.id, Pack.number).where(Pack.order_id == fact.order_id)).all())
    said = []
    for pack_id, goods in groupby(sorted(fact.goods, key=lambda each: each.pack_id), key=lambda each: each.pack_id):
        lines = [
            {"line": known[each.line_id][3], "sku": known[each.line_id][4], "quantity": format_quantity(each.quantity)}
            for each in goods
        ]
        _, order, customer, *_ = known[fact.goods[0].line_id]
        said.append(Said({"pack": numbers[pack_id], "order": order, "customer": customer, "lines": lines, **more}))
    return said


def _rows_of(session: Session, data: Mapping[str, Any], positions: Collection[int], *columns: Any) -> list[Any]:
    """Return columns of the lines at these positions of the order that was to be told of."""
    rows = select_lines(*columns).where(Order.number == data["order"], OrderLine.position.in_(positions))
    return list(session.execute(rows))


def is_promised_so(session: Session, data: Mapping[str, Any]) -> bool:
    """Say whether a line still has the promise date that was to be told."""
    return [new and new.isoformat() for (new,) in _rows_of(session, data, [data["line"]], OrderLine.promise_date)] == [
        data["new"]
    ]


def is_served(session: Session, data: Mapping[str, Any]) -> bool:
    """Say whether a line that was to be told of as allocated still has stock, or has left."""
    rows = _rows_of(session, data, [line["line"] for line in data["lines"]], OrderLine.allocated, OrderLine.packed)
    return any(allocated or packed for allocated, packed in rows)


def is_backordered(session: Session, data: Mapping[str, Any]) -> bool:
    """Say whether a line that was to be told of as backordered still waits."""
    of_line = and_(Backorder.line_id == OrderLine.id, Backorder.is_open)
    waits = select(Backorder.id).where(of_line).correlate(OrderLine).exists()
    return any(waiting for (waiting,) in _rows_of(session, data, [line["line"] for line in data["lines"]], waits))


ANNOUNCEMENTS = (
    Announcement("order-confirmed", "An order was confirmed", OrderConfirmed, confirmed),
    Announcement("order-cancelled", "An order was cancelled", OrderCancelled, cancelled),
    Announcement("allocated", "Stock was allocated to an order", LinesAllocated, allocated, is_served),
    Announcement("backordered", "A backorder was made or grew", LinesBackordered, backordered, is_backordered),
    Announcement(
        "promise-date-changed",
        "The promise date of a line was set or changed",
        PromiseDateChanged,
        promise_changed,
        is_promised_so,
    ),
    Announcement("goods-packed", "Goods of an order were packed", GoodsPacked, packed),
    Announcement("pack-reversed", "Packed goods came back", PackReversed, pack_reversed),
)


def announcements_of_sales(_session: Session) -> Sequence[Announcement]:
    """Answer of which facts of sales programs can be told."""
    return ANNOUNCEMENTS
