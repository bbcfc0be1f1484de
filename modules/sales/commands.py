"""Commands of sales."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import groupby
from typing import Any

import click
from sqlalchemy.orm import Session

from erp import progress
from erp.db import commit, db, format_quantity, one_moment
from erp.errors import NotFound
from erp.text import plural
from modules.inventory_lots.queries import products_by_sku
from modules.sales import queries, services
from modules.sales.errors import AlreadyReversed


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
        with one_moment(session):
            _print_preview(session, skus)
        return
    click.echo(services.allocate_book(session, skus, watch=partial(progress.each, label="Allocating")))


def _print_preview(session: Session, skus: Sequence[str]) -> None:
    count = 0
    for preview in queries.preview_products(session, queries.waiting_product_ids(session, skus)):
        for line in queries.line_plans(session, preview.changes):
            click.echo(str(line))
        count += len(preview.changes)
    click.echo(f"{plural(count, 'line')} would change.")


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
    packs = services.pack_order(session, order.id, given)
    rows = queries.pack_lines(session, [pack.id for pack in packs])
    return "\n".join(
        _packed(order.number or number, list(lines)) for _, lines in groupby(rows, key=lambda row: row.pack_id)
    )


def _packed(order: str, rows: Sequence[Any]) -> str:
    packed = [f"{format_quantity(row.quantity)} of {row.sku}" for row in rows]
    return f"Packed {', '.join(packed)} of {order} as {rows[0].number} in {rows[0].warehouse}."


@click.command("unpack")
@click.argument("pack")
@click.option("--line", "positions", multiple=True, type=int, metavar="LINE", help="Only this line; one option each.")
@click.option("--why", required=True, help="The reason, which the pack and the history keep.")
@click.option("--free", is_flag=True, help="Allocate nothing again: all that returns is free.")
def unpack(pack: str, positions: tuple[int, ...], why: str, free: bool) -> None:
    """Reverse PACK, such as PK00001: its goods return to where they came from."""
    click.echo(commit(partial(_unpack, number=pack, positions=positions, why=why, free=free)))


def _unpack(session: Session, *, number: str, positions: Sequence[int], why: str, free: bool) -> str:
    pack = queries.pack_by_number(session, number)
    rows = queries.pack_lines(session, [pack.id])
    for position in positions:
        left = [row.unreversed for row in rows if row.position == position]
        if not left:
            raise NotFound("line of the pack", f"{number}/{position}")
        if not any(left):
            raise AlreadyReversed(pack=number)
    chosen = [row.id for row in rows if row.position in positions and row.unreversed] if positions else None
    returned = services.reverse_pack(session, pack.id, chosen, why=why, free=free)
    return f"Reversed of {number}: {', '.join(map(str, returned))}."
