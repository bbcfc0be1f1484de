"""Thousands of dates and receipts at once: as many statements as for a few, and none that grows with them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from erp.exchange import import_csv
from modules.inventory_lots.states import Tracking
from modules.preorder import queries
from modules.preorder.models import PurchaseAllocation
from modules.procurement import services as procurement
from modules.procurement.models import PurchaseOrder
from modules.sales import services as sales
from modules.sales.models import Order, OrderLine
from tests.support.inventory_lots import make_location, make_product, make_stock
from tests.support.preorder import allocate_many
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_customer, make_draft, make_order

Counting = Callable[[], AbstractContextManager[list[str]]]


def test_dates_and_receipts_of_many_allocated_lines_take_no_more_and_no_longer_statements_than_of_few(
    session: Session, auto: None, set_option: Callable[[str, str], None], count_statements: Counting
) -> None:
    set_option("preorder.sync_dates", "auto")
    make_location(session, "WH/A")
    customer = make_customer(session)

    def story(size: int, name: str) -> list[tuple[int, int]]:
        product = make_product(session)
        make_draft(session, [(product, 1)] * size, number=f"SO-{name}", customer=customer)
        make_purchase_order(session, [(product, 1)] * size, number=f"PO-{name}", state="draft")
        files = {
            "expected_dates": ("number,line,expected_on", f"PO-{name},{{line}},2026-12-24"),
            "promise_dates": ("order,line,promise_date", f"SO-{name},{{line}},2027-01-31"),
            "receipts": ("number,line,quantity,location,lot", f"PO-{name},{{line}},1,WH/A,R1"),
        }
        _put_on_their_way(session, f"SO-{name}", f"PO-{name}")
        allocated = (
            select(func.count())
            .select_from(PurchaseAllocation)
            .join(OrderLine)
            .where(OrderLine.product_id == product.id)
        )
        assert session.scalar(allocated) == size
        return [_send(session, count_statements, kind, head, line, size) for kind, (head, line) in files.items()]

    story(2, "warm")
    few, many = story(3, "few"), story(60, "many")
    for (count, longest), (most, most_long) in zip(few, many, strict=True):
        assert most <= count
        assert most_long <= longest
    assert session.scalar(select(func.sum(OrderLine.allocated))) == Decimal(65)


def _put_on_their_way(session: Session, sales_order: str, purchase_order: str) -> None:
    session.commit()
    order = session.scalars(select(Order.id).where(Order.number == sales_order)).one()
    bought = session.scalars(select(PurchaseOrder).where(PurchaseOrder.number == purchase_order)).one()
    session.commit()
    sales.confirm(session, order)
    session.commit()
    procurement.place_order(session, bought.id)
    session.commit()


def _send(session: Session, count_statements: Counting, kind: str, head: str, line: str, size: int) -> tuple[int, int]:
    """Import a file of so many rows; return how many statements that took, and the length of the longest."""
    data = "\n".join([head, *(line.format(line=number) for number in range(1, size + 1))]).encode()
    session.commit()
    with count_statements() as sent:
        import_csv(session, kind, data)
        session.commit()
    return len(sent), max(len(each) for each in sent if not each.startswith("INSERT"))


def test_coverage_of_many_lines_takes_as_many_statements_as_of_one(
    session: Session, count_statements: Counting
) -> None:
    def ask(size: int) -> int:
        lots, serial = make_product(session), make_product(session, tracking=Tracking.serial)
        make_stock(session, lots, size)
        wanted = [(lots, 2)] * size + [(serial, 1)]
        order = make_order(session, wanted, shipping_policy="complete")
        (purchase,) = make_purchase_order(session, [(lots, size)]).lines
        allocate_many(session, {(line, purchase): 1 for line in order.lines[size // 2 + 1 : size]})
        session.commit()
        with count_statements() as sent:
            assert len(queries.line_coverage(session, OrderLine.order_id == order.id)) == size
        return len(sent)

    assert ask(40) <= ask(3)
