"""Returns, their lines and what waits."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, case, exists, func, literal, select
from sqlalchemy.orm import Session, joinedload, selectinload

from erp.db import Quantity, is_one_of, total
from erp.errors import NotFound
from erp.identity import identity_key
from erp.registry import Waiting
from erp.search import Found, SearchSource, Sought, rows_by_number
from erp.text import say
from modules.inventory_lots.models import Balance, Lot, Product
from modules.returns.models import Inspection, Return, ReturnLine
from modules.returns.states import Outcome, ReturnState
from modules.sales.models import Order, OrderLine, Pack, PackLine

# The path from a line to what its page shows.
LINE_LOADS = (
    joinedload(ReturnLine.pack_line).joinedload(PackLine.pack),
    joinedload(ReturnLine.pack_line).joinedload(PackLine.line).joinedload(OrderLine.product),
    joinedload(ReturnLine.pack_line).joinedload(PackLine.balance).joinedload(Balance.lot),
)


def return_by_number(session: Session, number: str) -> Return:
    """Return a return; raise NotFound."""
    found = session.scalar(select(Return).where(Return.number_key == identity_key(number)))
    if found is None:
        raise NotFound("return", number)
    return found


def numbers_in_use(session: Session, numbers: Iterable[str]) -> list[str]:
    """Return those of these numbers that returns have, as they are written here."""
    by_key = {identity_key(number): number for number in numbers}
    rows = select(Return.number_key).where(is_one_of(session, Return.number_key, by_key)).order_by(Return.id)
    return [by_key[key] for key in session.scalars(rows)]


def fresh_return(session: Session, return_id: int) -> Return:
    """Lock a return and read it again with its lines and their goods; raise NotFound."""
    session.flush()
    lines = selectinload(Return.lines).options(*LINE_LOADS)
    loads = (lines, joinedload(Return.order), joinedload(Return.location))
    rows = select(Return).where(Return.id == return_id).options(*loads).with_for_update(key_share=True, of=Return)
    found = session.scalar(rows, execution_options={"populate_existing": True})
    if found is None:
        raise NotFound("return", return_id)
    return found


def products_of(session: Session, return_id: int) -> set[int]:
    """Return the products of a return's goods."""
    return set(session.scalars(_products().where(ReturnLine.return_id == return_id)))


def products_of_open(session: Session) -> set[int]:
    """Return the products of the goods of all open returns."""
    return set(session.scalars(_products().join(ReturnLine.document).where(Return.is_open).distinct()))


def _products() -> Select[int]:
    rows = select(Balance.product_id).join(PackLine, PackLine.balance_id == Balance.id)
    return rows.join(ReturnLine, ReturnLine.pack_line_id == PackLine.id)


def returns_of_order(session: Session, order_id: int) -> Sequence[Return]:
    """Return the returns of a sales order with their lines, the latest first."""
    lines = selectinload(Return.lines).options(*LINE_LOADS)
    rows = select(Return).where(Return.order_id == order_id).options(lines, joinedload(Return.replacement))
    return session.scalars(rows.order_by(Return.id.desc())).all()


def inspections_of(session: Session, return_id: int) -> Sequence[Inspection]:
    """Return what was decided of a return's goods, the first first."""
    line = joinedload(Inspection.line).options(*LINE_LOADS)
    rows = select(Inspection).join(Inspection.line).where(ReturnLine.return_id == return_id)
    return session.scalars(rows.options(line, joinedload(Inspection.location)).order_by(Inspection.id)).all()


def returns_of_pack_lines(session: Session, pack_line_ids: Collection[int]) -> dict[int, list[str]]:
    """Return the numbers of the returns, not cancelled, that have goods of these pack lines."""
    rows = (
        select(ReturnLine.pack_line_id, Return.number)
        .join(ReturnLine.document)
        .where(is_one_of(session, ReturnLine.pack_line_id, pack_line_ids), Return.state != ReturnState.cancelled)
        .order_by(Return.id)
    )
    found: dict[int, list[str]] = {}
    for pack_line_id, number in session.execute(rows):
        found.setdefault(pack_line_id, []).append(number)
    return found


