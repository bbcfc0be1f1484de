"""The whole book: every product for which demand waits, a batch and a commit at a time, or looked at first."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import history
from erp.db import chunks, commit, format_quantity, from_raw, is_one_of, raw, total
from erp.errors import SomeFailed
from erp.events import Run, current_run
from modules.inventory_lots.models import Product
from modules.inventory_lots.services import BATCH, Watch, commit_by_products, lock_products
from modules.sales import queries
from modules.sales.errors import BookChanged
from modules.sales.models import Allocation, Order, OrderLine
from modules.sales.queries import is_waiting, open_backorder_quantity, service_order
from modules.sales.queries.report import purchase_allocations_of
from modules.sales.services.allocation import allocate_products, serve_products


@dataclass(frozen=True)
class LinePlan:
    """What a run would change for one line: before and after, in the product's unit."""

    line_id: int
    order: str
    position: int
    sku: str
    allocated: tuple[Decimal, Decimal]
    backordered: tuple[Decimal, Decimal]
    purchase_allocated: tuple[Decimal, Decimal]

    def __str__(self) -> str:
        parts = [
            f"{name} {format_quantity(before)} -> {format_quantity(after)}"
            for name, (before, after) in (
                ("allocated", self.allocated),
                ("backordered", self.backordered),
                ("purchase_allocated", self.purchase_allocated),
            )
            if before != after
        ]
        return f"{self.order}/{self.position} {self.sku}: {', '.join(parts)}"


@dataclass(frozen=True)
class Preview:
    """What a run of the whole book would do now, and the mark by which it is known again."""

    lines: Sequence[LinePlan]
    fingerprint: str


def allocate_book(session: Session, skus: Sequence[str] = (), *, watch: Watch = iter) -> str:
    """Run every product for which demand waits, or those of `skus`, committing each batch; return what was done.

    The one service that commits: a book of a million lines is not one transaction. `watch` sees the batches go by.
    Raises SomeFailed at the end where products could not be run.
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
    run_products = "1 product" if products == 1 else f"{products} products"
    text = f"{run_products} run, {format_quantity(allocated)} {'unit' if allocated == 1 else 'units'} allocated."
    if run.saved_id is not None:
        subject = history.Subject("sales.run", run.saved_id, f"Run {run.saved_id}")
        history.record(session, subject, "allocated", new=text)
    return text


def preview_book(session: Session, skus: Sequence[str] = ()) -> Preview:
    """Say what a run of the whole book would give and take, line by line; the caller rolls back."""
    product_ids = queries.waiting_product_ids(session, skus)
    lock_products(session, product_ids)
    before = _status_before(session, product_ids)
    for batch in chunks(product_ids, BATCH):
        serve_products(session, batch)
    after = _status_before(session, product_ids, needing=False)
    changed = [
        LinePlan(line_id, *was[0], *zip(was[1], after[line_id][1], strict=True))
        for line_id, was in before.items()
        if was[1] != after[line_id][1]
    ]
    return Preview(changed, _fingerprint(changed, _rows(session), _purchase_allocations(session, changed)))


def apply_preview(session: Session, fingerprint: str, skus: Sequence[str] = ()) -> Preview:
    """Do exactly what a preview showed; raise BookChanged when the book would now be served differently."""
    preview = preview_book(session, skus)
    if preview.fingerprint != fingerprint:
        raise BookChanged
    _summary(session, current_run(session), len({line.sku for line in preview.lines}))
    return preview


_Label = tuple[str, int, str]
_Numbers = tuple[Decimal, Decimal, Decimal]


def _status_before(
    session: Session, product_ids: Sequence[int], *, needing: bool = True
) -> dict[int, tuple[_Label, _Numbers]]:
    """Return each waiting line's label and its allocated, backordered and linked quantities."""
    session.flush()
    needs = OrderLine.quantity > OrderLine.packed + OrderLine.cancelled + OrderLine.allocated
    rows = session.execute(
        select(
            OrderLine.id,
            Order.number,
            OrderLine.position,
            Product.sku,
            raw(OrderLine.allocated),
            raw(open_backorder_quantity()),
        )
        .select_from(OrderLine)
        .join(Order, Order.id == OrderLine.order_id)
        .join(Product, Product.id == OrderLine.product_id)
        .outerjoin(OrderLine.backorders.and_(queries.backorder_is_open()))
        .where(is_one_of(session, OrderLine.product_id, product_ids), is_waiting(), *([needs] if needing else []))
        .order_by(*service_order())
    ).all()
    purchase_allocated = queries.purchase_allocated_quantities(session, [row[0] for row in rows])
    return {
        line_id: (
            (number or "", position, sku),
            (from_raw(allocated), from_raw(waiting), purchase_allocated.get(line_id, Decimal(0))),
        )
        for line_id, number, position, sku, allocated, waiting in rows
    }


def _rows(session: Session) -> Sequence[tuple[int, int, int]]:
    run_id = current_run(session).saved_id
    rows = select(Allocation.line_id, Allocation.balance_id, raw(Allocation.quantity))
    ordered = rows.where(Allocation.run_id == run_id).order_by(Allocation.line_id, Allocation.balance_id)
    return [(line_id, balance_id, quantity) for line_id, balance_id, quantity in session.execute(ordered)]


def _purchase_allocations(session: Session, changed: Sequence[LinePlan]) -> Sequence[tuple[int, str, Decimal]]:
    """Return what incoming supply the changed lines end up with, link by link: equal sums may come from elsewhere."""
    ids = [line.line_id for line in changed if line.purchase_allocated[1]]
    notes = purchase_allocations_of(session, ids) if ids else {}
    return [(id_, note.supply, note.quantity) for id_ in ids for note in notes.get(id_, ())]


def _fingerprint(
    changed: Sequence[LinePlan],
    rows: Sequence[tuple[int, int, int]],
    purchase_allocations: Sequence[tuple[int, str, Decimal]],
) -> str:
    marked = ([astuple(line) for line in changed], rows, purchase_allocations)
    return hashlib.sha256(repr(marked).encode()).hexdigest()
