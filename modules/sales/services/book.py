"""The whole book: runs of every product for which lines wait, a batch and a commit at a time, and previews applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import history
from erp.db import chunks, commit, total
from erp.errors import SomeFailed
from erp.events import Run, current_run
from erp.numbers import plural_quantity
from erp.text import joined, plural, say
from modules.inventory_lots.queries import skus_by_id
from modules.inventory_lots.services import BATCH, Watch, commit_by_products, lock_products
from modules.sales import queries
from modules.sales.errors import BookChanged
from modules.sales.models import Allocation
from modules.sales.planning import Fingerprint, Plan, fingerprint, plan_run
from modules.sales.queries import LinePlan, Scope
from modules.sales.services.allocations import allocate_products, write_plans
from modules.sales.states import AllocationSource

INPUTS = (say("order lines"), say("stock"), say("purchase orders"))


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
    text = say(
        "{products} run, {units} allocated.",
        products=plural(products, "product"),
        units=plural_quantity(allocated, "unit"),
    )
    if run.saved_id is not None:
        subject = history.Subject("sales.run", run.saved_id, say("Run {saved_id}", saved_id=run.saved_id))
        history.record(session, subject, "allocated", new=text)
    return text


@dataclass(frozen=True)
class Changed:
    """A product that a run would not serve any more as its preview showed, and what changed since, in words."""

    sku: str
    what: str

    def __str__(self) -> str:
        return joined((self.sku, " (", self.what, ")"), "")


def apply_preview(
    session: Session, fingerprints: Mapping[int, str], *, all_or_nothing: bool = False
) -> tuple[str, list[Changed]]:
    """Do what a preview showed of each product (id: fingerprint); return a summary, and the products that are left.

    A product of which a run would now do something else is left as it is. Commits each batch of products, as
    `allocate_book`; with `all_or_nothing` it is one transaction, and raises BookChanged where a product is left.
    """
    run = current_run(session)
    if all_or_nothing:
        return commit(partial(_apply_all, fingerprints=fingerprints)), []
    apply = partial(_apply, fingerprints=fingerprints)
    batches, failed = commit_by_products(session, sorted(fingerprints), apply)
    left = list(chain(*batches))
    done = len(fingerprints) - len(left) - len(failed)
    summary = commit(lambda session: _summary(session, run, done))
    if failed:
        raise SomeFailed(summary, "product", failed)
    return summary, left


@dataclass(frozen=True)
class BookRun:
    """What a run over the whole book did: a summary, how many products and lines changed, and the first lines."""

    summary: str
    products: int
    lines: int
    changes: Sequence[LinePlan]


def allocate_book_at_once(session: Session, *, plan: str = "", most: int = 0) -> BookRun | None:
    """Run every product for which lines wait in the caller's transaction; locks them.

    With the `plan` of a preview (`queries.plan_of`) it does exactly that, and nothing where it would do something else:
    it returns None then. `most` is how many changed lines are returned.
    """
    product_ids = queries.waiting_product_ids(session)
    lock_products(session, product_ids)
    preview = queries.preview_book(session, product_ids)
    if plan and queries.plan_of(preview) != plan:
        return None
    changes = queries.line_plans(session, preview.changes, most=most) if most else []
    for batch in chunks(sorted(preview.fingerprints), BATCH):
        _apply(session, batch, fingerprints=preview.fingerprints)
    products = len(preview.fingerprints)
    summary = _summary(session, current_run(session), products)
    return BookRun(summary, products, len(preview.changes), changes)


def _apply_all(session: Session, *, fingerprints: Mapping[int, str]) -> str:
    lock_products(session, fingerprints)
    batches = chunks(sorted(fingerprints), BATCH)
    left = [changed for batch in batches for changed in _apply(session, batch, fingerprints=fingerprints)]
    if left:
        raise BookChanged(products=list(map(str, left)))
    return _summary(session, current_run(session), len(fingerprints))


def _apply(session: Session, product_ids: Sequence[int], *, fingerprints: Mapping[int, str]) -> list[Changed]:
    """Lock products, plan them again and write the plans that are as they were shown; return what is left."""
    lock_products(session, product_ids)
    scope, rules = Scope(tuple(sorted(product_ids))), queries.rules_of_runs(session)
    snapshots = queries.read_snapshots(session, scope, rules)
    plans = [(plan_run(snapshot, rules), snapshot) for snapshot in snapshots]
    found = {plan.product_id: (plan, fingerprint(snapshot, plan)) for plan, snapshot in plans if not plan.is_empty}
    shown = {id_: Fingerprint.parse(fingerprints[id_]) for id_ in product_ids}
    same = [plan for id_, (plan, now) in found.items() if now.plan == shown[id_].plan]
    write_plans(session, Scope(tuple(plan.product_id for plan in same)), same, AllocationSource.automatic)
    served = {plan.product_id for plan in same}
    what = {id_: _what_changed(shown[id_], found.get(id_)) for id_ in product_ids if id_ not in served}
    return [Changed(sku, what[id_]) for id_, sku in sorted(skus_by_id(session, what).items())]


def _what_changed(shown: Fingerprint, found: tuple[Plan, Fingerprint] | None) -> str:
    if found is None:
        return say("nothing is left to do")
    changed = [name for name, was, now in zip(INPUTS, shown[1:], found[1][1:], strict=True) if was != now]
    return joined(changed, ", ") if changed else say("options")
