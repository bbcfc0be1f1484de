"""Commands of preorder."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any

import click
from sqlalchemy.orm import Session

from erp import progress
from erp.db import db
from erp.errors import NotFound
from erp.exchange.parsers import quantity
from erp.text import plural
from modules.inventory_lots.queries import products_by_sku
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


@click.command("what-if")
@click.argument("line")
@click.option("--days", type=click.IntRange(1, 3650), help="It comes so many days later.")
@click.option("--short", type=_Quantity(), help="So much of it never comes.")
@click.option("--never", is_flag=True, help="Nothing that is outstanding of it comes.")
def what_if(line: str, days: int | None, short: Decimal | None, never: bool) -> None:
    """Print whom it concerns if purchase order LINE, such as PO00001/2, comes later, short or never; change nothing."""
    if [days is not None, short is not None, never].count(True) != 1:
        raise click.UsageError("Give one of --days, --short and --never.")
    session = db.session()
    found = _line(session, line)
    question = queries.Question(found.id, days=days) if days else queries.shorten(found, short)
    answer = queries.what_if(session, question)
    for change in answer.changes:
        click.echo(str(change))
    if answer.rebalanced:
        click.echo("A rebalance would then change:")
    for change in answer.rebalanced:
        click.echo(str(change))
    lines, promises = plural(len(answer.changes), "line"), plural(len(answer.broken), "promise")
    click.echo(f"{lines} would change, {promises} would be broken.")


def _line(session: Session, name: str) -> PurchaseOrderLine:
    number, _, position = name.rpartition("/")
    known = line_ids_by_position(session, [number])
    if not position.isdecimal() or (number, int(position)) not in known:
        raise NotFound("purchase order line", name)
    return session.get_one(PurchaseOrderLine, known[number, int(position)])
