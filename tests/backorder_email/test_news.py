"""Which news holds, which changes make news, and what messages are composed of it."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from modules.backorder_email import services
from modules.backorder_email.domain.news import NewsStatus, drop_reason, in_words
from modules.backorder_email.states import Cause, DropReason, MessageState
from modules.preorder.events import PurchaseAllocated
from modules.preorder.models import PurchaseAllocation
from modules.preorder.services import allocate_by_hand, remove_purchase_allocations
from modules.procurement.services import set_status
from modules.sales.models import OrderLine
from modules.sales.services import allocate_products
from tests.support.backorder_email import (
    allocate_all,
    give_status,
    in_a_run,
    make_status_with_template,
    make_supply,
    messages,
    news,
    states,
)
from tests.support.inventory_lots import make_product
from tests.support.procurement import make_purchase_order, make_status
from tests.support.sales import make_order


def news_status(cause=Cause.purchase_allocated, **overrides):
    return NewsStatus(**{"news_id": 1, "cause": cause, "is_allocated": True, "has_newer": False} | overrides)


@pytest.mark.parametrize("cause", [Cause.purchase_allocated, Cause.status_changed, Cause.date_changed])
def test_news_of_an_allocation_that_was_removed_is_dropped(cause):
    assert drop_reason(news_status(cause, is_allocated=False)) is DropReason.removed


def test_news_of_a_cancellation_holds_without_an_allocation():
    assert drop_reason(news_status(Cause.cancelled, is_allocated=False)) is None


@pytest.mark.parametrize("cause", list(Cause))
def test_superseded_news_is_dropped(cause):
    assert drop_reason(news_status(cause, has_newer=True)) is DropReason.superseded


def test_a_status_that_the_line_no_longer_has_is_superseded():
    assert drop_reason(news_status(Cause.status_changed, status_id=1, current_status_id=1, new_date=date.max)) is None
    assert drop_reason(news_status(Cause.status_changed, status_id=1, current_status_id=2)) is DropReason.superseded
    assert drop_reason(news_status(Cause.purchase_allocated, status_id=1, current_status_id=2)) is None


def test_a_date_that_did_not_move_for_the_customer_is_dropped():
    day = date(2026, 12, 1)
    assert drop_reason(news_status(Cause.date_changed, old_date=day, new_date=day)) is DropReason.unchanged
    assert drop_reason(news_status(Cause.date_changed, old_date=day, new_date=None)) is None


def test_each_reason_has_words():
    assert len({in_words([reason]) for reason in DropReason}) == len(DropReason)


@pytest.mark.option("backorder_email.on_link", "yes")
def test_an_allocation_to_a_line_whose_status_has_a_template_makes_one_message(session):
    supply = make_supply(session)
    allocate_all(supply)
    (message,) = messages(session)
    assert message.state is MessageState.pending
    assert message.cause is Cause.purchase_allocated
    assert message.recipient == supply.orders[0].customer.email
    assert message.subject == f"{supply.orders[0].number}: {supply.status.name}"
    assert message.text == f"2 {supply.line.product.sku} from {supply.purchase.number}\n"
    assert message.order_id == supply.orders[0].id
    assert message.template.name in str(message.template)


def test_an_allocation_to_a_line_whose_status_has_no_template_is_no_news(session):
    supply = make_supply(session)
    give_status(supply, make_status(session))
    allocate_all(supply)
    assert news(session) == []


def test_an_allocation_to_a_line_without_a_status_is_no_news(session):
    supply = make_supply(session)
    give_status(supply, None)
    allocate_all(supply)
    assert news(session) == []


@pytest.mark.option("backorder_email.on_link", "no")
def test_allocations_are_no_news_when_the_option_is_off(session, set_option):
    set_option("backorder_email.on_link", "no")
    supply = make_supply(session)
    allocate_all(supply)
    assert news(session) == []


def test_the_default_status_of_a_first_allocation_is_no_news_of_its_own(session, set_option):
    supply = make_supply(session)
    give_status(supply, None)
    set_option("preorder.default_line_status", supply.status.name)
    allocate_all(supply)
    (message,) = messages(session)
    assert message.cause is Cause.purchase_allocated
    assert message.subject.endswith(supply.status.name)
    assert [row.cause for row in news(session)] == [Cause.purchase_allocated]


def test_one_message_names_all_lines_of_an_order(session):
    supply = make_supply(session)
    product = make_product(session)
    order = make_order(session, [(supply.line.product, 1), (product, 3)])
    second = make_purchase_order(session, [{"product": product, "quantity": 9, "status": supply.status}])
    amounts = {
        (order.lines[0].id, supply.purchase_line.id): Decimal(1),
        (order.lines[1].id, second.lines[0].id): Decimal(3),
    }
    in_a_run(lambda session: allocate_by_hand(session, amounts))
    (message,) = messages(session)
    assert message.text.splitlines() == [
        f"1 {supply.line.product.sku} from {supply.purchase.number}",
        f"3 {product.sku} from {second.number}",
    ]


def test_lines_whose_statuses_have_different_templates_are_in_different_messages(session):
    supply = make_supply(session)
    product = make_product(session)
    order = make_order(session, [(supply.line.product, 1), (product, 3)])
    other = make_status_with_template(session)
    second = make_purchase_order(session, [{"product": product, "quantity": 9, "status": other}])
    amounts = {
        (order.lines[0].id, supply.purchase_line.id): Decimal(1),
        (order.lines[1].id, second.lines[0].id): Decimal(3),
    }
    in_a_run(lambda session: allocate_by_hand(session, amounts))
    assert len(messages(session)) == 2


def test_more_of_the_same_allocation_is_no_news(session):
    supply = make_supply(session)
    allocate_all(supply, quantity=1)
    allocate_all(supply, quantity=1)
    assert len(news(session)) == 1
    assert states(session) == ["pending"]


def test_a_line_that_has_of_a_purchase_order_by_hand_and_automatically_is_named_once_with_the_sum(session, set_option):
    set_option("preorder.auto_allocate", "yes")
    supply = make_supply(session, orders=0)
    product, purchase_line = supply.purchase_line.product, supply.purchase_line.id
    (line,) = in_a_run(lambda session: [line.id for line in make_order(session, [(product, 2)]).lines])
    session.get_one(OrderLine, line).quantity = Decimal(5)
    session.commit()
    in_a_run(lambda session: allocate_by_hand(session, {(line, purchase_line): Decimal(3)}))
    automatic, by_hand = session.scalars(select(PurchaseAllocation.id).order_by(PurchaseAllocation.id)).all()
    assert (len(news(session)), states(session)) == (1, ["pending"])
    delayed = make_status_with_template(session, name="Delayed")
    give_status(supply, delayed)
    assert messages(session)[-1].text == f"5 {product.sku} from {supply.purchase.number}\n"
    in_a_run(lambda session: remove_purchase_allocations(session, [automatic], hold=False))
    assert [row.dropped for row in news(session)][-1] is None
    in_a_run(lambda session: remove_purchase_allocations(session, [by_hand], hold=False))
    assert [row.dropped for row in news(session)][-1] is DropReason.removed


@pytest.mark.option("backorder_email.on_status", "yes")
def test_a_status_with_a_template_is_news_for_all_orders_that_are_allocated(session):
    supply = make_supply(session, orders=3)
    give_status(supply, None)
    allocate_all(supply)
    delayed = make_status_with_template(session, name="Delayed")
    give_status(supply, delayed)
    assert [message.order_id for message in messages(session)] == [order.id for order in supply.orders]
    assert {message.cause for message in messages(session)} == {Cause.status_changed}
    assert all(message.subject.endswith("Delayed") for message in messages(session))


@pytest.mark.option("backorder_email.on_status", "no")
def test_statuses_are_no_news_when_the_option_is_off(session, set_option):
    set_option("backorder_email.on_status", "no")
    supply = make_supply(session)
    give_status(supply, None)
    allocate_all(supply)
    give_status(supply, make_status_with_template(session))
    assert news(session) == []


def test_a_status_that_goes_a_b_a_is_three_pieces_of_news(session):
    supply = make_supply(session)
    first, second = supply.status, make_status_with_template(session)
    give_status(supply, None)
    allocate_all(supply)
    for status in (first, second, first):
        give_status(supply, status)
        for message in messages(session, MessageState.pending):
            message.state = MessageState.failed
            message.last_error = "Test"
        session.commit()
    assert len(news(session)) == 3
    assert len(messages(session)) == 3


def test_a_status_that_changes_twice_in_one_run_makes_one_message_with_the_last(session):
    supply = make_supply(session)
    second = make_status_with_template(session)
    give_status(supply, None)
    allocate_all(supply)

    def work(session):
        set_status(session, [supply.purchase_line.id], supply.status.id)
        session.commit()
        set_status(session, [supply.purchase_line.id], second.id)

    in_a_run(work)
    assert [row.dropped for row in news(session)] == [DropReason.superseded, None]
    (message,) = messages(session)
    assert message.subject.endswith(second.name)


def test_the_same_news_is_never_written_twice(session):
    supply = make_supply(session)
    allocate_all(supply)
    event = PurchaseAllocated(tuple(session.scalars(select(PurchaseAllocation.id))))
    in_a_run(lambda session: services.write_allocation_news(session, event))
    assert len(news(session)) == 1
    assert states(session) == ["pending"]


def test_news_of_an_allocation_removed_before_the_run_ends_is_dropped(session):
    supply = make_supply(session)
    amounts = {(supply.line.id, supply.purchase_line.id): Decimal(2)}

    def work(session):
        allocate_by_hand(session, amounts)
        session.commit()
        remove_purchase_allocations(session, list(session.scalars(select(PurchaseAllocation.id))))

    in_a_run(work)
    assert [row.dropped for row in news(session)] == [DropReason.removed]
    assert messages(session) == []


def test_news_is_undone_with_the_transaction_that_makes_it(session):
    supply = make_supply(session)
    allocate_by_hand(session, {(supply.line.id, supply.purchase_line.id): Decimal(2)})
    session.rollback()
    assert session.scalar(select(func.count()).select_from(PurchaseAllocation)) == 0
    assert news(session) == []


def test_a_new_order_that_is_allocated_automatically_makes_a_message(session, set_option):
    set_option("preorder.auto_allocate", "yes")
    supply = make_supply(session, orders=0)
    product = supply.purchase_line.product
    product_id, expected = product.id, f"2 {product.sku} from {supply.purchase.number}\n"
    in_a_run(lambda session: make_order(session, [(product, 2)]))
    assert [message.text for message in messages(session)] == [expected]
    in_a_run(lambda session: allocate_products(session, [product_id]))
    assert states(session) == ["pending"]


def test_an_exchange_for_earlier_supply_is_no_news_and_undoes_what_did_not_leave(session, set_option):
    set_option("preorder.auto_allocate", "yes")
    supply = make_supply(session, orders=0)
    product, status = supply.purchase_line.product, supply.status
    supply.purchase_line.expected_on = date(2027, 3, 1)
    in_a_run(lambda session: make_order(session, [(product, 2)]))
    make_purchase_order(session, [{"product": product, "expected_on": date(2026, 12, 1), "status": status}])
    session.commit()
    in_a_run(lambda session: allocate_products(session, [product.id]))
    assert session.scalars(select(PurchaseAllocation.quantity)).all() == [2]
    assert [(row.cause, row.dropped) for row in news(session)] == [(Cause.purchase_allocated, DropReason.removed)]
    assert states(session) == ["superseded"]


def test_what_is_exchanged_before_anybody_was_notified_is_news_of_what_was_taken(session, set_option):
    set_option("preorder.auto_allocate", "yes")
    supply = make_supply(session, orders=0)
    product, status = supply.purchase_line.product, supply.status
    supply.purchase_line.expected_on = date(2027, 3, 1)

    def order_and_find_earlier_supply(session):
        make_order(session, [(product, 2)])
        make_purchase_order(session, [{"product": product, "expected_on": date(2026, 12, 1), "status": status}])
        allocate_products(session, [product.id])

    in_a_run(order_and_find_earlier_supply)
    assert [row.dropped for row in news(session)] == [DropReason.removed, None]
    assert states(session) == ["pending"]
