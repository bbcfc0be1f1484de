"""A file of purchase orders of which some exist: new ones are made, equal ones stay, changed lines are changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from erp.exchange import Errors, Row, as_cell, named_in, rows_by_number
from erp.identity import identity_key
from erp.text import joined, plural, say
from modules.inventory_lots.queries import product_ids_by_sku
from modules.procurement import services
from modules.procurement.domain import LineValues, match_lines
from modules.procurement.exchange.order_rows import Known, check_order, find_known
from modules.procurement.models import PurchaseOrder


@dataclass
class _Changes:
    """What a file changes of orders that exist, by id of the line or order, with the row that says so."""

    quantities: dict[int, Decimal] = field(default_factory=dict)
    dates: dict[int, date | None] = field(default_factory=dict)
    statuses: dict[int, int | None] = field(default_factory=dict)
    rows_by_line: dict[int, Row] = field(default_factory=dict)
    new_lines: dict[int, list[LineValues]] = field(default_factory=dict)
    rows_by_order: dict[int, list[Row]] = field(default_factory=dict)
    orders: set[int] = field(default_factory=set)
    left: int = 0

    @property
    def lines(self) -> set[int]:
        """The lines that get another quantity, date or status."""
        return {*self.quantities, *self.dates, *self.statuses}

    def change(self, line: LineValues, said: LineValues) -> bool:
        """Give a line the quantity, date and status that a row says; return whether one of them is another."""
        assert line.line_id is not None
        if said.quantity != line.quantity:
            self.quantities[line.line_id] = said.quantity
        if said.expected_on not in (None, line.expected_on):
            self.dates[line.line_id] = said.expected_on
        if said.status_id not in (None, line.status_id):
            self.statuses[line.line_id] = said.status_id
        return line.line_id in self.lines

    def add(self, order: PurchaseOrder, row: Row, line: LineValues) -> None:
        """Add a line to an order."""
        self.orders.add(order.id)
        self.new_lines.setdefault(order.id, []).append(line)
        self.rows_by_order.setdefault(order.id, []).append(row)


def update_orders(session: Session, rows: Sequence[Row], errors: Errors) -> str:
    """Make orders that are new, and give lines of those that exist the quantities, dates and statuses of the file."""
    groups = rows_by_number(rows)
    products = product_ids_by_sku(session, named_in(rows, "sku"))
    orders = services.lock_numbered(session, groups, more_products=products.values())
    known = find_known(session, rows)
    changes, new = _Changes(), []
    for number, group in groups.items():
        check_order(group, known, errors)
        if number in orders:
            _compare(orders[number], group, known, (changes, errors))
        else:
            new.append(group)
    _apply(session, changes, errors)
    errors.raise_if_any()
    if new:
        services.create_ordered(session, [known.order(group) for group in new])
    return _summary(len(groups), len(new), changes)


def _compare(order: PurchaseOrder, group: Sequence[Row], known: Known, found: tuple[_Changes, Errors]) -> None:
    """Compare an order with its rows: each row is a line of its product."""
    changes, errors = found
    _check_header(order, group[0], errors)
    right = [row for row in group if row.number not in errors.bad_rows]
    said = [known.line(row) for row in right]
    lines = match_lines(map(services.values_of, order.lines), said)
    for index, row in enumerate(right):
        if index not in lines:
            changes.add(order, row, said[index])
            continue
        line = lines[index]
        _check_cost(line, row, errors)
        if changes.change(line, said[index]):
            changes.orders.add(order.id)
            changes.rows_by_line[line.line_id or 0] = row
    changes.left += len(order.lines) - len(lines)


def _check_header(order: PurchaseOrder, row: Row, errors: Errors) -> None:
    if identity_key(row["supplier"]) != identity_key(order.supplier.code):
        errors.add(
            row,
            "supplier",
            say("is {supplier} in the order that exists: change it there", supplier=order.supplier.code),
        )
    if row["ordered_on"] not in (None, order.ordered_on):
        errors.add(
            row,
            "ordered_on",
            say("is {as_cell} in the order that exists: change it there", as_cell=as_cell(order.ordered_on)),
        )


def _check_cost(line: LineValues, row: Row, errors: Errors) -> None:
    if row["unit_cost"] not in (None, line.unit_cost):
        has = as_cell(line.unit_cost) or say("none")
        errors.add(row, "unit_cost", say("is another unit cost than the line has, {has}: change it there", has=has))


def _apply(session: Session, changes: _Changes, errors: Errors) -> None:
    """Change and add lines, and add what is refused of it by row."""
    if changes.dates:
        services.set_expected_dates(session, changes.dates)
    if changes.statuses:
        services.set_statuses(session, changes.statuses)
    for line_id, refusal in services.change_quantities(session, changes.quantities).items():
        errors.add(changes.rows_by_line[line_id], "quantity", refusal)
    refusals = services.append_lines(session, changes.new_lines)
    for order_id, refusal in refusals.items():
        for row in changes.rows_by_order[order_id]:
            errors.add(row, "sku", refusal)


def _summary(orders: int, new: int, changes: _Changes) -> str:
    added = sum(map(len, changes.new_lines.values()))
    parts = [
        say(
            "{purchase_orders}: {new} new, {orders} changed.",
            purchase_orders=plural(orders, "purchase order"),
            new=new,
            orders=len(changes.orders),
        )
    ]
    if changes.orders:
        parts.append(say("{lines} changed, {added} added.", lines=plural(len(changes.lines), "line"), added=added))
    if changes.left:
        parts.append(say("{lines} that the file does not name left as before.", lines=plural(changes.left, "line")))
    return joined(parts)
