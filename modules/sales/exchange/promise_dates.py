"""Promise dates in and out, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.db import is_named
from erp.exchange import Column, Errors, ExportKind, ImportKind, Row, code, day, whole_number
from erp.identity import ByKey
from erp.text import plural, say
from modules.inventory_lots.services import lock_products
from modules.sales import services
from modules.sales.models import Order, OrderLine
from modules.sales.states import OrderState


@dataclass(frozen=True)
class _Line:
    id: int
    product_id: int


def _apply(session: Session, rows: Sequence[Row], errors: Errors) -> str:
    orders = _lines(session, {row["order"] for row in rows})
    for row in rows:
        if row["order"] not in orders:
            errors.add(row, "order", say("is not the number of a sales order"))
        elif row["line"] not in orders[row["order"]]:
            errors.add(row, "line", say("is not a line of order {row}", row=row["order"]))
    errors.raise_if_any()
    lines = [(orders[row["order"]][row["line"]], row["promise_date"]) for row in rows]
    lock_products(session, {line.product_id for line, _ in lines})
    dates = {line.id: promise_date for line, promise_date in lines}
    changed = services.set_promise_dates(session, dates, cause="import", pin=True)
    return say("{promise_dates}: {changed} changed.", promise_dates=plural(len(rows), "promise date"), changed=changed)


def _lines(session: Session, numbers: Iterable[str]) -> ByKey[str, dict[int, _Line]]:
    """Return the lines of these orders by number and position."""
    found: ByKey[str, dict[int, _Line]] = ByKey()
    rows = select(Order.number, OrderLine.position, OrderLine.id, OrderLine.product_id).join(Order.lines)
    for number, position, id_, product_id in session.execute(rows.where(is_named(session, Order.number, numbers))):
        found.setdefault(str(number), {})[position] = _Line(id_, product_id)
    return found


def _rows(session: Session) -> Iterable[Sequence[object]]:
    return session.execute(
        select(Order.number, OrderLine.position, OrderLine.promise_date)
        .join(Order.lines)
        .where(OrderLine.promise_date.is_not(None), Order.state.in_((OrderState.confirmed, OrderState.done)))
        .order_by(Order.id, OrderLine.position)
    )


COLUMNS = (
    Column("order", code(40), required=True),
    Column("line", whole_number, required=True),
    Column("promise_date", day, required=True),
)
PROMISE_DATE_IMPORT = ImportKind(
    name="promise_dates",
    title="Promise dates",
    permission="sales.edit",
    columns=COLUMNS,
    key=("order", "line"),
    apply=_apply,
)
PROMISE_DATES = ExportKind(
    name="promise_dates",
    title="Promise dates",
    permission="sales.view",
    columns=tuple(column.name for column in COLUMNS),
    rows=_rows,
)
