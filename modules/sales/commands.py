"""Commands of sales."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import click
from sqlalchemy.orm import Session

from erp import progress
from erp.db import commit, db, format_quantity
from erp.errors import NotFound
from erp.text import plural
from modules.inventory_lots.queries import products_by_sku
from modules.sales import queries, services


@click.command("allocate")
@click.option("--sku", "skus", multiple=True, help="Run only this product; may be given more than once.")
@click.option("--dry-run", is_flag=True, help="Print what would change, and change nothing.")
def allocate(skus: tuple[str, ...], dry_run: bool) -> None:
    """Serve all open demand in order of service: stock first, then backorders, then purchase orders."""
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
        click.echo(f"{plural(len(preview.lines), 'line')} would change.")
        return
    click.echo(services.allocate_book(session, skus, watch=partial(progress.each, label="Allocating")))


class _LineAndNumber(click.ParamType[tuple[int, str]]):
    name = "LINE=NUMBER"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, str]:
        line, _, number = value.partition("=")
        if not (line.isdecimal() and number):
            self.fail(f"{value!r} is not a line and a serial number, such as 2=SN-0001.", param, ctx)
        return int(line), number


@click.command("pack")
@click.argument("number")
@click.option(
    "--serial", "serials", multiple=True, type=_LineAndNumber(), help="A serial number for a line; one option each."
)
def pack(number: str, serials: tuple[tuple[int, str], ...]) -> None:
    """Pack what is allocated of sales order NUMBER."""
    click.echo(commit(partial(_pack, number=number, serials=serials)))


def _pack(session: Session, *, number: str, serials: Iterable[tuple[int, str]]) -> str:
    order = queries.order_by_number(session, number)
    lines = {line.position: line.id for line in order.lines}
    given: dict[int, list[str]] = {}
    for position, serial in serials:
        if position not in lines:
            raise NotFound("sales order line", f"{order.number}/{position}")
        given.setdefault(lines[position], []).append(serial)
    made = services.pack_order(session, order.id, given)
    packed = [f"{format_quantity(part.quantity)} of {part.line.product.sku}" for part in made.lines]
    return f"Packed {', '.join(packed)} of {order.number} as {made.number}."
