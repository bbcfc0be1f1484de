"""Returns as CSV: one row for each line; rows of one number are one return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from sqlalchemy.orm import Session

from erp.exchange import (
    Column,
    Errors,
    ExportKind,
    ImportKind,
    Row,
    code,
    long_text,
    one_of,
    quantity,
    rows_by_number,
)
from erp.text import plural, say
from modules.inventory_lots.domain import check_quantity
from modules.inventory_lots.services import lock_products
from modules.returns import queries, services
from modules.returns.domain import Goods, NewReturn, Packed, spread
from modules.returns.exchange.maps import ODOO_TRANSFERS
from modules.returns.states import ReturnCause


def _create(session: Session, rows: Sequence[Row], errors: Errors) -> str:
    keys = queries.packed_by_key(session, [(row["pack"], row["sku"], row["lot"]) for row in rows])
    ids = [id_ for found in keys.values() for id_ in found]
    # Locked before what is left is read: of two files with the same goods, the second is refused.
    lock_products(session, queries.product_ids(session, ids))
    packed = queries.packed_lines(session, ids)
    groups = rows_by_number(rows)
    for number in queries.numbers_in_use(session, groups):
        errors.add(groups[number][0], "number", say("is the number of a return that exists already"))
    new_returns = [_new_return(number, group, keys, packed, errors) for number, group in groups.items()]
    errors.raise_if_any()
    services.create_returns(session, new_returns)
    return say("{returns} with {lines}.", returns=plural(len(groups), "return"), lines=plural(len(rows), "line"))


def _new_return(
    number: str,
    group: Sequence[Row],
    keys: Mapping[queries.Key, Sequence[int]],
    packed: dict[int, Packed],
    errors: Errors,
) -> NewReturn:
    """Return the return that rows of one number make; add what is wrong with them. Counts down what is left."""
    goods: dict[int, Decimal] = {}
    orders = set()
    for row in group:
        lines = [packed[id_] for id_ in keys.get(queries.key_of(row["pack"], row["sku"], row["lot"]), ())]
        if not lines:
            errors.add(row, "lot", say("is not a lot of this product in this pack"))
            continue
        orders.add(lines[0].order_id)
        if len(orders) > 1:
            errors.add(row, "pack", say("is a pack of another sales order than the first row of the same return"))
        left = sum((line.left for line in lines), Decimal(0))
        with errors.of(row, "quantity"):
            check_quantity(row["quantity"], lines[0].decimals, what=lines[0].sku)
        if row["quantity"] > left:
            errors.add(row, "quantity", say("is more than was packed and not returned yet"))
            continue
        for each in spread(row["quantity"], lines):
            goods[each.pack_line_id] = goods.get(each.pack_line_id, Decimal(0)) + each.quantity
            packed[each.pack_line_id] = packed[each.pack_line_id].less(each.quantity)
    cause = group[0]["cause"] or ReturnCause.other
    return NewReturn(group[0]["reason"], [Goods(*each) for each in goods.items()], number, cause)


RETURNS = ImportKind(
    name="returns",
    title="Returns",
    permission="returns.edit",
    columns=(
        Column("number", code(40), required=True),
        Column("reason", long_text, required=True),
        Column("pack", code(40), required=True),
        Column("sku", code(60), required=True),
        Column("lot", code(80), required=True),
        Column("quantity", quantity, required=True),
        Column("cause", one_of(ReturnCause)),
    ),
    key=("number", "pack", "sku", "lot"),
    apply=_create,
    header=("number", "reason", "cause"),
    refers={"sku": "products"},
    maps=(ODOO_TRANSFERS,),
    screen="returns.return",
)

RETURNS_OUT = ExportKind(
    name="return_lines",
    title="Return lines",
    permission="returns.view",
    columns=(
        *("number", "order", "reason", "state", "pack", "sku", "lot", "quantity", "received"),
        *("restocked", "quarantined", "scrapped", "cause"),
    ),
    rows=queries.return_rows,
)
