"""The invariants of sales, recomputed from the rows themselves for `erp check`."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.elements import SQLCoreOperations

from erp.db import Quantity, format_quantity, total
from erp.text import say, word
from modules.inventory_lots.models import Balance, Location, Lot, StockHold
from modules.sales.models import (
    Allocation,
    Backorder,
    Order,
    OrderLine,
    Pack,
    PackLine,
    PackReversal,
    Quote,
    QuoteLine,
    QuotePart,
    quote_name,
)
from modules.sales.queries.allocations import select_allocations
from modules.sales.states import OrderState


def broken_invariants(session: Session) -> Iterator[str]:
    """Yield a sentence for each line, balance and order whose quantities or state differ from what its rows say."""
    yield from _lines(session)
    yield from _allocations(session)
    yield from _pack_lines(session)
    yield from _balances(session)
    yield from _backorders(session)
    yield from _orders(session)
    yield from _quotes(session)


def _unequal(
    session: Session,
    rows: Select[*tuple[Any, ...]],
    counter: InstrumentedAttribute[Decimal],
    key: InstrumentedAttribute[Any],
    quantity: SQLCoreOperations[Decimal],
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows whose counter is not the sum of a quantity by a key; both stand at the end of each, as text."""
    sums = select(key.label("id"), total(quantity).label("held")).group_by(key).subquery()
    held = func.coalesce(sums.c.held, literal(Decimal(0), Quantity()))
    id_ = counter.class_.id
    found = rows.add_columns(counter, held).outerjoin(sums, sums.c.id == id_).where(counter != held).order_by(id_)
    for *names, count, sum_ in session.execute(found):
        yield (*names, format_quantity(count), format_quantity(sum_))


def _lines(session: Session) -> Iterator[str]:
    lines = select(Order.number, OrderLine.position).select_from(OrderLine).join(OrderLine.order)
    for number, position, count, held in _unequal(
        session, lines, OrderLine.allocated, Allocation.line_id, Allocation.unpacked
    ):
        yield say(
            "Sales order {number} line {position}: allocated is {count}, its allocations hold {held}.",
            number=number,
            position=position,
            count=count,
            held=held,
        )
    for number, position, count, held in _unequal(
        session, lines, OrderLine.packed, PackLine.line_id, PackLine.unreversed
    ):
        yield say(
            "Sales order {number} line {position}: packed is {count}, its packs hold {held}.",
            number=number,
            position=position,
            count=count,
            held=held,
        )


def _allocations(session: Session) -> Iterator[str]:
    rows = select_allocations(Order.number, OrderLine.position, Lot.number, Location.path)
    for number, position, lot, path, packed, held in _unequal(
        session, rows, Allocation.packed, PackLine.allocation_id, PackLine.unreversed
    ):
        yield say(
            "Sales order {number} line {position}: {packed} of lot {lot} at {path} are packed, its packs hold {held}.",
            number=number,
            position=position,
            packed=packed,
            lot=lot,
            path=path,
            held=held,
        )


def _pack_lines(session: Session) -> Iterator[str]:
    rows = select(Pack.number, OrderLine.position).select_from(PackLine).join(PackLine.pack).join(PackLine.line)
    for number, position, count, held in _unequal(
        session, rows, PackLine.reversed, PackReversal.pack_line_id, PackReversal.quantity
    ):
        yield say(
            "Pack {number} line {position}: reversed is {count}, its reversals add up to {held}.",
            number=number,
            position=position,
            count=count,
            held=held,
        )


def _balances(session: Session) -> Iterator[str]:
    rows = select(Lot.number, Location.path).select_from(Balance).join(Balance.lot).join(Balance.location)
    for lot, path, count, held in _unequal(
        session, rows, Balance.allocated, Allocation.balance_id, Allocation.unpacked
    ):
        yield say(
            "Lot {lot} at {path}: allocated is {count}, its allocations hold {held}.",
            lot=lot,
            path=path,
            count=count,
            held=held,
        )


def _backorders(session: Session) -> Iterator[str]:
    parts = (
        select(Backorder.line_id, total(Backorder.open_quantity).label("waiting"))
        .where(Backorder.is_open)
        .group_by(Backorder.line_id)
        .subquery()
    )
    rows = (
        select(Order.number, OrderLine.position, parts.c.waiting, OrderLine.need)
        .select_from(OrderLine)
        .join(OrderLine.order)
        .join(parts, parts.c.line_id == OrderLine.id)
        .where(parts.c.waiting > OrderLine.need)
        .order_by(OrderLine.id)
    )
    for number, position, waiting, need in session.execute(rows):
        yield say(
            "Sales order {number} line {position}: {waiting} are on backorder, only {need} are open and not allocated.",
            number=number,
            position=position,
            waiting=format_quantity(waiting),
            need=format_quantity(need),
        )


def _orders(session: Session) -> Iterator[str]:
    still_open = total(OrderLine.open_quantity)
    rows = (
        select(Order.number, Order.state, still_open)
        .join(Order.lines)
        .where(Order.state.in_((OrderState.done, OrderState.cancelled)))
        .group_by(Order.id, Order.number, Order.state)
        .having(still_open > Decimal(0))
        .order_by(Order.id)
    )
    for number, state, quantity in session.execute(rows):
        yield say(
            "Sales order {number} is {state}, yet {quantity} are open.",
            number=number,
            state=word(state),
            quantity=format_quantity(quantity),
        )


def _quotes(session: Session) -> Iterator[str]:
    """Yield the live quotes whose parts are not what is held in stock for them."""
    rows = quotes_held_otherwise(StockHold, QuotePart.balance_id.is_not(None))
    for quote_id, promised, held in session.execute(rows):
        yield say(
            "Quote {quote} promises {promised} from stock, {held} are held for it.",
            quote=quote_name(quote_id),
            promised=format_quantity(promised),
            held=format_quantity(held),
        )


def quotes_held_otherwise(holds: Any, of_parts: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Select the live quotes of which parts that meet a condition are not what the table `holds` has for them.

    The columns are the id of the quote, what its parts promise, and what is held.
    """
    parts = (
        select(QuoteLine.quote_id, total(QuotePart.quantity).label("promised"))
        .join(QuotePart.line)
        .where(of_parts)
        .group_by(QuoteLine.quote_id)
        .subquery()
    )
    held = select(holds.document, total(holds.quantity).label("held")).group_by(holds.document).subquery()
    nothing = literal(Decimal(0), Quantity())
    promised, is_held = func.coalesce(parts.c.promised, nothing), func.coalesce(held.c.held, nothing)
    return (
        select(Quote.id, promised, is_held)
        .outerjoin(parts, parts.c.quote_id == Quote.id)
        .outerjoin(held, held.c.document == literal("Q") + cast(Quote.id, String))
        .where(Quote.is_live, promised != is_held)
        .order_by(Quote.id)
    )
