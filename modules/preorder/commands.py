"""Commands of preorder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import click
from sqlalchemy.orm import Session

from erp import clock, progress
from erp.db import db, one_moment
from erp.errors import NotFound
from erp.exchange.parsers import quantity
from erp.text import plural
from modules.inventory_lots.queries import balance_at, locations_by_path, products_by_sku
from modules.preorder import queries, services
from modules.procurement.models import PurchaseOrderLine
from modules.procurement.queries import line_ids_by_position


@click.command("rebalance")
@click.option("--sku", "skus", multiple=True, help="Rebalance only this product; may be given more than once.")
@click.option("--dry-run", is_flag=True, help="Print which orders would gain, and change nothing.")
def rebalance(skus: tuple[str, ...], dry_run: bool) -> None:
    """Let earlier orders exchange what they have on purchase orders for supply that comes earlier."""
    session = db.session()
    known = products_by_sku(session, skus) if skus else {}
    for sku in skus:
        if sku not in known:
            raise NotFound("product", sku)
    if not dry_run:
        click.echo(services.rebalance_book(session, skus, watch=partial(progress.each, label="Rebalancing")))
        return
    preview = queries.preview_rebalance(session, queries.products_to_rebalance(session, skus))
    for move in preview.moves:
        click.echo(str(move))
    click.echo(f"{plural(len(preview.moves), 'line')} would change.")


class _Quantity(click.ParamType[Decimal]):
    name = "QUANTITY"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            return quantity(value)
        except ValueError as error:
            self.fail(f"{value!r} {error}.", param, ctx)


class _Rush(click.ParamType[tuple[str, Decimal]]):
    name = "SKU=QUANTITY"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Decimal]:
        sku, _, text = str(value).rpartition("=")
        try:
            return sku, quantity(text)
        except ValueError as error:
            self.fail(f"{value!r}: {text!r} {error}.", param, ctx)


@click.command("what-if")
@click.argument("line", required=False)
@click.option("--days", type=click.IntRange(1, 3650), help="It arrives so many days later.")
@click.option("--short", type=_Quantity(), help="So much of it never arrives.")
@click.option("--never", is_flag=True, help="Nothing that is outstanding of it comes.")
@click.option("--count", type=_Quantity(), help="A count of the stock of --sku at --location finds only so much.")
@click.option("--sku", help="The product that is counted.")
@click.option("--lot", help="The lot that is counted.")
@click.option("--location", help="Where it is counted: WAREHOUSE/LOCATION.")
@click.option("--rush", type=_Rush(), multiple=True, help="An order of this comes now; may be given more than once.")
@click.option("--priority", type=int, default=0, help="The priority of that order.")
def what_if(line: str | None, **asked: Any) -> None:
    """Print whom it concerns if something happens, and what could serve them; change nothing.

    Purchase order LINE, such as PO00001/2, comes later, short or never; or a count finds less; or a rush order comes.
    """
    session = db.session()
    question = _question(session, line, asked)
    with one_moment(session):
        answer = queries.what_if(session, question)
    for place, found in answer.own.items():
        day = found.expected.isoformat() if found.expected else "no date"
        click.echo(f"Line {place} of the order: {day}, {found.describe()}.")
    for candidate in answer.candidates:
        click.echo(f"Could take for {candidate}.")
    for change in answer.changes:
        click.echo(str(change))
    for remedies in answer.remedies:
        for offered in remedies.offered:
            click.echo(f"{remedies.change.name} could be served by {offered}.")
    if answer.rebalanced:
        click.echo("A rebalance would then change:")
    for change in answer.rebalanced:
        click.echo(str(change))
    lines, promises = plural(len(answer.changes), "line"), plural(len(answer.broken), "promise")
    click.echo(f"{lines} would change, {promises} would be broken.")


def _question(session: Session, line: str | None, asked: Mapping[str, Any]) -> queries.Question:
    """Return what was asked; raises UsageError unless it is one thing."""
    kinds = [name for name in ("days", "short", "never", "count", "rush") if asked[name] not in (None, False, ())]
    if len(kinds) != 1:
        raise click.UsageError("Give one of --days, --short, --never, --count and --rush.")
    (kind,) = kinds
    if kind == "rush":
        return _rush(session, asked["rush"], asked["priority"])
    if kind == "count":
        if not (asked["sku"] and asked["location"]):
            raise click.UsageError("Give --sku and --location with --count.")
        return queries.CountQuestion(_balance_id(session, asked), asked["count"])
    if line is None:
        raise click.UsageError(f"Give the purchase order line with --{kind}, such as PO00001/2.")
    found = _line(session, line)
    if kind == "days":
        return queries.SupplyQuestion(found.id, days=asked["days"])
    return queries.shorten(found, asked["short"])


def _rush(session: Session, wanted: Sequence[tuple[str, Decimal]], priority: int) -> queries.RushQuestion:
    known = products_by_sku(session, [sku for sku, _ in wanted])
    for sku, _ in wanted:
        if sku not in known:
            raise NotFound("product", sku)
    lines = [queries.AskedLine(known[sku].id, amount) for sku, amount in wanted]
    return queries.RushQuestion(queries.AskedOrder(lines, clock.now(), priority))


def _balance_id(session: Session, asked: Mapping[str, Any]) -> int:
    sku, lot, path = asked["sku"], asked["lot"], asked["location"]
    product = products_by_sku(session, [sku]).get(sku)
    if product is None:
        raise NotFound("product", sku)
    location = locations_by_path(session, [path]).get(path)
    found = balance_at(session, product.id, location.id, lot_number=lot) if location else None
    if found is None:
        raise NotFound("stock", " ".join(filter(None, (sku, lot and f"lot {lot}", f"at {path}"))))
    return found.id


def _line(session: Session, name: str) -> PurchaseOrderLine:
    number, _, position = name.rpartition("/")
    known = line_ids_by_position(session, [number])
    if not position.isdecimal() or (number, int(position)) not in known:
        raise NotFound("purchase order line", name)
    return session.get_one(PurchaseOrderLine, known[number, int(position)])
