"""Commands of preorder."""

from __future__ import annotations

from functools import partial

import click

from erp import progress
from erp.db import db
from erp.errors import NotFound
from erp.text import plural
from modules.inventory_lots.queries import products_by_sku
from modules.preorder import queries, services


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
