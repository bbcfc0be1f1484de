"""What a run would change, line by line and product by product, without locking or writing anything."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy.orm import Session

from erp.db import chunks, format_quantity, from_raw, is_one_of
from erp.text import joined, say
from modules.inventory_lots.models import Product
from modules.sales.models import Order, OrderLine
from modules.sales.planning import Fingerprint, LineChange, Taken, fingerprint, gained, line_changes, plan_run
from modules.sales.queries.lines import select_lines
from modules.sales.queries.queue import Scope
from modules.sales.queries.service_order import service_order
from modules.sales.queries.snapshot import read_snapshots, rules_of_runs

BATCH = 100


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
    exchanged: Decimal = Decimal(0)

    def __str__(self) -> str:
        parts = [
            joined((name, f"{format_quantity(before)} -> {format_quantity(after)}"))
            for name, (before, after) in (
                (say("allocated"), self.allocated),
                (say("backordered"), self.backordered),
                (say("on purchase orders"), self.on_purchase_orders),
            )
            if before != after
        ]
        if self.exchanged:
            parts.append(say("{exchanged} exchanged for earlier supply", exchanged=format_quantity(self.exchanged)))
        return joined((f"{self.order}/{self.position} {self.sku}: ", joined(parts, ", ")), "")


@dataclass(frozen=True)
class Preview:
    """What a run of some products would do now: the changes by line, and for each product that changes a fingerprint.

    A fingerprint is equal only for an equal plan. `gained` is what would be newly allocated of incoming supply.
    """

    changes: dict[int, LineChange] = field(default_factory=dict)
    fingerprints: dict[int, str] = field(default_factory=dict)
    gained: list[Taken] = field(default_factory=list)


def preview_products(session: Session, product_ids: Sequence[int]) -> Iterator[Preview]:
    """Yield what a run of these products would do, a batch of them at a time."""
    rules = rules_of_runs(session)
    for batch in chunks(product_ids, BATCH):
        preview = Preview()
        for snapshot in read_snapshots(session, Scope(tuple(batch)), rules):
            planned = plan_run(snapshot, rules)
            if not planned.is_empty:
                preview.changes.update(line_changes(snapshot, planned))
                preview.gained.extend(gained(snapshot, planned))
                preview.fingerprints[snapshot.product_id] = str(fingerprint(snapshot, planned))
        yield preview


def preview_book(session: Session, product_ids: Sequence[int]) -> Preview:
    """Return what one run of all these products would do."""
    whole = Preview()
    for part in preview_products(session, product_ids):
        whole.changes.update(part.changes)
        whole.fingerprints.update(part.fingerprints)
        whole.gained.extend(part.gained)
    return whole


def plan_of(preview: Preview) -> str:
    """Return a short text that is equal only for previews whose plans are equal, product by product."""
    plans = sorted((id_, Fingerprint.parse(text).plan) for id_, text in preview.fingerprints.items())
    return hashlib.sha256(repr(plans).encode()).hexdigest()


def line_plans(session: Session, changes: Mapping[int, LineChange], *, most: int | None = None) -> list[LinePlan]:
    """Return changes with the orders and products of their lines, in order of service; the first `most` of them."""
    columns = (OrderLine.id, Order.number, OrderLine.position, Product.sku, OrderLine.allocated)
    rows = select_lines(*columns).where(is_one_of(session, OrderLine.id, changes)).order_by(*service_order(session))
    return [
        _line_plan(changes[line_id], line_id, order or "", position, sku, allocated)
        for line_id, order, position, sku, allocated in session.execute(rows.limit(most))
    ]


def _line_plan(change: LineChange, line_id: int, order: str, position: int, sku: str, allocated: Decimal) -> LinePlan:
    return LinePlan(
        line_id,
        order,
        position,
        sku,
        (allocated, allocated + from_raw(change.allocated)),
        _quantities(change.backordered),
        _quantities(change.incoming),
        from_raw(change.exchanged),
    )


def _quantities(pair: tuple[int, int]) -> tuple[Decimal, Decimal]:
    return from_raw(pair[0]), from_raw(pair[1])
