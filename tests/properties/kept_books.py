"""Random books with what each run of the release before the planner made of them: `books_before_the_planner.json.gz`.

That release (commit 358f2cf) read, decided and wrote a run row by row. Its results were written by this file, copied
into a checkout of it: `python -m pytest tests/properties/kept_books.py`, with ERP_KEPT_BOOKS naming the file to write.
Everything has the options of an installation that nobody changed.
"""

from __future__ import annotations

import gzip
import json
import os
import random
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import select

from erp.db import commit, db
from erp.errors import ErpError
from modules.inventory_lots.models import Balance, Lot, Product
from modules.preorder import services as preorder
from modules.preorder.models import PurchaseAllocation
from modules.procurement import services as procurement
from modules.procurement.domain import Delivery
from modules.procurement.models import PurchaseOrderLine
from modules.sales import services as sales
from modules.sales.models import Allocation, Backorder, Order, OrderLine
from tests.properties.test_the_book import wipe
from tests.support.inventory_lots import make_location, make_product, make_stock
from tests.support.procurement import make_purchase_order
from tests.support.sales import FIRST_DAY, make_draft

FILE = Path(__file__).with_name("books_before_the_planner.json.gz")
BOOKS, PRODUCTS = 1000, 2
TODAY = date(2026, 11, 23)
STEPS = (
    *("order", "order", "order", "stock", "stock", "buy", "buy", "reserve", "reserve", "remove", "hold", "change"),
    *("cancel", "serve", "pack", "arrival", "receive", "run"),
)


def draw_book(seed: int) -> list[list[Any]]:
    """Return the steps of a random book; the last one is a run of the whole book."""
    dice = random.Random(seed)
    names = ["order", "stock", "order", "buy", *dice.choices(STEPS, k=dice.randint(4, 12)), "run"]
    return [[name, *_draw(name, dice)] for name in names]


def _draw(name: str, dice: random.Random) -> list[Any]:
    product, amount, pick = dice.randrange(PRODUCTS), dice.randint(1, 9), dice.randrange(100)
    day = dice.choice([None, *range(1, 10)])
    drawn = {
        "order": [
            [[dice.randrange(PRODUCTS), dice.randint(1, 9)] for _ in range(dice.randint(1, 3))],
            dice.choice([0, 0, 1]),
            dice.randint(0, 5),
        ],
        "stock": [product, amount, dice.randint(0, 3)],
        "buy": [product, amount, day],
        "reserve": [pick, dice.randrange(100), amount],
        "remove": [pick, dice.random() < 0.5],
        "hold": [pick, dice.random() < 0.5],
        "change": [pick, amount],
        "arrival": [pick, day],
        "receive": [pick, amount],
        "run": [],
    }
    return drawn.get(name, [pick])


class Player:
    """Does the steps of a book with the actions that users have; a refusal changes nothing."""

    def __init__(self) -> None:
        wipe()
        self.products = [make_product(db.session()).id for _ in range(PRODUCTS)]
        db.session.commit()

    def play(self, steps: list[list[Any]]) -> list[Any]:
        """Return what the book holds after each step that is a run, or that makes one."""
        results = []
        for name, *drawn in steps:
            db.session.rollback()
            getattr(self, f"_{name}")(db.session(), *drawn)
            results.append(held())
        return results

    def _order(self, session: Any, lines: list[list[int]], priority: int, age: int) -> None:
        wanted = [(session.get_one(Product, self.products[number]), quantity) for number, quantity in lines]
        order = make_draft(session, wanted, priority=priority, ordered_at=FIRST_DAY + timedelta(hours=age))
        self._attempt(sales.confirm, order.id)

    def _stock(self, session: Any, number: int, quantity: int, age: int) -> None:
        product = session.get_one(Product, self.products[number])
        make_stock(session, product, quantity, received_on=TODAY - timedelta(days=age))

    def _buy(self, session: Any, number: int, quantity: int, day: int | None) -> None:
        make_purchase_order(session, [(session.get_one(Product, self.products[number]), quantity, _day(day))])
        session.commit()

    def _reserve(self, _session: Any, line: int, purchase: int, quantity: int) -> None:
        pair = self._pick(OrderLine, line), self._pick(PurchaseOrderLine, purchase)
        if all(pair):
            self._attempt(preorder.allocate_by_hand, {pair: Decimal(quantity)})

    def _remove(self, session: Any, number: int, hold: bool) -> None:
        if allocation := self._pick(Allocation, number):
            order_id = session.get_one(OrderLine, session.get_one(Allocation, allocation).line_id).order_id
            self._attempt(sales.remove_allocations, order_id, [allocation], hold=hold)

    def _hold(self, _session: Any, number: int, hold: bool) -> None:
        if line := self._pick(OrderLine, number):
            self._attempt(sales.hold_lines, [line], hold)

    def _change(self, _session: Any, number: int, quantity: int) -> None:
        if line := self._pick(OrderLine, number):
            self._attempt(sales.change_quantity, line, Decimal(quantity))

    def _cancel(self, _session: Any, number: int) -> None:
        if line := self._pick(OrderLine, number):
            self._attempt(sales.cancel_line, line)

    def _serve(self, _session: Any, number: int) -> None:
        if order := self._pick(Order, number):
            self._attempt(sales.allocate_order, order)

    def _pack(self, _session: Any, number: int) -> None:
        if order := self._pick(Order, number):
            self._attempt(sales.pack_order, order)

    def _arrival(self, _session: Any, number: int, day: int | None) -> None:
        if line := self._pick(PurchaseOrderLine, number):
            self._attempt(procurement.set_expected_dates, {line: _day(day)})

    def _receive(self, session: Any, number: int, quantity: int) -> None:
        if line := self._pick(PurchaseOrderLine, number):
            location = make_location(session).id
            session.commit()
            self._attempt(procurement.receive, Delivery(line, Decimal(quantity), location, f"R{line}-{quantity}"))

    def _run(self, session: Any) -> None:
        sales.allocate_book(session)

    @staticmethod
    def _pick(model: Any, number: int) -> Any:
        ids = db.session.scalars(select(model.id).order_by(model.id)).all()
        db.session.rollback()
        return ids[number % len(ids)] if ids else None

    @staticmethod
    def _attempt(verb: Any, *arguments: Any, **more: Any) -> None:
        try:
            commit(lambda session: verb(session, *arguments, **more))
        except ErpError:
            db.session.rollback()


