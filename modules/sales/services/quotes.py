"""Quotes: what is promised to somebody who has not ordered yet is held until the quote expires or is used."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from secrets import token_urlsafe
from typing import Any, NamedTuple, cast

from sqlalchemy import Table, delete, select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import bulk_insert, is_one_of, new_ids_and, raw_instant, to_raw
from erp.errors import ErpError, NotFound
from erp.events import current_run, publish
from erp.numbers import sums
from erp.options import options
from erp.registry import check_revision, revision_column
from erp.text import say
from modules.inventory_lots.domain import check_quantity
from modules.inventory_lots.models import Balance, Lot
from modules.inventory_lots.services import HeldStock, delete_past_stock_holds, hold_stock, lock_and_read_products
from modules.inventory_lots.states import Tracking
from modules.sales import hooks, queries
from modules.sales.errors import InactiveProduct, LinesRefused, NoLinesGiven, SerialNotQuoted
from modules.sales.events import HoldsChanged, HoldsPassed, SupplyHeld
from modules.sales.hooks import QuoteTerms, WantedQuantity
from modules.sales.models import Quote, QuoteLine, QuotePart, quote_name
from modules.sales.planning import Plan, Rules, Snapshot, plan_quote
from modules.sales.queries import Scope
from modules.sales.states import QuoteState

QUOTE = cast(Table, Quote.__table__)
LINE = cast(Table, QuoteLine.__table__)
PART = cast(Table, QuotePart.__table__)
# Quotes that no order used are kept so long after they ended, for those who ask what was promised.
KEPT = timedelta(days=1)


class PromisedPart(NamedTuple):
    """A raw quantity of a balance, or of a supply that is to come, and the day on which it can leave."""

    balance_id: int | None
    supply_kind: str | None
    supply_id: int | None
    quantity: int
    day: date


@dataclass(frozen=True)
class Promise:
    """What is held of one line that was asked, and the day of all of it: None where something is not covered."""

    parts: Sequence[PromisedPart]
    promise_date: date | None


@dataclass(frozen=True)
class MadeQuote:
    """A new quote. `token` is known here alone; what the quote promises is by the place of each line."""

    id: int
    token: str
    expires_at: datetime
    promises: Sequence[Promise]


def make_quote(session: Session, asked: Sequence[WantedQuantity], *, wanted_on: date | None = None) -> MadeQuote:
    """Hold what can be promised now of these lines for `[sales] quote_minutes`; locks the products.

    What nothing covers is not held. Raises NoLinesGiven, NotFound and LinesRefused with every reason.
    """
    if not asked:
        raise NoLinesGiven
    products = _locked(session, {line.product_id for line in asked})
    # What is needed later is asked for with the revision of modules and options, which decides on all that follows.
    ids, revision = new_ids_and(session, {QUOTE: 1, LINE: len(asked)}, revision_column)
    check_revision(session, revision)
    terms = _checked(session, asked, products)
    promises = _promises(session, asked, wanted_on, terms)
    now = clock.now()
    until = now + timedelta(minutes=options.sales.quote_minutes)
    token, quote_id = token_urlsafe(24), ids[QUOTE][0]
    values = {
        "token_digest": queries.digest_of(token),
        "state": QuoteState.open.value,
        "wanted_on": wanted_on,
        "quoted_at": raw_instant(now),
        "expires_at": raw_instant(until),
        "user_name": current_run(session).user_name,
        "why": "",
    }
    bulk_insert(session, QUOTE, ("id",), [(quote_id,)], shared=values)
    _write_lines(session, quote_id, ids[LINE], asked, promises, terms)
    _hold(session, quote_name(quote_id), until, [part for each in promises for part in each.parts])
    return MadeQuote(quote_id, token, until, promises)


def _locked(session: Session, product_ids: Collection[int]) -> dict[int, Any]:
    """Lock products and return what quoting has to know of them, by id; raise NotFound."""
    rows = lock_and_read_products(session, queries.quoted_product_rows, product_ids)
    found = {row.id: row for row in rows}
    for missing in sorted(set(product_ids).difference(found)):
        raise NotFound("product", missing)
    return found


def _checked(session: Session, asked: Sequence[WantedQuantity], products: Mapping[int, Any]) -> QuoteTerms:
    """Return the terms of lines of products; raise LinesRefused where some may not be quoted."""
    terms = _joined(hooks.quote_terms(session, asked))
    reasons = []
    for place, line in enumerate(asked):
        try:
            _check(products[line.product_id], line)
            if place in terms.refusals:
                raise terms.refusals[place]
        except ErpError as refusal:
            reasons.append(say("Line {place}: {refusal}", place=place + 1, refusal=refusal))
    if reasons:
        raise LinesRefused(order=say("The quote"), reasons=reasons)
    return terms


def _check(product: Any, line: WantedQuantity) -> None:
    check_quantity(line.quantity, product.unit_decimals, what=product.sku)
    if product.tracking == Tracking.serial:
        raise SerialNotQuoted(sku=product.sku)
    if not product.is_active:
        raise InactiveProduct(sku=product.sku)


def _joined(answers: Sequence[QuoteTerms]) -> QuoteTerms:
    refusals = {place: refusal for answer in answers for place, refusal in answer.refusals.items()}
    preorders = {place: day for answer in answers for place, day in answer.preorders.items()}
    return QuoteTerms(refusals, preorders, max((answer.buffer_days for answer in answers), default=0))


def _promises(
    session: Session, asked: Sequence[WantedQuantity], wanted_on: date | None, terms: QuoteTerms
) -> list[Promise]:
    """Return what free supply covers of each line after the demand that is served before it."""
    own = queries.place_of_new(session, wanted_on, clock.now(), 0)
    rules = queries.rules_of_quotes(session)
    from_stock, today = _planned(session, asked, own, replace(rules, allocates_incoming=False), terms), clock.today()
    promises = [_promise(place, line, from_stock, terms, today) for place, line in enumerate(asked)]
    if not rules.allocates_incoming or all(promise.promise_date for promise in promises):
        return promises
    plans = _planned(session, asked, own, rules, terms)
    return [_promise(place, line, plans, terms, today) for place, line in enumerate(asked)]


def _planned(
    session: Session, asked: Sequence[WantedQuantity], own: tuple[Any, ...], rules: Rules, terms: QuoteTerms
) -> list[Plan]:
    """Return what each product gives to lines at their `own` place in the queue."""
    product_ids = tuple(sorted({line.product_id for line in asked}))
    snapshots = queries.read_snapshots(session, Scope(product_ids, of_document=True), rules)
    waiting = [demand.line_id for snapshot in snapshots for demand in snapshot.demands]
    places = queries.read_places(session, waiting) if waiting else {}
    lasting = _lasting(session, snapshots, asked, terms)
    return [
        plan_quote(
            snapshot,
            [demand for demand in snapshot.demands if places[demand.line_id] < own],
            [(place, to_raw(line.quantity)) for place, line in _of(snapshot.product_id, asked)],
            rules,
        )
        for snapshot in lasting
    ]


def _of(product_id: int, asked: Sequence[WantedQuantity]) -> list[tuple[int, WantedQuantity]]:
    return [(place, line) for place, line in enumerate(asked) if line.product_id == product_id]


def _lasting(
    session: Session, snapshots: Sequence[Snapshot], asked: Sequence[WantedQuantity], terms: QuoteTerms
) -> list[Snapshot]:
    """Return snapshots without the stock that expires before the preorders of its product may leave."""
    launches: dict[int, date] = {}
    for place, day in terms.preorders.items():
        product_id = asked[place].product_id
        launches[product_id] = max(day, launches.get(product_id, day))
    stock = [part[0] for snapshot in snapshots if snapshot.product_id in launches for part in snapshot.stock]
    if not stock:
        return list(snapshots)
    rows = select(Balance.id, Balance.product_id, Lot.expires_on).join(Balance.lot)
    lots = session.execute(rows.where(is_one_of(session, Balance.id, stock)))
    gone = {id_ for id_, product_id, last in lots if last is not None and last < launches[product_id]}
    return [replace(each, stock=[part for part in each.stock if part[0] not in gone]) for each in snapshots]


def _promise(place: int, line: WantedQuantity, plans: Sequence[Plan], terms: QuoteTerms, today: date) -> Promise:
    first = max(today, terms.preorders.get(place, date.min))
    parts = [
        PromisedPart(grant.supply, None, None, grant.quantity, first)
        for plan in plans
        for grant in plan.grants
        if grant.demand == place and plan.product_id == line.product_id
    ]
    parts += [
        PromisedPart(None, each.supply.kind, each.supply.id, each.quantity, max(first, each.supply.day or first))
        for plan in plans
        for each in plan.taken
        if each.line_id == place and plan.product_id == line.product_id
    ]
    if sum(part.quantity for part in parts) < to_raw(line.quantity):
        return Promise(parts, None)
    is_incoming = any(part.supply_id is not None for part in parts)
    return Promise(parts, max(part.day for part in parts) + timedelta(terms.buffer_days if is_incoming else 0))


def _write_lines(
    session: Session,
    quote_id: int,
    line_ids: Sequence[int],
    asked: Sequence[WantedQuantity],
    promises: Sequence[Promise],
    terms: QuoteTerms,
) -> None:
    lines = [
        (line_id, place + 1, line.product_id, to_raw(line.quantity), place in terms.preorders, promise.promise_date)
        for line_id, (place, line), promise in zip(line_ids, enumerate(asked), promises, strict=True)
    ]
    columns = ("id", "position", "product_id", "quantity", "is_preorder", "promise_date")
    bulk_insert(session, LINE, columns, lines, shared={"quote_id": quote_id})
    parts = [(line_id, *part) for line_id, promise in zip(line_ids, promises, strict=True) for part in promise.parts]
    bulk_insert(session, PART, ("line_id", *PromisedPart._fields), parts)


def _hold(session: Session, document: str, until: datetime, parts: Sequence[PromisedPart]) -> None:
    """Hold parts for a document."""
    stock = sums((part.balance_id, part.quantity) for part in parts if part.balance_id is not None)
    hold_stock(session, [HeldStock(*held, document, until) for held in stock.items()])
    supply = sums(
        ((part.supply_kind, part.supply_id), part.quantity) for part in parts if part.supply_kind and part.supply_id
    )
    if supply:
        held = tuple(SupplyHeld(*key, quantity, document, until) for key, quantity in supply.items())
        publish(session, HoldsChanged(held=held))


def delete_past_quotes(session: Session) -> int:
    """Delete the quotes that no order used and that ended a day ago, and what was held; return how many quotes.

    Nothing depends on it: what has expired counts nowhere.
    """
    before = clock.now() - KEPT
    past = select(Quote.id).where(Quote.state != QuoteState.used, Quote.expires_at < before)
    lines = select(QuoteLine.id).where(QuoteLine.quote_id.in_(past))
    count = 0
    for drop in (
        delete(QuotePart).where(QuotePart.line_id.in_(lines)),
        delete(QuoteLine).where(QuoteLine.quote_id.in_(past)),
        delete(Quote).where(Quote.state != QuoteState.used, Quote.expires_at < before),
    ):
        count = session.execute(drop.execution_options(synchronize_session=False)).rowcount  # type: ignore[attr-defined]
    delete_past_stock_holds(session, before)
    publish(session, HoldsPassed(before))
    return count
