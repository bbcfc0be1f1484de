"""Work on many documents at once: each takes as many statements for twelve, each its own, as for three."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from modules.inventory_lots.models import Lot, Product
from modules.inventory_lots.services import hold_lots
from modules.preorder import services as preorder
from modules.preorder.domain import PreorderTerms
from modules.preorder.models import PurchaseAllocation
from modules.procurement import services as procurement
from modules.procurement.domain import Delivery
from modules.procurement.models import PurchaseOrderLine
from modules.sales import services as sales
from modules.sales.models import Backorder, OrderLine
from tests.support.inventory_lots import make_location, make_product, make_stock
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_customer, make_draft

Counting = Callable[[], AbstractContextManager[list[str]]]
SOON, LATER = date(2026, 12, 24), date(2027, 1, 31)


def test_work_on_many_documents_takes_as_many_statements_as_on_few(
    session: Session, set_option: Callable[[str, str], None], count_statements: Counting
) -> None:
    set_option("preorder.auto_allocate", "yes")
    set_option("preorder.sync_dates", "auto")
    place = make_location(session, "WH/A").id
    customer = make_customer(session)

    def life(size: int) -> dict[str, int]:
        sent: dict[str, int] = {}

        def step(name: str, work: Callable[[], Any]) -> None:
            session.commit()
            with count_statements() as statements:
                work()
                session.commit()
            sent[name] = len(statements)

        products = [make_product(session) for _ in range(size)]
        ids = [product.id for product in products]
        for product in products:
            make_stock(session, product, 2)
        orders = [make_draft(session, [(product, 5), (product, 3)], customer=customer).id for product in products]
        bought = [make_purchase_order(session, [(product, 9, SOON)], state="draft").id for product in products]
        step("confirm", lambda: sales.confirm_orders(session, orders))
        step("place", lambda: procurement.place_orders(session, bought))
        of_orders = select(OrderLine.id).where(OrderLine.order_id.in_(orders)).order_by(OrderLine.id)
        lines = list(session.scalars(of_orders))
        of_bought = select(PurchaseOrderLine.id).where(PurchaseOrderLine.order_id.in_(bought))
        purchase_lines = list(session.scalars(of_bought.order_by(PurchaseOrderLine.id)))
        pairs = select(PurchaseAllocation).where(PurchaseAllocation.line_id.in_(lines), PurchaseAllocation.is_open)
        assert len(session.scalars(pairs).all()) == 2 * size
        dates = dict.fromkeys(purchase_lines, LATER)
        step("later", lambda: procurement.set_expected_dates(session, dates))
        step("raise", lambda: procurement.change_quantities(session, dict.fromkeys(purchase_lines, Decimal(10))))
        step("lower", lambda: procurement.change_quantities(session, dict.fromkeys(purchase_lines, Decimal(8))))
        step("sell more", lambda: sales.change_quantities(session, dict.fromkeys(lines[::2], Decimal(6))))
        step("sell less", lambda: sales.change_quantities(session, dict.fromkeys(lines[::2], Decimal(5))))
        step("hold", lambda: sales.hold_many_lines(session, lines[1::2], True))
        step("let in", lambda: sales.hold_many_lines(session, lines[1::2], False))
        step("hold orders", lambda: sales.hold_orders(session, orders, True))
        step("let orders in", lambda: sales.hold_orders(session, orders, False))
        step("promise", lambda: sales.set_promise_dates(session, dict.fromkeys(lines, SOON), cause="edited"))
        step("sync", lambda: preorder.sync_promises(session, lines))
        deliveries = [Delivery(id_, Decimal(5), place, "R") for id_ in purchase_lines]
        step("receive", lambda: procurement.receive_many(session, deliveries))
        step("pack", lambda: sales.pack_orders(session, orders))
        lots = list(session.scalars(select(Lot.id).where(Lot.product_id.in_(ids))))
        step("hold lots", lambda: hold_lots(session, lots, True))
        step("free lots", lambda: hold_lots(session, lots, False))
        step("allocate", lambda: sales.allocate_orders(session, orders))
        allocations = [row.id for row in session.scalars(pairs)]
        step("remove", lambda: preorder.remove_purchase_allocations(session, allocations))
        step("allocate lines", lambda: sales.allocate_lines(session, lines))
        rows, terms = select(Product).where(Product.id.in_(ids)), PreorderTerms(True, LATER, None)
        step("preorder", lambda: preorder.save_products(session, [(row, terms) for row in session.scalars(rows)]))
        backorders = list(session.scalars(select(Backorder.id).where(Backorder.line_id.in_(lines), Backorder.is_open)))
        step("give up", lambda: sales.cancel_open_backorders(session, backorders[::2]))
        step("close", lambda: procurement.close_many_lines(session, purchase_lines[::2]))
        step("cancel", lambda: sales.cancel_orders(session, orders))
        step("cancel purchases", lambda: procurement.cancel_orders(session, bought))
        return sent

    life(2)
    few, first, second = life(3), life(12), life(12)
    # The fewer of two: what a process does once in a while is nothing that grows with the documents.
    many = {name: min(count, second[name]) for name, count in first.items()}
    assert {name: (few[name], count) for name, count in many.items() if count > few[name]} == {}
