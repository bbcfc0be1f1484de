"""The invariants of returns, recomputed from the rows themselves for `erp check`."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from erp.db import Quantity, total
from erp.numbers import format_quantity
from erp.text import say
from modules.returns.models import Inspection, Return, ReturnLine
from modules.returns.queries.returns import claimed
from modules.returns.states import ReturnState
from modules.sales.models import Pack, PackLine


def broken_invariants(session: Session) -> Iterator[str]:
    """Yield a sentence for each line, pack line and return that differs from what its rows say."""
    yield from _inspected(session)
    yield from _more_than_packed(session)
    yield from _closed_too_early(session)
    yield from _orders(session)


def _inspected(session: Session) -> Iterator[str]:
    sums = select(Inspection.line_id, total(Inspection.quantity).label("held")).group_by(Inspection.line_id).subquery()
    held = func.coalesce(sums.c.held, literal(Decimal(0), Quantity()))
    rows = (
        select(Return.number, ReturnLine.position, ReturnLine.inspected, held)
        .join(ReturnLine.document)
        .outerjoin(sums, sums.c.line_id == ReturnLine.id)
        .where(ReturnLine.inspected != held)
    )
    for number, position, inspected, counted in session.execute(rows.order_by(ReturnLine.id)):
        yield say(
            "Return {number} line {position}: inspected is {inspected}, its inspections add up to {counted}.",
            number=number,
            position=position,
            inspected=format_quantity(inspected),
            counted=format_quantity(counted),
        )


def _more_than_packed(session: Session) -> Iterator[str]:
    returned = total(claimed())
    rows = (
        select(Pack.number, PackLine.id, PackLine.unreversed, returned)
        .select_from(ReturnLine)
        .join(ReturnLine.document)
        .join(ReturnLine.pack_line)
        .join(PackLine.pack)
        .group_by(Pack.number, PackLine.id, PackLine.quantity, PackLine.reversed)
        .having(returned > PackLine.unreversed)
    )
    for number, id_, packed, counted in session.execute(rows.order_by(PackLine.id)):
        yield say(
            "Pack {number}: {counted} of pack line {id} are returned, {packed} are packed.",
            number=number,
            counted=format_quantity(counted),
            id=id_,
            packed=format_quantity(packed),
        )


def _closed_too_early(session: Session) -> Iterator[str]:
    waiting = (
        select(Return.number)
        .join(Return.lines)
        .where(Return.state == ReturnState.closed, ReturnLine.uninspected > Decimal(0))
    )
    for number in session.scalars(waiting.distinct().order_by(Return.number)):
        yield say("Return {number} is closed, and goods of it wait for inspection.", number=number)


def _orders(session: Session) -> Iterator[str]:
    others = (
        select(Return.number, ReturnLine.position)
        .join(Return.lines)
        .join(ReturnLine.pack_line)
        .join(PackLine.pack)
        .where(Pack.order_id != Return.order_id)
    )
    for number, position in session.execute(others.order_by(ReturnLine.id)):
        yield say(
            "Return {number} line {position}: its pack is of another sales order.", number=number, position=position
        )
