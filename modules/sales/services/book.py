"""The whole book: runs of every product for which lines wait, a batch and a commit at a time, and their preview."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import select, true
from sqlalchemy.orm import Session

from erp import history
from erp.db import chunks, commit, format_quantity, is_one_of, raw, total
from erp.errors import SomeFailed
from erp.events import Run, current_run
from erp.text import plural
from modules.inventory_lots.models import Product
from modules.inventory_lots.services import BATCH, Watch, commit_by_products, lock_products
from modules.sales import queries
from modules.sales.errors import BookChanged
from modules.sales.models import Allocation, Backorder, Order, OrderLine
from modules.sales.queries import is_waiting, open_backorder_quantity, select_lines, service_order
from modules.sales.services.allocations import allocate_products, serve_products


@dataclass(frozen=True)
class LinePlan:
    """What a run would change for one line: before and after, in the product's unit."""

    line_id: int
    order: str
    position: int
    sku: str
    allocated: tuple[Decimal, Decimal]
    backordered: tuple[Decimal, Decimal]
    on_purchase_orders: tuple[Decimal, Decimal]

    def __str__(self) -> str:
        parts = [
            f"{name} {format_quantity(before)} -> {format_quantity(after)}"
            for name, (before, after) in (
                ("allocated", self.allocated),
                ("backordered", self.backordered),
                ("on purchase orders", self.on_purchase_orders),
            )
            if before != after
        ]
        return f"{self.order}/{self.position} {self.sku}: {', '.join(parts)}"


@dataclass(frozen=True)
class Preview:
    """What a run of the whole book would do now, and a fingerprint that is equal only for an equal plan."""

    lines: Sequence[LinePlan]
    fingerprint: str


def allocate_book(session: Session, skus: Sequence[str] = (), *, watch: Watch = iter) -> str:
    """Run every product for which lines wait, or those of `skus`, committing each batch; return a summary.

    This is the one service that commits: a book of a million lines is not one transaction. `watch` is given the batches
    and yields them. Raises SomeFailed at the end where products could not be run.
    """
    product_ids = queries.waiting_product_ids(session, skus)
    run = current_run(session)
    _, failed = commit_by_products(session, product_ids, allocate_products, watch=watch)
    summary = commit(lambda session: _summary(session, run, len(product_ids) - len(failed)))
    if failed:
        raise SomeFailed(summary, "product", failed)
    return summary


def _summary(session: Session, run: Run, products: int) -> str:
    allocated = session.scalars(select(total(Allocation.quantity)).where(Allocation.run_id == run.saved_id)).one()
    unit = "unit" if allocated == 1 else "units"
    text = f"{plural(products, 'product')} run, {format_quantity(allocated)} {unit} allocated."
    if run.saved_id is not None:
        subject = history.Subject("sales.run", run.saved_id, f"Run {run.saved_id}")
        history.record(session, subject, "allocated", new=text)
    return text


def preview_book(session: Session, skus: Sequence[str] = ()) -> Preview:
    """Return what a run of the whole book would change, line by line. It runs the book: the caller rolls back."""
    product_ids = queries.waiting_product_ids(session, skus)
    lock_products(session, product_ids)
    before = _line_quantities(session, product_ids, with_need=True)
    for batch in chunks(product_ids, BATCH):
        serve_products(session, batch)
    after = _line_quantities(session, product_ids)
    changed = [
        LinePlan(
            line_id=line_id,
            order=was.order,
            position=was.position,
            sku=was.sku,
            allocated=(was.allocated, now.allocated),
            backordered=(was.backordered, now.backordered),
            on_purchase_orders=(was.on_purchase_orders, now.on_purchase_orders),
        )
        for line_id, was in before.items()
        if (now := after[line_id]) != was
    ]
    return Preview(changed, _fingerprint(changed, _allocations(session), _purchase_allocations(session, changed)))


def apply_preview(session: Session, fingerprint: str, skus: Sequence[str] = ()) -> Preview:
    """Do exactly what a preview showed; raise BookChanged when a run would now do something else."""
    preview = preview_book(session, skus)
    if preview.fingerprint != fingerprint:
        raise BookChanged
    _summary(session, current_run(session), len({line.sku for line in preview.lines}))
    return preview


class _LineQuantities(NamedTuple):
    order: str
    position: int
    sku: str
    allocated: Decimal
    backordered: Decimal
    on_purchase_orders: Decimal


def _line_quantities(
    session: Session, product_ids: Sequence[int], *, with_need: bool = False
) -> dict[int, _LineQuantities]:
    """Return the quantities of each waiting line of these products, or only of those with need, by line id."""
    session.flush()
    columns = (OrderLine.id, Order.number, OrderLine.position, Product.sku, OrderLine.allocated)
    rows = session.execute(
        select_lines(*columns, open_backorder_quantity().label("backordered"))
        .outerjoin(OrderLine.backorders.and_(Backorder.is_open))
        .where(is_one_of(session, OrderLine.product_id, product_ids), is_waiting())
        .where(OrderLine.has_need if with_need else true())
        .order_by(*service_order())
    ).all()
    covered = queries.purchase_allocated_quantities(session, [row.id for row in rows])
    return {
        row.id: _LineQuantities(
            row.number or "",
            row.position,
            row.sku,
            row.allocated,
            row.backordered,
            covered.get(row.id, Decimal(0)),
        )
        for row in rows
    }


def _allocations(session: Session) -> Sequence[tuple[int, int, int]]:
    run_id = current_run(session).saved_id
    rows = select(Allocation.line_id, Allocation.balance_id, raw(Allocation.quantity))
    ordered = rows.where(Allocation.run_id == run_id).order_by(Allocation.line_id, Allocation.balance_id)
    return [(line_id, balance_id, quantity) for line_id, balance_id, quantity in session.execute(ordered)]


def _purchase_allocations(session: Session, changed: Sequence[LinePlan]) -> Sequence[tuple[int, str, Decimal]]:
    """Return the purchase allocations that the changed lines get: equal sums may be of other purchase orders."""
    ids = [line.line_id for line in changed if line.on_purchase_orders[1]]
    notes = queries.purchase_allocations_of(session, ids) if ids else {}
    return [(id_, note.supply, note.quantity) for id_ in ids for note in notes.get(id_, ())]


def _fingerprint(
    changed: Sequence[LinePlan],
    rows: Sequence[tuple[int, int, int]],
    purchase_allocations: Sequence[tuple[int, str, Decimal]],
) -> str:
    plan = ([astuple(line) for line in changed], rows, purchase_allocations)
    return hashlib.sha256(repr(plan).encode()).hexdigest()
