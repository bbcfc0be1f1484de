"""A file of sales orders of which some exist: what is new is made, what is equal stays, changed lines are changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.db import is_one_of
from erp.errors import StaleRecord
from erp.exchange import Errors, Row, as_cell, in_parts
from erp.identity import ByKey, identity_key
from erp.text import joined, plural, say
from modules.sales import queries, services
from modules.sales.exchange.order_rows import (
    HEADER,
    Book,
    Products,
    check_order,
    create,
    lock_products_of,
    orders_in_use,
    read_book,
)
from modules.sales.models import Order, OrderLine
from modules.sales.services import NewLine

# What of a line a file cannot change, and how a refusal calls it.
KEPT = {"unit_price": "price", "requested_on": say("requested date")}


@dataclass
class _Counts:
    """What an update did: orders of the file, those that are new or changed, their lines, and lines not named."""

    orders: int = 0
    new: int = 0
    changed: int = 0
    changed_lines: int = 0
    added_lines: int = 0
    left: int = 0


@dataclass
class _Changes:
    """What rows change of orders that exist, with the row that says so."""

    quantities: dict[int, Decimal] = field(default_factory=dict)
    rows_by_line: dict[int, Row] = field(default_factory=dict)
    new_lines: dict[int, list[NewLine]] = field(default_factory=dict)
    rows_by_order: dict[int, list[Row]] = field(default_factory=dict)
    orders: set[int] = field(default_factory=set)
    left: int = 0

    def change(self, line: OrderLine, row: Row) -> None:
        """Change the quantity of a line."""
        self.orders.add(line.order_id)
        self.quantities[line.id] = row["quantity"]
        self.rows_by_line[line.id] = row

    def add(self, order: Order, row: Row, line: NewLine) -> None:
        """Add a line to an order."""
        self.orders.add(order.id)
        self.new_lines.setdefault(order.id, []).append(line)
        self.rows_by_order.setdefault(order.id, []).append(row)


def update_orders(session: Session, rows: Sequence[Row], errors: Errors) -> str:
    """Make orders that are new, and give lines of those that exist the quantities of the file; nothing is allocated."""
    before: set[int] = set()
    for part in in_parts(rows):
        before |= _products(session, _known(session, part))
    locked, counts, products = lock_products_of(session, rows, before), _Counts(), Products()
    for part in in_parts(rows):
        # Looked up once more under the locks: another import may have made some meanwhile.
        known = _known(session, part)
        if not _products(session, known) <= locked:
            raise StaleRecord
        _update(session, part, known, products, (counts, errors))
    return _summary(counts)


def _known(session: Session, rows: Iterable[Row]) -> ByKey[str, tuple[int, str]]:
    return orders_in_use(session, {row["number"] for row in rows})


def _update(
    session: Session,
    rows: Sequence[Row],
    known: Mapping[str, tuple[int, str]],
    products: Products,
    found: tuple[_Counts, Errors],
) -> None:
    """Make or change the orders of some rows, of which some are known; count it, and add what is wrong with them."""
    counts, errors = found
    book = read_book(session, rows, products)
    orders = {order.id: order for order in queries.orders_with_lines(session, [id_ for id_, _ in known.values()])}
    changes, new = _Changes(), []
    for number, group in book.orders.items():
        check_order(group, book, errors)
        if number in known:
            _compare(orders[known[number][0]], group, book, (changes, errors))
        else:
            new.append(group)
    create(session, new, book, errors)
    _apply(session, orders, changes, errors)
    counts.orders += len(book.orders)
    counts.new += len(new)
    counts.changed += len(changes.orders)
    counts.changed_lines += len(changes.quantities)
    counts.added_lines += sum(map(len, changes.new_lines.values()))
    counts.left += changes.left


def _products(session: Session, known: Mapping[str, tuple[int, str]]) -> set[int]:
    ids = [id_ for id_, _ in known.values()]
    products = select(OrderLine.product_id).where(is_one_of(session, OrderLine.order_id, ids)).distinct()
    return set(session.scalars(products)) if ids else set()


def _compare(order: Order, group: Sequence[Row], book: Book, found: tuple[_Changes, Errors]) -> None:
    """Compare an order with its rows: each row is a line of its product, in the order in which both have them."""
    changes, errors = found
    _check_header(order, group[0], errors)
    lines: ByKey[str, list[OrderLine]] = ByKey()
    for line in order.lines:
        lines.setdefault(line.product.sku, []).append(line)
    for row in group:
        same = lines.get(row["sku"])
        if row.number in errors.bad_rows:
            continue
        if same:
            line = next((line for line in same if line.quantity == row["quantity"]), same[0])
            same.remove(line)
            _compare_line(line, row, changes, errors)
        else:
            changes.add(order, row, book.new_line(row))
    changes.left += sum(len(same) for same in lines.values())


def _check_header(order: Order, row: Row, errors: Errors) -> None:
    for column in HEADER:
        said, kept = row[column], order.customer.code if column == "customer" else getattr(order, column)
        if said is not None and (identity_key(said) != identity_key(kept) if column == "customer" else said != kept):
            errors.add(
                row, column, say("is {as_cell} in the order that exists: change it there", as_cell=as_cell(kept))
            )


def _compare_line(line: OrderLine, row: Row, changes: _Changes, errors: Errors) -> None:
    for column, name in KEPT.items():
        said, kept = row[column], getattr(line, column)
        if said is not None and said != kept:
            errors.add(
                row,
                column,
                say(
                    "is another {name} than the line has, {as_cell}: change it there",
                    name=name,
                    as_cell=as_cell(kept) or say("none"),
                ),
            )
    if row["quantity"] != line.quantity:
        changes.change(line, row)


def _apply(session: Session, orders: Mapping[int, Order], changes: _Changes, errors: Errors) -> None:
    """Change and add lines, and add what is refused of it by row."""
    for place, refusal in services.append_lines(session, orders, changes.new_lines).items():
        errors.add(changes.rows_by_order[place[0]][place[1]], "sku", refusal)
    for line_id, refusal in services.change_quantities(session, changes.quantities).items():
        errors.add(changes.rows_by_line[line_id], "quantity", refusal)


def _summary(counts: _Counts) -> str:
    parts = [
        say(
            "{sales_orders}: {new} new, {orders} changed.",
            sales_orders=plural(counts.orders, "sales order"),
            new=counts.new,
            orders=counts.changed,
        )
    ]
    if counts.changed:
        lines = plural(counts.changed_lines, "line")
        parts.append(say("{lines} changed, {added} added.", lines=lines, added=counts.added_lines))
    if counts.left:
        parts.append(say("{lines} that the file does not name left as before.", lines=plural(counts.left, "line")))
    return joined(parts)