def _day(number: int | None) -> date | None:
    return None if number is None else TODAY + timedelta(days=number)


def held() -> list[list[list[int]]]:
    """Return what lines have of lots, wait for and have on purchase order lines, each by its place in order of ids."""
    db.session.rollback()
    lots = select(Allocation.line_id, Balance.lot_id, Allocation.quantity - Allocation.packed).join(
        Balance, Balance.id == Allocation.balance_id
    )
    open_row = Backorder.quantity - Backorder.allocated_quantity - Backorder.cancelled_quantity
    waiting = select(Backorder.line_id, open_row).where(Backorder.state == "open")
    purchases = select(
        PurchaseAllocation.line_id,
        PurchaseAllocation.purchase_line_id,
        PurchaseAllocation.quantity - PurchaseAllocation.received,
    ).where(PurchaseAllocation.ended_at.is_(None))
    line, lot, purchase = (_places(model) for model in (OrderLine, Lot, PurchaseOrderLine))
    found = [
        _summed((line[one], lot[other], quantity) for one, other, quantity in db.session.execute(lots)),
        _summed((line[one], 0, quantity) for one, quantity in db.session.execute(waiting)),
        _summed((line[one], purchase[other], quantity) for one, other, quantity in db.session.execute(purchases)),
    ]
    db.session.rollback()
    return found


def _places(model: Any) -> dict[int, int]:
    return {id_: place for place, id_ in enumerate(db.session.scalars(select(model.id).order_by(model.id)))}


def _summed(parts: Any) -> list[list[int]]:
    sums: dict[tuple[int, int], int] = {}
    for one, other, quantity in parts:
        sums[one, other] = sums.get((one, other), 0) + int(quantity)
    return sorted([*pair, quantity] for pair, quantity in sums.items() if quantity)


def kept_books() -> list[tuple[list[list[Any]], list[Any]]]:
    """Return each book with what the earlier release made of it, step by step."""
    with gzip.open(FILE, "rt") as file:
        return [(steps, _unpacked(changes)) for steps, changes in json.load(file)]


def _unpacked(changes: list[Any]) -> list[Any]:
    """Return the results step by step: null stands for the one before."""
    results: list[Any] = []
    for change in changes:
        results.append(results[-1] if change is None else change)
    return results


def _packed(results: list[Any]) -> list[Any]:
    return [None if place and results[place - 1] == result else result for place, result in enumerate(results)]


if "ERP_KEPT_BOOKS" in os.environ:

    def test_the_books_are_written(app: Any) -> None:
        books = []
        for seed in range(BOOKS):
            steps = draw_book(seed)
            books.append([steps, _packed(Player().play(steps))])
        with gzip.GzipFile(os.environ["ERP_KEPT_BOOKS"] + "-" + db.engine.dialect.name, "wb", mtime=0) as file:
            file.write(json.dumps(books, separators=(",", ":")).encode())
