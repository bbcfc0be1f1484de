"""Why lines may not be confirmed: the launch of their product is still to come, or its preorder limit is reached."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from erp import clock
from erp.errors import ErpError
from erp.options import options
from modules.preorder.domain import is_before_launch
from modules.preorder.errors import NotYetLaunched, PreorderLimitReached
from modules.preorder.queries.products import preorder_products, preorders_taken, products_with_launch
from modules.sales.hooks import QuoteTerms, WantedQuantity
from modules.sales.models import OrderLine


def before_launch(session: Session, lines: Sequence[OrderLine]) -> tuple[list[int], dict[int, ErpError]]:
    """Return which lines are preorders of eligible products before their launch, and refusals of the others."""
    today = clock.today()
    launches = products_with_launch(session, {line.product_id for line in lines})
    refusals: dict[int, ErpError] = {}
    preorders: list[int] = []
    for line in lines:
        row = launches.get(line.product_id)
        if row is None or not is_before_launch(row.launch_date, today):
            continue
        if row.is_eligible:
            preorders.append(line.id)
        else:
            refusals[line.id] = NotYetLaunched(sku=row.sku, launch_date=row.launch_date)
    return preorders, refusals


def quote_terms(session: Session, lines: Sequence[WantedQuantity]) -> QuoteTerms:
    """Answer which lines would be preorders and when they are launched, and refuse what confirming would refuse.

    What other quotes promise counts towards the preorder limit.
    """
    today = clock.today()
    launches = products_with_launch(session, {line.product_id for line in lines})
    preorders: dict[int, date] = {}
    refusals: dict[int, ErpError] = {}
    wanted: dict[int, Decimal] = {}
    for place, line in enumerate(lines):
        row = launches.get(line.product_id)
        if row is None or not is_before_launch(row.launch_date, today):
            continue
        if not row.is_eligible:
            refusals[place] = NotYetLaunched(sku=row.sku, launch_date=row.launch_date)
            continue
        preorders[place] = row.launch_date
        if row.preorder_limit is not None:
            wanted[line.product_id] = wanted.get(line.product_id, Decimal(0)) + line.quantity
    taken = preorders_taken(session, wanted) if wanted else {}
    for place in preorders:
        line, row = lines[place], launches[lines[place].product_id]
        if line.product_id in wanted and row.preorder_limit is not None:
            left = max(row.preorder_limit - taken.get(line.product_id, Decimal(0)), Decimal(0))
            if wanted[line.product_id] > left:
                refusals[place] = PreorderLimitReached(
                    sku=row.sku, limit=row.preorder_limit, left=left, wanted=wanted[line.product_id]
                )
    return QuoteTerms(refusals, preorders, options.preorder.promise_buffer_days)


def over_limits(session: Session, lines: Sequence[OrderLine]) -> dict[int, ErpError]:
    """Return refusals of the preorder lines that exceed the limit of their product, counted in their order."""
    preorders = [line for line in lines if line.is_preorder]
    if not preorders:
        return {}
    terms = preorder_products(session, sorted({line.product_id for line in preorders}))
    limits = {id_: row.preorder_limit for id_, row in terms.items() if row.preorder_limit is not None}
    limited = [line for line in preorders if line.product_id in limits]
    taken = preorders_taken(session, limits, but=[line.id for line in limited])
    refusals: dict[int, ErpError] = {}
    for line in limited:
        limit, before = limits[line.product_id], taken.get(line.product_id, Decimal(0))
        wanted = line.quantity - line.cancelled
        if before + wanted > limit:
            left = max(limit - before, Decimal(0))
            refusals[line.id] = PreorderLimitReached(sku=line.product.sku, limit=limit, left=left, wanted=wanted)
        else:
            taken[line.product_id] = before + wanted
    return refusals
