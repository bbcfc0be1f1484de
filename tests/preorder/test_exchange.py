"""What preorder adds to CSV files."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.exchange import ImportRefused, export_csv, import_csv
from modules.inventory_lots.queries import product_ids_by_sku
from modules.preorder import queries
from modules.preorder.domain import PreorderTerms
from modules.preorder.models import OnHandChange
from tests.support.inventory_lots import make_product, make_stock
from tests.support.preorder import LAUNCH, allocate_purchase, broken, make_preorder_product, outstanding
from tests.support.procurement import make_purchase_order, make_supplier
from tests.support.sales import make_order


def export(session: Session, kind: str) -> list[str]:
    return "".join(export_csv(session, kind)).splitlines()


def load(session: Session, kind: str, *lines: str) -> str:
    session.commit()
    return import_csv(session, kind, "\n".join(lines).encode(), update=kind == "purchase_orders")


def errors_of(session: Session, kind: str, *lines: str) -> list[str]:
    with pytest.raises(ImportRefused) as refused:
        load(session, kind, *lines)
    session.rollback()
    return [str(error) for error in refused.value.errors]


def terms(session: Session, sku: str) -> PreorderTerms | None:
    row = queries.preorder_product(session, product_ids_by_sku(session, [sku])[sku])
    return None if row is None else row.terms


def test_products_bring_their_preorder_columns_along(session: Session) -> None:
    load(
        session,
        "products",
        "sku,name,preorder_eligible,launch_date,preorder_limit",
        "P-1,Pump,yes,2027-01-15,40",
        "P-2,Hose,no,,",
    )
    assert terms(session, "P-1") == PreorderTerms(True, LAUNCH, Decimal(40))
    assert terms(session, "P-2") is None


def test_a_column_that_is_not_in_the_file_leaves_what_is_known_and_an_empty_cell_takes_it_away(
    session: Session,
) -> None:
    product = make_preorder_product(session, limit=40)
    load(session, "products", "sku,name,preorder_limit", f"{product.sku},Pump,")
    assert terms(session, product.sku) == PreorderTerms(True, LAUNCH, None)


def test_an_eligible_product_without_a_launch_date_is_an_error_of_its_row(session: Session) -> None:
    found = errors_of(session, "products", "sku,name,preorder_eligible", "P-1,Pump,no", "P-2,Hose,yes")
    assert found == ["Row 3, column launch_date: P-2 is eligible for preorder: give it a launch date."]


def test_a_limit_finer_than_the_unit_is_an_error_of_its_row(session: Session) -> None:
    (found,) = errors_of(session, "products", "sku,name,launch_date,preorder_limit", "P-1,Pump,2027-01-15,2.5")
    assert found.startswith("Row 2, column preorder_limit")


def test_products_leave_as_they_came(session: Session) -> None:
    make_preorder_product(session, sku="P-1", name="Pump", limit=40)
    make_product(session, sku="P-2", name="Hose")
    lines = export(session, "products")
    assert lines[0] == "sku,name,unit,unit_decimals,tracking,list_price,preorder_eligible,launch_date,preorder_limit"
    assert lines[1:] == ["P-1,Pump,pcs,0,lot,,yes,2027-01-15,40", "P-2,Hose,pcs,0,lot,,no,,"]
    assert load(session, "products", *lines) == "2 products: 0 new, 0 changed."
    assert export(session, "products") == lines


def test_on_hand_changes_replace_those_of_the_same_product_date_and_note(session: Session) -> None:
    product = make_product(session)
    head = "sku,date,quantity,note"
    message = load(
        session, "on_hand_changes", head, f"{product.sku},2026-12-01,10,fair", f"{product.sku},2026-12-01,-3,"
    )
    assert message == "2 on-hand changes: 2 new, 0 changed."
    message = load(
        session, "on_hand_changes", head, f"{product.sku},2026-12-01,12,fair", f"{product.sku},2026-12-02,5,"
    )
    assert message == "2 on-hand changes: 1 new, 1 changed."
    columns = (OnHandChange.date, OnHandChange.quantity, OnHandChange.note)
    rows = session.execute(select(*columns).order_by(OnHandChange.id))
    assert [tuple(row) for row in rows] == [
        (date(2026, 12, 1), 12, "fair"),
        (date(2026, 12, 1), -3, ""),
        (date(2026, 12, 2), 5, ""),
    ]
    assert export(session, "on_hand_changes")[1:] == [
        f"{product.sku},2026-12-01,12,fair",
        f"{product.sku},2026-12-01,-3,",
        f"{product.sku},2026-12-02,5,",
    ]


def test_wrong_on_hand_changes_are_errors_of_their_rows_and_none_is_stored(session: Session) -> None:
    product = make_product(session)
    found = errors_of(
        session,
        "on_hand_changes",
        "sku,date,quantity",
        f"{product.sku},2026-12-01,5",
        "NOPE,2026-12-01,5",
        f"{product.sku},2026-12-02,0.5",
    )
    assert [line.partition(":")[0] for line in found] == ["Row 3, column sku", "Row 4, column quantity"]
    assert session.scalar(select(OnHandChange)) is None
    (zero,) = errors_of(session, "on_hand_changes", "sku,date,quantity", f"{product.sku},2026-12-01,0")
    assert "is 0" in zero


def test_atp_is_exported_a_row_a_day_for_the_horizon(session: Session, set_option: Callable[[str, str], None]) -> None:
    set_option("preorder.atp_horizon_days", "3")
    product = make_product(session, sku="P-1")
    make_stock(session, product, 20)
    make_product(session, sku="P-0", is_active=False)
    assert export(session, "atp") == [
        "sku,date,projected,available_to_promise",
        "P-1,2026-11-23,20,20",
        "P-1,2026-11-24,20,20",
        "P-1,2026-11-25,20,20",
    ]


def test_purchase_allocations_follow_the_lots_of_the_same_line_in_the_export_of_allocations(session: Session) -> None:
    product = make_product(session, sku="P-1")
    make_stock(session, product, 4, lot="L1")
    order = make_order(session, [(product, 10)], number="SO-1")
    purchase = make_purchase_order(session, [(product, 20, date(2026, 12, 1))], number="PO-1")
    allocate_purchase(session, order.lines[0], purchase.lines[0], 6)
    assert export(session, "allocations")[1:] == [
        "SO-1,1,P-1,lot,L1,WH/STOCK,,,4,0,2026-12-01",
        "SO-1,1,P-1,purchase,,,PO-1,1,6,0,2026-12-01",
    ]
    assert export(session, "backorders")[1].split(",")[:8] == ["SO-1", "1", "P-1", "backorder", "6", "6", "open", "6"]


def test_a_file_of_a_hundred_products_takes_as_many_statements_as_one_of_two(
    session: Session, count_statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    def file(size: int, prefix: str) -> list[str]:
        head = "sku,name,preorder_eligible,launch_date,preorder_limit"
        return [head, *(f"{prefix}-{number},Pump,yes,2027-01-15,{number + 1}" for number in range(size))]

    counts = []
    for size, prefix in ((2, "A"), (100, "B")):
        session.commit()
        with count_statements() as sent:
            load(session, "products", *file(size, prefix))
        counts.append(len(sent))
    assert counts[1] <= counts[0]


def test_an_update_of_purchase_orders_keeps_what_is_allocated_and_says_whose_it_is(
    session: Session, count_statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    product, supplier = make_product(session, sku="NUT"), make_supplier(session, code="S1")
    head = "number,supplier,sku,quantity,expected_on"

    def lowered(name: str, count: int) -> int:
        order = make_order(session, [(product, 6)] * count, number=f"SO-{name}")
        for at, line in enumerate(order.lines):
            bought = make_purchase_order(session, [(product, 10)], number=f"{name}{at}", supplier=supplier)
            allocate_purchase(session, line, bought.lines[0], 6)
        below = errors_of(session, "purchase_orders", head, *(f"{name}{at},S1,NUT,5," for at in range(count)))
        assert [f"allocated to sales orders (SO-{name})" in error for error in below] == [True] * count
        session.commit()
        with count_statements() as sent:
            load(session, "purchase_orders", head, *(f"{name}{at},S1,NUT,6,2027-02-01" for at in range(count)))
        session.commit()
        session.expire_all()
        assert outstanding(session, *order.lines) == [6] * count
        return len(sent)

    lowered("W", 2)
    assert lowered("M", 15) == lowered("F", 2)
    assert broken(session) == []
