"""How quotes end before they expire: an order uses one, somebody releases it, or what it holds is lost."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import history
from erp.db import format_quantity, from_raw, is_one_of, to_raw
from erp.errors import NotFound
from erp.events import publish
from erp.numbers import sums
from erp.options import options
from erp.text import say
from modules.inventory_lots.models import Balance
from modules.inventory_lots.queries import balances_by_id, usable_balances
from modules.inventory_lots.services import HeldStock, end_stock_holds, hold_stock, lock_products
from modules.sales import queries
from modules.sales.domain import Grant
from modules.sales.errors import (
    QuoteBroken,
    QuoteDiffers,
    QuoteExpired,
    QuoteReleased,
    QuoteUnknown,
    QuoteUsed,
)
from modules.sales.events import HoldsChanged, SupplyHeld
from modules.sales.models import Order, Quote, QuoteLine, QuotePart, quote_name
from modules.sales.planning import Demand, Plan, Supply, Taken, settle_backorders
from modules.sales.queries import Scope
from modules.sales.queries.quotes import HeldPart
from modules.sales.states import QUOTE, QuoteState


def release_quote(session: Session, quote_id: int) -> Quote:
    """Give back what a quote holds; locks its products. Raises NotFound and what `check_live` raises."""
    products = session.scalars(select(QuoteLine.product_id).where(QuoteLine.quote_id == quote_id)).all()
    if not products:
        raise NotFound("quote", quote_name(quote_id))
    lock_products(session, products)
    check_live(session.get_one(Quote, quote_id))
    _end(session, [quote_id])
    quote = session.get_one(Quote, quote_id)
    quote.state = QUOTE.next(quote.state, "release")
    session.flush()
    return quote


def _found(session: Session, token: str) -> Quote:
    quote = queries.quote_of(session, token)
    if quote is None:
        raise QuoteUnknown
    return quote


def live_quote(session: Session, token: str) -> Quote:
    """Return the quote with that token, which holds something now.

    Raises QuoteUnknown, and what `check_live` raises.
    """
    quote = _found(session, token)
    check_live(quote)
    return quote


def check_live(quote: Quote) -> None:
    """Raise QuoteUsed, QuoteReleased, QuoteBroken or QuoteExpired for a quote that holds nothing now."""
    if quote.order is not None:
        raise QuoteUsed(quote=quote.name, order=quote.order.name)
    if quote.state is QuoteState.released:
        raise QuoteReleased(quote=quote.name)
    if quote.state is QuoteState.broken:
        raise QuoteBroken(quote=quote.name, why=quote.why)
    if not quote.is_live:
        raise QuoteExpired(quote=quote.name, until=quote.expires_at)


def use_quote(session: Session, order: Order, token: str) -> tuple[Scope, list[Plan]]:
    """Let a locked draft have what its quote holds; return the plan that gives it, which `write_plans` writes.

    The order takes the quote's place in the queue, and its lines the day for which they were quoted. Raises what
    `live_quote` raises, QuoteDiffers, and QuoteBroken where something is not there any more as it was quoted.
    """
    quote = live_quote(session, token)
    _check_lines(quote, order)
    lines = {mine.id: quoted for mine, quoted in zip(order.lines, quote.lines, strict=True)}
    for line in order.lines:
        line.requested_on = line.requested_on or quote.wanted_on
    order.ordered_at = min(order.ordered_at, quote.quoted_at)
    _end(session, [quote.id])
    quote = _found(session, token)
    parts = {line_id: list(quoted.parts) for line_id, quoted in zip(lines, quote.lines, strict=True)}
    products = tuple(sorted({line.product_id for line in order.lines}))
    supplies = _still_there(session, quote, products, [part for each in parts.values() for part in each])
    quote.state, quote.order_id = QUOTE.next(quote.state, "use"), order.id
    history.record_all(session, [history.Change(order.history_subject(), "confirmed with", "quote", new=quote.name)])
    session.flush()
    demands = [Demand(line.id, line.product_id, to_raw(line.quantity), None, 0) for line in order.lines]
    plans = [
        _plan(product_id, [each for each in demands if each.product_id == product_id], parts, supplies, session)
        for product_id in products
    ]
    return Scope(products, tuple(lines), of_document=True), plans


def _check_lines(quote: Quote, order: Order) -> None:
    wanted = [(line.product_id, line.quantity, line.requested_on or quote.wanted_on) for line in order.lines]
    quoted = [(line.product_id, line.quantity, quote.wanted_on) for line in quote.lines]
    if wanted != quoted:
        said = [
            say("{line} of {product}", line=format_quantity(line.quantity), product=line.product.sku)
            for line in quote.lines
        ]
        raise QuoteDiffers(quote=quote.name, order=order.name, quoted=said)


def _still_there(
    session: Session, quote: Quote, product_ids: Sequence[int], parts: Sequence[QuotePart]
) -> dict[tuple[str, int], Supply]:
    """Return the incoming supplies of parts by kind and id; raise QuoteBroken unless all is there as it was quoted."""
    free = {balance_id: quantity for balance_id, _, quantity in usable_balances(session, product_ids)}
    for balance_id, quantity in sums((part.balance_id, to_raw(part.quantity)) for part in parts).items():
        if balance_id is not None and free.get(balance_id, 0) < quantity:
            stock = session.get_one(Balance, balance_id)
            raise QuoteBroken(
                quote=quote.name, why=say("{stock} may not leave now, or is not there any more.", stock=stock)
            )
    incoming = [part for part in parts if part.supply_id is not None]
    if not incoming:
        return {}
    found = queries.incoming_by_product(session, product_ids) if options.sales.backorders else {}
    supplies = {(each.kind, each.id): each for of_product in found.values() for each in of_product}
    names = queries.names_of_supplies(session, incoming)
    for part in incoming:
        key = (part.supply_kind or "", part.supply_id or 0)
        supply, name = supplies.get(key), names.get(key, part.supply_kind)
        if supply is None or supply.day is None:
            raise QuoteBroken(quote=quote.name, why=say("{name} cannot be promised any more.", name=name))
        if supply.day > part.day:
            why = say(
                "{name} was to come by {day:%d %b %Y} and is now expected on {day_:%d %b %Y}.",
                name=name,
                day=part.day,
                day_=supply.day,
            )
            raise QuoteBroken(quote=quote.name, why=why)
    return supplies


def _plan(
    product_id: int,
    demands: Sequence[Demand],
    parts: Mapping[int, Sequence[QuotePart]],
    supplies: Mapping[tuple[str, int], Supply],
    session: Session,
) -> Plan:
    """Return the plan that gives lines exactly their parts."""
    own = [(demand.line_id, part) for demand in demands for part in parts[demand.line_id]]
    grants = [
        Grant(line_id, part.balance_id, to_raw(part.quantity)) for line_id, part in own if part.balance_id is not None
    ]
    taken = [
        Taken(line_id, supplies[part.supply_kind or "", part.supply_id], to_raw(part.quantity))
        for line_id, part in own
        if part.supply_id is not None
    ]
    rules = queries.rules_of_quotes(session)
    return Plan(product_id, grants, settle_backorders(demands, grants, rules), taken=taken)


def break_quotes_on_balances(session: Session, quantities: Mapping[int, Decimal]) -> dict[int, Decimal]:
    """Break quotes that hold stock of balances until so much of each (by id) is given back, the latest quote first.

    Returns what each balance got back: less where less was held, and more where the last quote held more. The caller
    holds the products' locks.
    """
    held = _locked(session, queries.parts_on_balances, quantities)
    broken, freed = _to_break(held, {id_: to_raw(quantity) for id_, quantity in quantities.items()})
    if broken:
        stock = {each.id: each for each in balances_by_id(session, set(broken.values()))}
        why = {of: say("Less of {stock} is in stock than was held.", stock=each) for of, each in stock.items()}
        _break(session, {quote_id: why[of] for quote_id, of in broken.items()})
    return {id_: from_raw(freed.get(id_, 0)) for id_ in quantities}


def _locked(
    session: Session, read: Callable[[Session, Collection[int]], list[HeldPart]], of: Collection[int]
) -> list[HeldPart]:
    """Return what live quotes hold of sources, with their rows locked.

    A quote of several products may be ended by those who have locked another of them.
    """
    found = read(session, of)
    if not found:
        return found
    _lock_quotes(session, {part.quote_id for part in found})
    return read(session, of)


def _lock_quotes(session: Session, quote_ids: Collection[int]) -> None:
    rows = select(Quote.id).where(is_one_of(session, Quote.id, quote_ids)).order_by(Quote.id)
    session.execute(rows.with_for_update())


def break_quotes_of_supplies(session: Session, kind: str, excess: Mapping[int, int], names: Mapping[int, str]) -> None:
    """Break quotes that hold supplies of a kind until raw quantities of each (by id) are given back, the latest first.

    `names` are what users call the supplies. The caller holds the products' locks.
    """
    broken, _ = _to_break(_locked(session, partial(queries.parts_of_supplies, kind=kind), excess), excess)
    why = {of: say("Less of {supply} is to come than was held.", supply=name) for of, name in names.items()}
    _break(session, {quote_id: why[of] for quote_id, of in broken.items()})


def _to_break(held: Sequence[HeldPart], wanted: Mapping[int, int]) -> tuple[dict[int, int], dict[int, int]]:
    """Return the source for which each quote is broken, and the raw quantities that come back by source."""
    broken: dict[int, int] = {}
    freed: dict[int, int] = {}
    for part in reversed(held):
        if part.quote_id not in broken and freed.get(part.source_id, 0) < wanted.get(part.source_id, 0):
            broken[part.quote_id] = part.source_id
            for other in held:
                if other.quote_id == part.quote_id:
                    freed[other.source_id] = freed.get(other.source_id, 0) + other.quantity
    return broken, freed


def _break(session: Session, reasons: Mapping[int, str]) -> None:
    """End what is held for quotes, and say of each (by id) why."""
    if not reasons:
        return
    _end(session, reasons)
    for quote in session.scalars(select(Quote).where(is_one_of(session, Quote.id, reasons))):
        quote.state, quote.why = QuoteState.broken, reasons[quote.id]
    session.flush()
    session.expire_all()


def _end(session: Session, quote_ids: Iterable[int]) -> None:
    """End what is held for quotes."""
    documents = tuple(quote_name(quote_id) for quote_id in quote_ids)
    session.flush()
    end_stock_holds(session, documents)
    publish(session, HoldsChanged(ended=documents))


class Landed(NamedTuple):
    """A raw quantity of what a quote holds of an incoming supply, and the balance on which it arrived."""

    part_id: int
    balance_id: int
    quantity: int


def land_quotes(session: Session, landed: Sequence[Landed]) -> None:
    """Hold the goods that arrived for quotes on their balances. The caller holds the products' locks."""
    if not landed:
        return
    of_parts = is_one_of(session, QuotePart.id, {each.part_id for each in landed})
    parts = {part.id: part for part in session.scalars(select(QuotePart).where(of_parts))}
    for part_id, balance_id, quantity in landed:
        part = parts[part_id]
        here = QuotePart(line_id=part.line_id, balance_id=balance_id, quantity=from_raw(quantity), day=part.day)
        session.add(here)
        if part.quantity > from_raw(quantity):
            part.quantity -= from_raw(quantity)
        else:
            session.delete(part)
    quote_ids = {part.line_id: 0 for part in parts.values()}
    session.flush()
    of_lines = select(QuoteLine.quote_id).where(is_one_of(session, QuoteLine.id, quote_ids))
    _hold_again(session, set(session.scalars(of_lines)))


def _hold_again(session: Session, quote_ids: Collection[int]) -> None:
    """Write what quotes hold again, as their parts now say."""
    _lock_quotes(session, quote_ids)
    _end(session, sorted(quote_ids))
    rows = session.execute(
        select(Quote.id, Quote.expires_at, QuoteLine.product_id, QuotePart)
        .join(QuotePart.line)
        .join(QuoteLine.quote)
        .where(is_one_of(session, Quote.id, quote_ids), Quote.is_live)
        .order_by(QuotePart.id)
    ).all()
    stock = [
        HeldStock(part.balance_id, to_raw(part.quantity), quote_name(id_), until)
        for id_, until, _, part in rows
        if part.balance_id is not None
    ]
    hold_stock(session, stock)
    supply = tuple(
        SupplyHeld(part.supply_kind, part.supply_id, to_raw(part.quantity), quote_name(id_), until)
        for id_, until, _, part in rows
        if part.supply_kind is not None and part.supply_id is not None
    )
    publish(session, HoldsChanged(held=supply))