def claimed() -> ColumnElement[Decimal]:
    """Return, in SQL, what a line of a return keeps of its pack line: what is expected or, once it came, what came."""
    return case(
        (Return.state == ReturnState.cancelled, literal(Decimal(0), Quantity())),
        (Return.state == ReturnState.draft, ReturnLine.quantity),
        else_=ReturnLine.received,
    )


def returned_of_packs(session: Session, pack_ids: Sequence[int]) -> dict[int, tuple[Decimal, Decimal]]:
    """Return how much of each of these packs came back, and how much was packed, of those of which something did."""
    packed = select(PackLine.pack_id, total(PackLine.unreversed).label("packed")).group_by(PackLine.pack_id)
    packed_of = packed.where(is_one_of(session, PackLine.pack_id, pack_ids)).subquery()
    rows = (
        select(PackLine.pack_id, total(ReturnLine.received), packed_of.c.packed)
        .join(ReturnLine, ReturnLine.pack_line_id == PackLine.id)
        .join(packed_of, packed_of.c.pack_id == PackLine.pack_id)
        .group_by(PackLine.pack_id, packed_of.c.packed)
        .having(total(ReturnLine.received) > Decimal(0))
    )
    return {pack_id: (returned, of) for pack_id, returned, of in session.execute(rows)}


def returned_of_pack_lines(session: Session, pack_line_ids: Collection[int]) -> dict[int, Decimal]:
    """Return how much of each of these pack lines came back; 0 of none."""
    rows = (
        select(ReturnLine.pack_line_id, total(ReturnLine.received))
        .where(is_one_of(session, ReturnLine.pack_line_id, pack_line_ids))
        .group_by(ReturnLine.pack_line_id)
    )
    return dict.fromkeys(pack_line_ids, Decimal(0)) | dict(session.execute(rows).all())


def came_back() -> ColumnElement[bool]:
    """Return the condition on a pack that something of it was returned."""
    received = ReturnLine.received > Decimal(0)
    return exists().where(ReturnLine.pack_line_id == PackLine.id, PackLine.pack_id == Pack.id, received)


def counts_by_state(session: Session) -> dict[ReturnState, int]:
    """Return how many returns are in each open state."""
    rows = select(Return.state, func.count()).where(Return.is_open).group_by(Return.state)
    return dict(session.execute(rows).all())


def waiting_since() -> ColumnElement[datetime]:
    """Return, in SQL, since when a return waits: for its goods, or for their inspection."""
    return func.coalesce(Return.received_at, Return.created_at, type_=Return.created_at.type)


def waiting_returns(before: datetime) -> Select[Return]:
    """Return a select of the open returns that have waited since before an instant."""
    return select(Return).where(Return.is_open, waiting_since() < before).order_by(Return.id)


def goods_to_inspect(session: Session) -> Waiting:
    """Return how many returns wait for inspection, and since when the oldest does."""
    rows = select(func.count(), func.min(Return.received_at)).where(Return.state == ReturnState.received)
    return Waiting(*session.execute(rows).one())


def return_rows(session: Session) -> Iterable[Sequence[Any]]:
    """Return the rows of the export: each line with its goods and what was decided, by return and position."""
    decided = [
        select(total(Inspection.quantity))
        .where(Inspection.line_id == ReturnLine.id, Inspection.outcome == outcome)
        .correlate(ReturnLine)
        .scalar_subquery()
        for outcome in Outcome
    ]
    columns = (
        *(Return.number, Order.number, Return.reason, Return.state, Pack.number, Product.sku, Lot.number),
        *(ReturnLine.quantity, ReturnLine.received, *decided, Return.cause),
    )
    rows = (
        select(*columns)
        .join(Return.lines)
        .join(Return.order)
        .join(ReturnLine.pack_line)
        .join(PackLine.pack)
        .join(PackLine.balance)
        .join(Balance.lot)
        .join(Lot.product)
        .order_by(Return.id, ReturnLine.position)
    )
    return session.execute(rows).yield_per(5000)


def find_returns(session: Session, sought: Sought, limit: int) -> list[Found]:
    """Return the returns with this number."""
    rows = select(Return).options(joinedload(Return.order))
    found = rows_by_number(session, rows, Return.number, sought, limit, prefix="RT")
    return [
        Found(each.id, each.number, say("of {order} · {state}", order=each.order.name, state=each.state), rank)
        for each, rank in found
    ]


SEARCH = SearchSource("returns.return", "Return", find_returns)
