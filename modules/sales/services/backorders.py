"""Backorder rows: the quantity of a line that stock could not cover."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, delete, select, true, update
from sqlalchemy.orm import Session

from erp import clock, history
from erp.db import bulk_add, bulk_insert, bulk_update, is_one_of, raw_instant, read_rows, require_lock, to_raw
from erp.events import publish
from erp.numbers import sums
from erp.options import options
from erp.text import say
from modules.inventory_lots.models import Product
from modules.inventory_lots.services import lock_products
from modules.sales import queries
from modules.sales.domain import Part
from modules.sales.events import BackorderCancelled, BackorderChange, LinesBackordered, LinesServed
from modules.sales.hooks import backorder_kinds
from modules.sales.models import Backorder, Order, OrderLine
from modules.sales.planning import Backordered, settle_backorders
from modules.sales.queries import Scope, select_lines
from modules.sales.services.locking import lock_backorder
from modules.sales.services.order_states import close_orders
from modules.sales.services.scheduled import date_scheduled_backorders
from modules.sales.states import BackorderKind

_OPEN = "quantity - allocated_quantity - cancelled_quantity"
_STATE_AFTER = (
    f"CASE WHEN {_OPEN} > {{amount}} THEN 'open' "
    "WHEN allocated_quantity + {gained} > 0 THEN 'allocated' ELSE 'cancelled' END"
)
_CLOSED_AFTER = f"CASE WHEN {_OPEN} > {{amount}} THEN NULL ELSE {{closing}} END"


def write_backorders(session: Session, changes: Iterable[Backordered]) -> None:
    """Make, grow and shrink backorder rows as planned; what they shrink by counts as allocated."""
    allocated, grown, new = [], [], []
    more: dict[int, int] = {}
    for line_id, backorder_id, before, after in changes:
        if after > before:
            more[line_id] = after - before
        if backorder_id is None:
            new.append((line_id, after))
        elif after > before:
            grown.append((backorder_id, after - before))
        else:
            allocated.append((backorder_id, before - after))
    if not (allocated or grown or new):
        return
    reduce_rows(session, allocated, by="allocated_quantity")
    _grow(session, grown)
    _insert(session, sorted(new))
    session.expire_all()
    if more:
        publish(session, LinesBackordered(more))


def reduce_rows(session: Session, parts: Sequence[Part], *, by: str) -> None:
    """Take raw quantities off the open quantity of backorder rows; a row with nothing open is closed.

    `by` is the column that takes them: `allocated_quantity` or `cancelled_quantity`, which grow, or `quantity`, which
    shrinks.
    """
    closed_at = raw_instant(clock.now())
    rows = [(id_, amount, amount if by == "allocated_quantity" else 0, closed_at) for id_, amount in parts]
    sets = {
        by: f"{by} {'-' if by == 'quantity' else '+'} {{amount}}",
        "state": _STATE_AFTER,
        "closed_at": _CLOSED_AFTER,
    }
    types = {"amount": "bigint", "gained": "bigint", "closing": "timestamp"}
    bulk_update(session, Backorder.__table__, sets, types, rows)  # type: ignore[arg-type]


def absorb_into_backorders(session: Session, amounts: Mapping[int, int]) -> dict[int, int]:
    """Count raw quantities that lines (by id) were just allocated as allocated on their open backorder rows.

    Return the id of the row of each line that has one.
    """
    if not amounts:
        return {}
    rows = _open_rows(session, amounts)
    reduce_rows(session, [(id_, amounts[line_id]) for line_id, id_ in rows.items()], by="allocated_quantity")
    session.expire_all()
    return rows


def _open_rows(session: Session, line_ids: Iterable[int]) -> dict[int, int]:
    """Return the id of the open backorder row of each of these lines that has one."""
    rows = select(Backorder.line_id, Backorder.id).where(
        is_one_of(session, Backorder.line_id, line_ids), Backorder.is_open
    )
    return dict(read_rows(session, rows))


def return_to_backorders(session: Session, parts: Sequence[Part]) -> None:
    """Open raw quantities again that backorder rows (by id) count as allocated; the allocations are gone.

    A closed row opens with its kind and its day. Where its line has another open row, the quantity moves into that
    one. The caller holds the products' locks.
    """
    amounts = sums(parts)
    of_rows = select(Backorder.id, Backorder.line_id).where(is_one_of(session, Backorder.id, amounts))
    lines: dict[int, int] = dict(session.execute(of_rows.order_by(Backorder.id.desc())).all())
    open_rows = _open_rows(session, set(lines.values()))
    grown: Counter[int] = Counter()
    for id_, line_id in lines.items():
        into = open_rows.setdefault(line_id, id_)
        grown[into] += amounts[id_]
        grown[id_] -= amounts[id_]
    rows = [(id_, amounts.get(id_, 0), grown[id_]) for id_ in sorted(grown)]
    is_open = f"{_OPEN} + {{grown}} + {{returned}} > 0"
    sets = {
        "allocated_quantity": "allocated_quantity - {returned}",
        "quantity": "quantity + {grown}",
        "state": (
            f"CASE WHEN {is_open} THEN 'open' "
            "WHEN allocated_quantity - {returned} > 0 THEN 'allocated' ELSE 'cancelled' END"
        ),
        "closed_at": f"CASE WHEN {is_open} THEN NULL ELSE closed_at END",
    }
    bulk_update(session, Backorder.__table__, sets, {"returned": "bigint", "grown": "bigint"}, rows)  # type: ignore[arg-type]
    session.expire_all()


def _grow(session: Session, parts: Sequence[Part]) -> None:
    # A preorder row does not count days before its launch, however often it grows.
    sets = {
        "quantity": "quantity + {amount}",
        "counts_from": "CASE WHEN kind = 'preorder' THEN NULL ELSE {today} END",
    }
    today = clock.today()
    rows = [(id_, amount, today) for id_, amount in parts]
    bulk_update(session, Backorder.__table__, sets, {"amount": "bigint", "today": "date"}, rows)  # type: ignore[arg-type]


def _insert(session: Session, parts: Sequence[Part]) -> None:
    if not parts:
        return
    kinds = {line_id: BackorderKind.backorder for line_id, _ in parts}
    for answer in backorder_kinds(session, list(kinds)):
        kinds.update(answer)
    columns = (
        "line_id",
        "kind",
        "quantity",
        "allocated_quantity",
        "cancelled_quantity",
        "state",
        "counts_from",
        "created_at",
    )
    now = raw_instant(clock.now())
    days = {BackorderKind.backorder: clock.today(), BackorderKind.preorder: None}
    rows = [
        (line_id, str(kinds[line_id]), amount, 0, 0, "open", days[kinds[line_id]], now) for line_id, amount in parts
    ]
    bulk_insert(session, Backorder.__table__, columns, rows)  # type: ignore[arg-type]


def grow_backorders(session: Session, line_ids: Collection[int]) -> None:
    """Make or grow the backorder rows of lines to what stock does not cover, before a clerk allocates purchase orders.

    The caller holds the products' locks.
    """
    products = session.scalars(select(OrderLine.product_id).where(OrderLine.id.in_(line_ids)).distinct()).all()
    require_lock(session, Product, products)
    scope, rules = Scope(tuple(products), tuple(line_ids)), queries.rules_of_runs(session)
    lines = queries.read_demands(session, scope)
    write_backorders(session, settle_backorders(lines, (), rules))
    date_scheduled_backorders(session, is_one_of(session, Backorder.line_id, line_ids))


def cancel_backorder(session: Session, backorder_id: int, *, why: str = "") -> None:
    """Cancel the open quantity of one row for good. Raises NotFound and NothingOpen."""
    row = lock_backorder(session, backorder_id)
    cancel_backorders(session, {row.id: row.open_quantity}, cause="clerk", why=why)


def cancel_backorders(session: Session, amounts: Mapping[int, Decimal], *, cause: str, why: str = "") -> None:
    """Cancel quantities of open rows: rows and lines count them as cancelled, purchase allocations are released.

    Orders with nothing open are closed. The caller holds the products' locks.
    """
    if not amounts:
        return
    rows = session.execute(
        select_lines(Backorder.id, OrderLine, Order, through=Backorder.line)
        .where(is_one_of(session, Backorder.id, amounts))
        .order_by(Backorder.id)
    ).all()
    lines = [(line.id, to_raw(amounts[id_])) for id_, line, _ in rows]
    products = tuple(sorted({line.product_id for _, line, _ in rows}))
    require_lock(session, Product, products)
    order_ids = {order.id for *_, order in rows}
    entry_ids = history.record_with_ids(
        session,
        [
            history.Change(line.history_subject(), "cancelled", "backorder", old=amounts[id_], new=Decimal(0), why=why)
            for id_, line, _ in rows
        ],
    )
    changes = tuple(
        BackorderChange(id_, amounts[id_], entry_id) for (id_, *_), entry_id in zip(rows, entry_ids, strict=True)
    )
    reduce_rows(session, [(id_, to_raw(amount)) for id_, amount in amounts.items()], by="cancelled_quantity")
    bulk_add(session, OrderLine.__table__, ("cancelled",), lines)  # type: ignore[arg-type]
    session.expire_all()
    close_orders(session, order_ids)
    line_ids = tuple(id_ for id_, _ in lines)
    publish(session, LinesServed(products, line_ids, shrunk=line_ids))
    publish(session, BackorderCancelled(changes, cause))


def delete_backorder(session: Session, backorder_id: int) -> None:
    """Delete a row, whose purchase allocations are released, and keep its line out of automatic runs.

    Raises NotFound and NothingOpen.
    """
    row = lock_backorder(session, backorder_id)
    line = row.line
    history.record(session, line.history_subject(), "deleted", field="backorder", old=row.open_quantity, new=Decimal(0))
    line.hold_allocation = True
    session.flush()
    session.execute(delete(Backorder).where(Backorder.id == backorder_id))
    session.expire_all()
    publish(session, LinesServed((line.product_id,), (line.id,), shrunk=(line.id,)))


def overdue_products(session: Session) -> list[int]:
    """Return the products with backorders that have waited longer than the cancellation days allow.

    Also those with rows of scheduled lines that count from a wrong day, as when the days ahead were changed.
    """
    limit = _overdue_before()
    if limit is None:
        return []
    waiting = (
        select(OrderLine.product_id)
        .select_from(Backorder)
        .join(Backorder.line)
        .where(Backorder.is_open, Backorder.counts_from < limit)
    )
    to_correct = {row.product_id for row in queries.days_to_correct(session, true())}
    return sorted({*session.scalars(waiting.distinct()), *to_correct})


def _overdue_before() -> date | None:
    days = options.sales.backorder_cancellation_days
    return clock.today() - timedelta(days=days) if days and options.sales.backorders else None


def cancel_overdue_backorders(session: Session, product_ids: Sequence[int] | None = None) -> int:
    """Cancel what of these products, or of all, waited longer than the cancellation days; return of how many rows.

    Scheduled lines and those that other modules spare keep theirs, and so do quantities on purchase orders unless
    `[sales] cancel_covered` says otherwise.
    """
    limit = _overdue_before()
    if limit is None:
        return 0
    product_ids = overdue_products(session) if product_ids is None else product_ids
    lock_products(session, product_ids)
    date_scheduled_backorders(session, is_one_of(session, OrderLine.product_id, product_ids))
    overdue = queries.cancellable_backorders(session, limit, product_ids)
    may_be_covered = [] if options.sales.cancel_covered else [line_id for _, line_id, _ in overdue]
    covered = queries.purchase_allocated_quantities(session, may_be_covered)
    amounts = {id_: quantity - covered.get(line_id, Decimal(0)) for id_, line_id, quantity in overdue}
    amounts = {id_: amount for id_, amount in amounts.items() if amount > 0}
    days = options.sales.backorder_cancellation_days
    cancel_backorders(session, amounts, cause="sla", why=say("waited longer than {days} days", days=days))
    return len(amounts)


def turn_into_backorders(session: Session, line_ids: Collection[int]) -> int:
    """Turn the open preorder rows of lines into backorders that count from today; return how many rows.

    Those of scheduled lines count from the day on which the lines fall due.
    """
    is_chosen = is_one_of(session, Backorder.line_id, line_ids)
    count = _change_kind(session, is_chosen, BackorderKind.backorder, clock.today())
    date_scheduled_backorders(session, is_chosen)
    return count


def turn_into_preorders(session: Session, product_ids: Collection[int]) -> int:
    """Turn the open backorder rows of the preorder lines of products into preorders; return how many rows.

    The caller holds the products' locks.
    """
    require_lock(session, Product, product_ids)
    if not product_ids:
        return 0
    lines = select(OrderLine.id).where(
        is_one_of(session, OrderLine.product_id, product_ids), OrderLine.is_preorder.is_(True)
    )
    return _change_kind(session, Backorder.line_id.in_(lines), BackorderKind.preorder, None)


def _change_kind(
    session: Session, is_chosen: ColumnElement[bool], kind: BackorderKind, counts_from: date | None
) -> int:
    changes = (
        update(Backorder)
        .where(is_chosen, Backorder.is_open, Backorder.kind != kind)
        .values(kind=kind, counts_from=counts_from)
        .returning(Backorder.id)
    )
    return len(session.scalars(changes.execution_options(synchronize_session="fetch")).all())


def lower_backorders(session: Session, parts: Sequence[Part]) -> None:
    """Take raw quantities off backorder rows because their lines want less."""
    parts = [(id_, quantity) for id_, quantity in parts if quantity]
    if parts:
        reduce_rows(session, parts, by="quantity")
    session.expire_all()


def close_backorders(session: Session, entry_ids: Mapping[int, int]) -> tuple[BackorderChange, ...]:
    """Count what is open on the rows of cancelled lines as cancelled; `entry_ids` are the history entries by line."""
    rows = session.execute(
        select(Backorder.id, Backorder.line_id, Backorder.open_quantity).where(
            is_one_of(session, Backorder.line_id, entry_ids), Backorder.is_open
        )
    ).all()
    reduce_rows(session, [(id_, to_raw(quantity)) for id_, _, quantity in rows], by="cancelled_quantity")
    session.expire_all()
    return tuple(BackorderChange(id_, quantity, entry_ids[line_id]) for id_, line_id, quantity in rows)
