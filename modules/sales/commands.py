"""Commands of sales."""

from __future__ import annotations

from functools import partial

import click

from erp import progress
from erp.db import db
from erp.errors import NotFound
from modules.inventory_lots.queries import products_by_sku
from modules.sales import services


@click.command("allocate")
@click.option("--sku", "skus", multiple=True, help="Run only this product; may be given more than once.")
@click.option("--dry-run", is_flag=True, help="Print what would change, and change nothing.")
def allocate(skus: tuple[str, ...], dry_run: bool) -> None:
    """Serve all open demand in order of service: stock first, then backorders and links."""
    session = db.session()
    known = products_by_sku(session, skus) if skus else {}
    for sku in skus:
        if sku not in known:
            raise NotFound("product", sku)
    if dry_run:
        preview = services.preview_book(session, skus)
        session.rollback()
        for line in preview.lines:
            click.echo(str(line))
        click.echo(f"{len(preview.lines)} lines would change.")
        return
    click.echo(services.allocate_book(session, skus, watch=partial(progress.each, label="Allocating")))
