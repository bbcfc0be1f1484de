"""Tryton's side of `python -m bench peers`; it runs in the environment of Tryton and knows nothing of this project.

It reads a book as JSON from the standard input, puts it into an empty SQLite database, assigns the first shipments one
by one, each in its own transaction, then all others in one, and prints what was assigned and how long it took.
"""

import json
import os
import sys
import tempfile
import time

import trytond.config as config

DATABASE = "peer"


def main() -> None:
    """Read the book, measure and print."""
    book = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder:
        config.set("database", "uri", "sqlite://")
        config.set("database", "path", folder)
        os.environ["DB_NAME"] = DATABASE
        os.environ.pop("DB_CACHE", None)
        print(json.dumps(_measure(book)))


def _measure(book: dict) -> dict:
    from trytond.pool import Pool
    from trytond.tests.test_tryton import activate_module
    from trytond.transaction import Transaction

    activate_module(["stock_lot"])
    with Transaction().start(DATABASE, 1):
        company, products = _masters(book)
        Transaction().commit()
    context = {"company": company, "companies": [company]}
    with Transaction().start(DATABASE, 1, context=context):
        shipments = _book(book, company, products)
        Transaction().commit()
    alone = shipments[: book["alone"]]
    began = time.perf_counter()
    for shipment in alone:
        _assign(context, [shipment])
    one = time.perf_counter() - began
    began = time.perf_counter()
    _assign(context, shipments[len(alone) :])
    bulk = time.perf_counter() - began
    with Transaction().start(DATABASE, 1, context=context):
        moves = (
            Pool()
            .get("stock.move")
            .search([("state", "=", "assigned"), ("shipment.id", "in", shipments, "stock.shipment.out")])
        )
        assigned = sum(move.quantity for move in moves)
        lots = all(move.lot for move in moves)
    return {"one": one, "bulk": bulk, "assigned": assigned, "with_lots": lots}


def _assign(context: dict, shipments: list) -> None:
    """Assign shipments in one transaction, which begins again with the locks that it turns out to need."""
    from trytond.pool import Pool
    from trytond.transaction import Transaction, TransactionError

    extras: dict = {}
    while True:
        with Transaction().start(DATABASE, 1, context=context, **extras) as transaction:
            try:
                model = Pool().get("stock.shipment.out")
                model.assign_try(model.browse(shipments))
                transaction.commit()
                return
            except TransactionError as error:
                transaction.rollback()
                error.fix(extras)


def _masters(book: dict) -> tuple:
    """Make a company, a customer and the products; return the company's id and the ids of the products."""
    from trytond.modules.company.tests import create_company
    from trytond.pool import Pool

    company = create_company()
    user = Pool().get("res.user")
    user.write([user(1)], {"companies": [("add", [company.id])], "company": company.id})
    (unit,) = Pool().get("product.uom").search([("name", "=", "Unit")])
    template = Pool().get("product.template")
    product = Pool().get("product.product")
    names = [{"name": name, "type": "goods", "default_uom": unit.id} for name in book["products"]]
    made = template.create(names)
    found = product.create([{"template": each.id} for each in made])
    return company.id, [each.id for each in found]


def _book(book: dict, company: int, products: list) -> list:
    """Put lots into stock, and make the shipments; return the ids of the shipments in their order."""
    from trytond.pool import Pool

    pool = Pool()
    (unit,) = pool.get("product.uom").search([("name", "=", "Unit")])
    (supplier,) = pool.get("stock.location").search([("code", "=", "SUP")])
    (warehouse,) = pool.get("stock.location").search([("type", "=", "warehouse")])
    lot, move, shipment = (pool.get(name) for name in ("stock.lot", "stock.move", "stock.shipment.out"))
    lots = lot.create([{"number": number, "product": products[product]} for number, product, _ in book["lots"]])
    currency = pool.get("company.company")(company).currency.id
    usual = {"unit": unit.id, "company": company, "unit_price": 1, "currency": currency}
    goods = [
        {
            **usual,
            "product": products[product],
            "lot": made.id,
            "quantity": quantity,
            "from_location": supplier.id,
            "to_location": warehouse.storage_location.id,
        }
        for made, (_, product, quantity) in zip(lots, book["lots"], strict=True)
    ]
    move.do(move.create(goods))
    (customer,) = pool.get("party.party").create([{"name": "Customer", "addresses": [("create", [{}])]}])
    made = shipment.create(
        [
            {
                "company": company,
                "warehouse": warehouse.id,
                "warehouse_storage": warehouse.storage_location.id,
                "warehouse_output": warehouse.output_location.id,
                "customer": customer.id,
                "delivery_address": customer.addresses[0].id,
                "outgoing_moves": [
                    (
                        "create",
                        [
                            {
                                **usual,
                                "product": products[product],
                                "quantity": quantity,
                                "from_location": warehouse.output_location.id,
                                "to_location": customer.customer_location.id,
                            }
                            for product, quantity in lines
                        ],
                    )
                ],
            }
            for lines in book["orders"]
        ]
    )
    shipment.wait(made)
    return [each.id for each in made]


if __name__ == "__main__":
    main()
