"""Products that are sold before their launch: eligibility, limits, packing and the launch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.errors import SomeFailed
from erp.exchange import ImportRefused, import_csv
from erp.registry import current_registry
from modules.inventory_lots.models import Product
from modules.inventory_lots.services import lock_products
from modules.preorder import jobs, services
from modules.preorder.domain import PreorderTerms
from modules.preorder.errors import LaunchDateMissing
from modules.preorder.services import products
from modules.sales import services as sales
from modules.sales.errors import LinesRefused, NothingToPack, ShipsComplete
from modules.sales.models import Backorder, Order
from modules.sales.services import NewLine
from modules.sales.states import BackorderKind, ShippingPolicy
from tests.support.inventory_lots import make_product, make_stock
from tests.support.preorder import LAUNCH, make_preorder_product
from tests.support.sales import allocate, make_customer, make_draft, make_order

Clock = Callable[[str], None]
Counting = Callable[[], AbstractContextManager[list[str]]]


def rows(session: Session) -> list[tuple[BackorderKind, Decimal, date | None]]:
    found = session.scalars(select(Backorder).order_by(Backorder.id))
    return [(row.kind, row.quantity, row.counts_from) for row in found]


def refusal(session: Session, order: Order) -> str:
    with pytest.raises(LinesRefused) as refused:
        sales.confirm(session, order.id)
    session.rollback()
    return str(refused.value)


def set_terms(session: Session, product: Product, **terms: object) -> None:
    services.save_product(session, product, PreorderTerms(**terms))
    session.commit()


# Eligible or not


def test_an_eligible_product_without_a_launch_date_cannot_be_saved(session: Session) -> None:
    with pytest.raises(LaunchDateMissing):
        services.save_product(session, make_product(session), PreorderTerms(is_eligible=True))


def test_a_product_with_a_launch_to_come_is_sold_as_a_preorder_if_it_is_eligible(session: Session) -> None:
    order = make_order(session, [(make_preorder_product(session), 3), (make_product(session), 1)])
    assert [line.is_preorder for line in order.lines] == [True, False]


def test_a_product_with_a_launch_to_come_is_refused_if_it_is_not_eligible(session: Session) -> None:
    product = make_product(session, sku="P-1")
    set_terms(session, product, launch_date=LAUNCH)
    assert "P-1 is launched on 2027-01-15 and is not eligible for preorder." in refusal(
        session, make_draft(session, [(product, 1)])
    )


def test_on_the_day_of_the_launch_it_is_an_ordinary_product(session: Session, at: Clock) -> None:
    product = make_product(session)
    set_terms(session, product, launch_date=LAUNCH)
    at("2027-01-15T08:00:00Z")
    assert not make_order(session, [(product, 1)]).lines[0].is_preorder


def test_what_a_line_is_stays_fixed_when_the_product_changes(session: Session) -> None:
    product, plain = make_preorder_product(session), make_product(session)
    preorder, order = make_order(session, [(product, 3)]), make_order(session, [(plain, 3)])
    set_terms(session, product)
    set_terms(session, plain, is_eligible=True, launch_date=LAUNCH)
    for changed in (preorder, order):
        sales.change_quantity(session, changed.lines[0].id, Decimal(5))
        session.commit()
    assert (preorder.lines[0].is_preorder, order.lines[0].is_preorder) == (True, False)


# The limit


def test_the_limit_is_kept_at_confirmation_and_the_refusal_names_what_is_left(session: Session) -> None:
    product = make_preorder_product(session, limit=10, sku="P-1")
    make_order(session, [(product, 7)])
    assert "P-1: 4 are wanted, 3 of the preorder limit of 10 are left." in refusal(
        session, make_draft(session, [(product, 4)])
    )
    make_order(session, [(product, 3)])


def test_two_lines_of_one_order_count_together(session: Session) -> None:
    product = make_preorder_product(session, limit=10)
    assert "Line 2" in refusal(session, make_draft(session, [(product, 6), (product, 5)]))


def test_what_is_cancelled_is_free_for_others(session: Session) -> None:
    product = make_preorder_product(session, limit=10)
    order = make_order(session, [(product, 10)])
    sales.cancel_order(session, order.id)
    session.commit()
    make_order(session, [(product, 10)])


def test_the_limit_is_kept_when_a_quantity_is_raised(session: Session) -> None:
    product = make_preorder_product(session, limit=10)
    order = make_order(session, [(product, 7)])
    with pytest.raises(LinesRefused) as refused:
        sales.change_quantity(session, order.lines[0].id, Decimal(11))
    assert "11 are wanted, 10 of the preorder limit of 10 are left" in str(refused.value)
    session.rollback()
    sales.change_quantity(session, order.lines[0].id, Decimal(10))


def test_the_limit_is_kept_when_a_confirmed_order_gains_a_line(session: Session) -> None:
    product = make_preorder_product(session, limit=10)
    order = make_order(session, [(product, 7)])
    with pytest.raises(LinesRefused):
        sales.add_lines(session, order.id, [NewLine(product.id, Decimal(4))])
    session.rollback()
    sales.add_lines(session, order.id, [NewLine(product.id, Decimal(3))])
    session.commit()
    assert [line.is_preorder for line in order.lines] == [True, True]


def test_an_import_is_refused_by_row_where_the_limit_is_reached(session: Session) -> None:
    make_preorder_product(session, limit=10, sku="P-1")
    make_customer(session, code="C-1")
    session.commit()
    file = "number,customer,sku,quantity\nA,C-1,P-1,6\nB,C-1,P-1,5\nC,C-1,P-1,4\n"
    with pytest.raises(ImportRefused) as refused:
        import_csv(session, "sales_orders", file.encode())
    assert [(error.row, error.column) for error in refused.value.errors] == [(3, "sku")]
    session.rollback()
    import_csv(session, "sales_orders", file.replace("B,C-1,P-1,5\n", "").encode())
    session.commit()
    assert {line.is_preorder for order in session.scalars(select(Order)) for line in order.lines} == {True}


# Packing


def test_a_preorder_is_not_packed_before_the_launch(session: Session, at: Clock) -> None:
    product = make_preorder_product(session, sku="P-1")
    make_stock(session, product, 5)
    order = make_order(session, [(product, 3)])
    assert order.lines[0].allocated == 3
    with pytest.raises(NothingToPack) as refused:
        sales.pack_order(session, order.id)
    assert "P-1 is not packed before its launch on 2027-01-15." in str(refused.value)
    session.rollback()
    at("2027-01-15T08:00:00Z")
    sales.pack_order(session, order.id)
    session.commit()
    assert order.lines[0].packed == 3


def test_the_other_lines_leave_before_the_launch_unless_the_order_ships_complete(session: Session) -> None:
    product, plain = make_preorder_product(session), make_product(session)
    make_stock(session, product, 5)
    make_stock(session, plain, 5)
    parts = make_order(session, [(product, 1), (plain, 1)])
    whole = make_order(session, [(product, 1), (plain, 1)], shipping_policy=ShippingPolicy.complete)
    sales.pack_order(session, parts.id)
    session.commit()
    assert [line.packed for line in parts.lines] == [0, 1]
    with pytest.raises(ShipsComplete):
        sales.pack_order(session, whole.id)


# Backorder rows and the launch


def test_a_new_row_is_a_preorder_before_the_launch_and_counts_no_days(session: Session) -> None:
    make_order(session, [(make_preorder_product(session), 3)])
    assert rows(session) == [(BackorderKind.preorder, 3, None)]


def test_a_preorder_line_that_gets_its_row_after_the_launch_gets_a_backorder(
    session: Session, at: Clock, set_option: Callable[[str, str], None]
) -> None:
    set_option("sales.allocate_on_confirm", "no")
    product = make_preorder_product(session)
    make_order(session, [(product, 3)])
    at("2027-01-20T08:00:00Z")
    allocate(session, product)
    assert rows(session) == [(BackorderKind.backorder, 3, date(2027, 1, 20))]


def test_at_launch_the_job_turns_open_preorder_rows_into_backorders_that_count_from_that_day(
    session: Session, at: Clock
) -> None:
    product = make_preorder_product(session)
    make_order(session, [(product, 3)])
    later = make_preorder_product(session, launch_date=date(2027, 2, 1))
    make_order(session, [(later, 2)])
    assert jobs.launch_preorders(session) == "0 preorders launched."
    session.commit()
    at("2027-01-17T08:00:00Z")
    assert jobs.launch_preorders(session) == "1 preorder launched."
    session.commit()
    assert rows(session) == [(BackorderKind.backorder, 3, date(2027, 1, 17)), (BackorderKind.preorder, 2, None)]
    assert jobs.launch_preorders(session) == "0 preorders launched."


def test_a_launch_that_is_put_off_while_the_job_waits_for_the_lock_does_not_happen(
    session: Session, at: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = make_preorder_product(session)
    make_order(session, [(product, 3)])
    at("2027-01-17T08:00:00Z")

    def put_off(session: Session, product_ids: list[int]) -> None:
        monkeypatch.setattr(products, "lock_products", lock_products)
        lock_products(session, product_ids)
        services.save_product(session, product, PreorderTerms(is_eligible=True, launch_date=date(2027, 2, 1)))

    monkeypatch.setattr(products, "lock_products", put_off)
    assert jobs.launch_preorders(session) == "0 preorders launched."
    assert rows(session) == [(BackorderKind.preorder, 3, None)]


def test_a_product_that_cannot_be_launched_keeps_no_other_from_it(
    session: Session, at: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = make_preorder_product(session), make_preorder_product(session, sku="BAD")
    for product in (good, bad):
        make_order(session, [(product, 3)])
    bad_id = bad.id
    at("2027-01-17T08:00:00Z")

    def lock(session: Session, product_ids: list[int]) -> None:
        if bad_id in product_ids:
            raise ValueError("odd")
        lock_products(session, product_ids)

    monkeypatch.setattr(products, "lock_products", lock)
    with pytest.raises(SomeFailed) as refusal:
        jobs.launch_preorders(session)
    message = "1 preorder launched. 1 product failed and stayed as before: BAD (ValueError: odd)."
    assert str(refusal.value) == message
    assert rows(session) == [(BackorderKind.backorder, 3, date(2027, 1, 17)), (BackorderKind.preorder, 3, None)]


def test_closed_preorder_rows_stay_what_they_were(session: Session, at: Clock) -> None:
    product = make_preorder_product(session)
    make_order(session, [(product, 3)])
    make_stock(session, product, 3)
    allocate(session, product)
    at("2027-01-17T08:00:00Z")
    assert jobs.launch_preorders(session) == "0 preorders launched."
    assert rows(session)[0][0] is BackorderKind.preorder


def test_a_product_whose_launch_is_taken_back_is_launched_by_the_next_job(session: Session) -> None:
    product = make_preorder_product(session)
    make_order(session, [(product, 3)])
    set_terms(session, product)
    jobs.launch_preorders(session)
    session.commit()
    assert rows(session) == [(BackorderKind.backorder, 3, date(2026, 11, 23))]


def test_cancellation_days_count_from_the_day_on_which_the_job_sees_the_launch(
    session: Session, at: Clock, set_option: Callable[[str, str], None]
) -> None:
    set_option("sales.backorder_cancellation_days", "10")
    make_order(session, [(make_preorder_product(session), 3)])
    at("2027-01-16T08:00:00Z")
    jobs.launch_preorders(session)
    session.commit()
    at("2027-01-26T08:00:00Z")
    assert sales.cancel_overdue_backorders(session) == 0
    session.commit()
    at("2027-01-27T08:00:00Z")
    assert sales.cancel_overdue_backorders(session) == 1


# A launch that is put off


def launched_orders(session: Session, at: Clock, number: int) -> list[Product]:
    """Return launched products, each with a preorder of 3 that waits as a backorder since 17 January."""
    launched = [make_preorder_product(session) for _ in range(number)]
    make_order(session, [(product, 3) for product in launched])
    at("2027-01-17T08:00:00Z")
    jobs.launch_preorders(session)
    session.commit()
    return launched


def launched_order(session: Session, at: Clock) -> Product:
    return launched_orders(session, at, 1)[0]


def test_a_launch_that_is_put_off_makes_the_backorders_of_its_preorders_preorders_again(
    session: Session, at: Clock
) -> None:
    product = launched_order(session, at)
    make_order(session, [(product, 2)])
    set_terms(session, product, is_eligible=True, launch_date=date(2027, 1, 18))
    # The second order was taken after the launch: it is no preorder.
    assert rows(session) == [(BackorderKind.preorder, 3, None), (BackorderKind.backorder, 2, date(2027, 1, 17))]


@pytest.mark.parametrize("day", [date(2027, 1, 17), date(2027, 1, 10), None])
def test_a_launch_that_is_moved_to_no_later_day_than_today_changes_no_row(
    session: Session, at: Clock, day: date | None
) -> None:
    product = launched_order(session, at)
    set_terms(session, product, launch_date=day)
    assert rows(session) == [(BackorderKind.backorder, 3, date(2027, 1, 17))]


def test_closed_rows_stay_backorders_when_the_launch_is_put_off(session: Session, at: Clock) -> None:
    product = launched_order(session, at)
    make_stock(session, product, 3)
    allocate(session, product)
    set_terms(session, product, is_eligible=True, launch_date=date(2027, 3, 1))
    assert [kind for kind, *_ in rows(session)] == [BackorderKind.backorder]


def test_a_file_puts_off_launches_in_the_same_number_of_statements_for_any_number_of_products(
    session: Session, at: Clock, count_statements: Counting
) -> None:
    counted = []
    for number in (1, 30):
        skus = [product.sku for product in launched_orders(session, at, number)]
        file = "\n".join(["sku,name,launch_date", *(f"{sku},Game,2027-03-01" for sku in skus)]).encode()
        with count_statements() as statements:
            import_csv(session, "products", file)
            session.commit()
        counted.append(len(statements))
        assert {(kind, counts_from) for kind, _, counts_from in rows(session)} == {(BackorderKind.preorder, None)}
        at("2026-11-23T09:00:00Z")
    assert counted[0] == counted[1]


def test_the_launch_that_was_put_off_comes_at_last_and_the_days_count_from_then(session: Session, at: Clock) -> None:
    product = launched_order(session, at)
    set_terms(session, product, is_eligible=True, launch_date=date(2027, 2, 1))
    at("2027-02-03T08:00:00Z")
    assert jobs.launch_preorders(session) == "1 preorder launched."
    session.commit()
    assert rows(session) == [(BackorderKind.backorder, 3, date(2027, 2, 3))]


# The cancellation SLA and launches to come


def test_no_backorder_of_a_product_whose_launch_is_still_to_come_is_cancelled_however_long_it_waits(
    session: Session, at: Clock, set_option: Callable[[str, str], None]
) -> None:
    set_option("sales.backorder_cancellation_days", "5")
    set_option("sales.cancel_covered", "yes")
    product = make_product(session)
    make_order(session, [(product, 3)])
    other = make_product(session)
    make_order(session, [(other, 1)])
    at("2026-12-20T08:00:00Z")
    set_terms(session, product, launch_date=date(2027, 3, 1))
    assert sales.cancel_overdue_backorders(session) == 1
    session.commit()
    # It was ordered when no launch was known, so it is no preorder, and its row is a backorder.
    assert rows(session)[0] == (BackorderKind.backorder, 3, date(2026, 11, 23))
    at("2027-03-01T08:00:00Z")
    assert sales.cancel_overdue_backorders(session) == 1


def test_while_preorder_is_disabled_no_launch_spares_a_backorder(
    session: Session, at: Clock, set_option: Callable[[str, str], None]
) -> None:
    set_option("sales.backorder_cancellation_days", "5")
    product = make_product(session)
    make_order(session, [(product, 3)])
    set_terms(session, product, launch_date=date(2027, 3, 1))
    current_registry().disable(session, "backorder_email")
    current_registry().disable(session, "preorder")
    session.commit()
    at("2026-12-20T08:00:00Z")
    assert sales.cancel_overdue_backorders(session) == 1
