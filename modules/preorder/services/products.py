"""Products that are sold before their launch: terms, limits and launches."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock, history
from erp.db import is_one_of
from erp.errors import ErpError
from modules.inventory_lots.models import Product
from modules.inventory_lots.services import lock_products
from modules.preorder import queries
from modules.preorder.domain import PreorderTerms, check_terms, is_before_launch
from modules.preorder.models import ProductPreorder
from modules.preorder.services.promise_dates import promise_covered_lines
from modules.sales.models import OrderLine
from modules.sales.services import set_preorder, turn_into_backorders, turn_into_preorders


def save_product(session: Session, product: Product, terms: PreorderTerms) -> None:
    """Store the preorder terms of a product; locks it. Raises LaunchDateMissing and BadQuantity."""
    save_products(session, [(product, terms)])


def save_products(session: Session, wanted: Sequence[tuple[Product, PreorderTerms]]) -> int:
    """Store the preorder terms of products; return how many changed. Raises LaunchDateMissing and BadQuantity.

    Where a launch is put off to a day after today, what waits of the product's preorders waits for the launch again.
    Locks the products.
    """
    ids = [product.id for product, _ in wanted]
    lock_products(session, ids)
    session.scalars(select(Product).where(is_one_of(session, Product.id, ids))).all()  # read again, in one statement
    for product, terms in wanted:
        check_terms(product.sku, product.unit_decimals, terms)
    known = queries.preorder_products(session, ids)
    new = [(product, terms) for product, terms in wanted if product.id not in known and terms != PreorderTerms()]
    changed = [_change(known[product.id], terms) for product, terms in wanted if product.id in known]
    history.record_all(session, [change for product, terms in new for change in _entries(product, terms)])
    session.add_all(ProductPreorder(product=product, **asdict(terms)) for product, terms in new)
    session.flush()
    to_launch = [product.id for product, terms in wanted if is_before_launch(terms.launch_date, clock.today())]
    turn_into_preorders(session, to_launch)
    promise_covered_lines(session, is_one_of(session, OrderLine.product_id, ids))
    return len(new) + sum(changed)


def _entries(product: Product, terms: PreorderTerms) -> list[history.Change]:
    subject = product.history_subject()
    return [history.Change(subject, "changed", name, new=value) for name, value in asdict(terms).items() if value]


def _change(row: ProductPreorder, terms: PreorderTerms) -> bool:
    if terms == row.terms:
        return False
    row.is_eligible, row.launch_date, row.preorder_limit = terms.is_eligible, terms.launch_date, terms.preorder_limit
    return True


def confirm_refusals(session: Session, lines: Sequence[OrderLine], *, are_raised: bool = False) -> dict[int, ErpError]:
    """Mark which lines are preorders, unless they `are_raised`; return why lines may not be confirmed, by line id.

    Refused are lines of a product before its launch that is not eligible, and those over its preorder limit.
    """
    refusals: dict[int, ErpError] = {}
    if not are_raised:
        preorders, refusals = queries.before_launch(session, lines)
        if preorders:
            set_preorder(session, preorders)
    return refusals | queries.over_limits(session, lines)


def products_to_check(session: Session, product_ids: Collection[int]) -> set[int]:
    """Return those of these products that are before their launch: lines of others are never refused."""
    launches, today = queries.products_with_launch(session, product_ids), clock.today()
    return {id_ for id_, row in launches.items() if is_before_launch(row.launch_date, today)}


def products_to_launch(session: Session) -> list[int]:
    """Return the ids of the products with open preorder rows whose launch date has come."""
    launched = is_one_of(session, OrderLine.id, queries.launched_lines(session))
    products = select(OrderLine.product_id).where(launched)
    return list(session.scalars(products.distinct().order_by(OrderLine.product_id)))


def launch_preorders(session: Session, product_ids: Sequence[int]) -> int:
    """Turn the open preorder rows of these products whose launch date has come into backorders; return how many.

    Their cancellation days count from today, so that a late run costs no customer a day. Locks the products.
    """
    lock_products(session, product_ids)
    # Read under the locks: a launch may have been postponed while the job waited for them.
    return turn_into_backorders(session, queries.launched_lines(session, product_ids))
