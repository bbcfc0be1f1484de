"""What becomes news, and what messages come of it."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from erp.models import RunEntry
from modules.backorder_email import services
from modules.backorder_email.delivery import send_pending
from modules.backorder_email.models import News
from modules.backorder_email.states import Cause, DropReason, MessageState
from modules.preorder.events import PurchaseAllocated
from modules.preorder.models import PurchaseAllocation
from modules.preorder.services import allocate_by_hand, remove_purchase_allocations, sync_promises
from modules.procurement.services import set_expected_dates, set_status
from modules.sales.services import set_promise_dates
from tests.support.backorder_email import (
    ARRIVAL,
    allocate_all,
    give_status,
    in_a_run,
    make_supply,
    make_telling_status,
    make_template,
    messages,
    news,
    states,
)
from tests.support.inventory_lots import make_product
from tests.support.procurement import make_purchase_order, make_status
from tests.support.sales import make_customer, make_order


@pytest.mark.option("backorder_email.on_link", "yes")
def test_a_link_to_a_line_in_a_telling_status_makes_one_message(session):
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


def test_a_link_to_a_line_whose_status_has_no_template_is_no_news(session):
    supply = make_supply(session)
    give_status(supply, make_status(session))
    allocate_all(supply)
    assert news(session) == []


def test_a_link_to_a_line_without_a_status_is_no_news(session):
    supply = make_supply(session)
    give_status(supply, None)
    allocate_all(supply)
    assert news(session) == []


@pytest.mark.option("backorder_email.on_link", "no")
def test_on_link_off_tells_nothing_of_links(session, set_option):
    set_option("backorder_email.on_link", "no")
    supply = make_supply(session)
    allocate_all(supply)
    assert news(session) == []


def test_the_default_status_of_a_first_link_is_told_by_the_link_alone(session, set_option):
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


def test_lines_whose_statuses_have_other_templates_are_told_in_other_messages(session):
    supply = make_supply(session)
    product = make_product(session)
    order = make_order(session, [(supply.line.product, 1), (product, 3)])
    other = make_telling_status(session)
    second = make_purchase_order(session, [{"product": product, "quantity": 9, "status": other}])
    amounts = {
        (order.lines[0].id, supply.purchase_line.id): Decimal(1),
        (order.lines[1].id, second.lines[0].id): Decimal(3),
    }
    in_a_run(lambda session: allocate_by_hand(session, amounts))
    assert len(messages(session)) == 2


def test_more_for_a_pair_that_is_linked_already_is_no_new_news(session):
    supply = make_supply(session)
    allocate_all(supply, quantity=1)
    allocate_all(supply, quantity=1)
    assert len(news(session)) == 1
    assert states(session) == ["pending"]


@pytest.mark.option("backorder_email.on_status", "yes")
def test_a_status_with_a_template_is_told_to_all_linked_orders(session):
    supply = make_supply(session, orders=3)
    give_status(supply, None)
    allocate_all(supply)
    delayed = make_telling_status(session, name="Delayed")
    give_status(supply, delayed)
    assert [message.order_id for message in messages(session)] == [order.id for order in supply.orders]
    assert {message.cause for message in messages(session)} == {Cause.status_changed}
    assert all(message.subject.endswith("Delayed") for message in messages(session))


@pytest.mark.option("backorder_email.on_status", "no")
def test_on_status_off_tells_nothing_of_statuses(session, set_option):
    set_option("backorder_email.on_status", "no")
    supply = make_supply(session)
    give_status(supply, None)
    allocate_all(supply)
    give_status(supply, make_telling_status(session))
    assert news(session) == []


def test_a_status_that_goes_a_b_a_is_three_pieces_of_news(session):
    supply = make_supply(session)
    first, second = supply.status, make_telling_status(session)
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


def test_a_status_that_changes_twice_in_one_run_is_told_once_as_it_is_now(session):
    supply = make_supply(session)
    second = make_telling_status(session)
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
    purchase_allocation_ids = tuple(session.scalars(select(PurchaseAllocation.id)))
    in_a_run(
        lambda session: services.write_allocation_news(
            session, PurchaseAllocated(purchase_allocation_ids).purchase_allocation_ids
        )
    )
    assert len(news(session)) == 1
    assert states(session) == ["pending"]


@pytest.fixture
def dates_are_notified(session, set_option):
    """A template for changed dates, named by its option."""
    dates = "{{ line.old_promise_date }} > {{ line.promise_date }} {{ line.purchase_order }}"
    body = f"{{% for line in lines %}}{dates}{{% endfor %}}"
    template = make_template(session, name="Dates", subject="{{ cause }}", body=body)
    set_option("backorder_email.date_template", "Dates")
    return template


def promise(line, day, **more):
    """Change a promise date as a clerk does."""
    line_id = line.id
    in_a_run(lambda session: set_promise_dates(session, {line_id: day}, **({"cause": "edit"} | more)))


def make_allocated(session):
    """Return a linked supply about which nothing is pending, promised for the day of arrival."""
    supply = make_supply(session)
    give_status(supply, None)
    allocate_all(supply)
    assert messages(session) == []
    assert supply.line.promise_date == ARRIVAL
    return supply


@pytest.mark.parametrize("cause", ["edit", "sync", "import"])
def test_a_changed_promise_date_of_a_linked_line_is_told(session, dates_are_notified, cause):
    supply = make_allocated(session)
    promise(supply.line, date(2027, 1, 5), cause=cause)
    (message,) = messages(session)
    assert message.subject == "date_changed"
    assert message.text == f"2026-12-10 > 2027-01-05 {supply.purchase.number}\n"


@pytest.mark.option("backorder_email.date_template", "Dates")
def test_a_synced_date_is_told(session, dates_are_notified):
    supply = make_allocated(session)
    line_id, purchase_line_id = supply.line.id, supply.purchase_line.id
    in_a_run(lambda session: set_expected_dates(session, {purchase_line_id: date(2027, 2, 1)}))
    in_a_run(lambda session: sync_promises(session, [line_id]))
    (message,) = messages(session)
    assert "2026-12-10 > 2027-02-01" in message.text


def test_a_date_that_allocation_sets_is_not_told(session, dates_are_notified):
    make_allocated(session)
    assert news(session) == []


def test_a_date_the_clerk_does_not_want_told_is_not(session, dates_are_notified):
    supply = make_allocated(session)
    promise(supply.line, date(2027, 1, 5), notify=False)
    assert news(session) == []


def test_a_date_of_a_line_that_is_not_linked_is_not_told(session, dates_are_notified):
    order = make_order(session)
    promise(order.lines[0], date(2027, 1, 5))
    assert news(session) == []


@pytest.mark.option("backorder_email.date_template", "")
def test_without_a_date_template_dates_are_not_told(session):
    supply = make_allocated(session)
    promise(supply.line, date(2027, 1, 5))
    assert news(session) == []


def test_a_date_template_that_does_not_exist_fails_with_its_option(session, set_option):
    set_option("backorder_email.date_template", "Nowhere")
    supply = make_allocated(session)
    promise(supply.line, date(2027, 1, 5))
    (message,) = messages(session)
    assert message.state is MessageState.failed
    assert (
        message.last_error == "There is no email template 'Nowhere', which option backorder_email.date_template names."
    )
    make_template(session, name="Nowhere", subject="Date")
    in_a_run(lambda session: services.retry(session, [message.id]))
    (message,) = messages(session)
    assert (message.state, message.subject, message.last_error) == (MessageState.pending, "Date", "")


def test_the_old_date_is_the_one_that_the_customer_knows(session, dates_are_notified):
    supply = make_allocated(session)
    promise(supply.line, date(2027, 1, 5))
    promise(supply.line, date(2027, 1, 9))
    assert states(session) == ["superseded", "pending"]
    assert messages(session)[1].text.startswith("2026-12-10 > 2027-01-09")


def test_a_date_that_is_again_what_the_customer_knows_is_not_told(session, dates_are_notified):
    supply = make_allocated(session)
    promise(supply.line, date(2027, 1, 5))
    promise(supply.line, ARRIVAL)
    assert states(session) == ["superseded"]
    assert [row.dropped for row in news(session)] == [DropReason.superseded, DropReason.unchanged]


@pytest.mark.option("backorder_email.cancellation_template", "Sorry")
def test_a_backorder_cancelled_after_its_days_is_told(session, set_option, at):
    from modules.sales.services import cancel_overdue_backorders

    make_template(session, name="Sorry", subject="{{ cause }}", body="{{ lines[0].quantity }} {{ lines[0].sku }}")
    set_option("backorder_email.cancellation_template", "Sorry")
    set_option("sales.backorder_cancellation_days", "10")
    order = make_order(session, [(make_product(session), 3)])
    at("2026-12-20T12:00:00Z")
    in_a_run(cancel_overdue_backorders)
    (message,) = messages(session)
    assert message.subject == "cancelled"
    assert message.text == f"3 {order.lines[0].product.sku}\n"


@pytest.fixture
def cancellations_are_notified(session, set_option):
    """A template for cancellations, named by its option, and the days after which a backorder is cancelled."""
    body = "{% for line in lines %}{{ line.quantity }} {{ line.sku }}\n{% endfor %}"
    make_template(session, name="Sorry", subject="{{ cause }}", body=body)
    set_option("backorder_email.cancellation_template", "Sorry")
    set_option("sales.backorder_cancellation_days", "10")


def make_half_covered(session):
    """Return an order line of five pieces of which two are linked to a purchase order."""
    supply = make_supply(session)
    give_status(supply, None)
    order = make_order(session, [(supply.line.product, 5)])
    allocate_all(supply, orders=[order], quantity=2)
    return order.lines[0]


def cancel_overdue(session, at, day, *, unlinking=()):
    """Let the daily job cancel what waits too long, after these links are undone."""
    from modules.sales.services import cancel_overdue_backorders

    at(f"{day}T12:00:00Z")
    if unlinking:
        in_a_run(lambda session: remove_purchase_allocations(session, list(unlinking)))
    in_a_run(cancel_overdue_backorders)


@pytest.mark.parametrize("first_has_left", [True, False])
def test_a_backorder_cancelled_in_two_parts_is_told_of_each_part_once(
    session, cancellations_are_notified, at, first_has_left
):
    line = make_half_covered(session)
    sku, order_id = line.product.sku, line.order_id
    cancel_overdue(session, at, "2026-12-20")
    if first_has_left:
        send_pending()
    purchase_allocations = list(session.scalars(select(PurchaseAllocation.id)))
    for day in ("2026-12-21", "2026-12-22"):
        cancel_overdue(session, at, day, unlinking=purchase_allocations if day.endswith("21") else ())
    notified = [message for message in messages(session) if message.order_id == order_id]
    if first_has_left:
        assert [message.text for message in notified] == [f"3 {sku}\n", f"2 {sku}\n"]
    else:
        assert [message.text for message in notified] == [f"3 {sku}\n", f"3 {sku}\n2 {sku}\n"]
        assert [message.state for message in notified] == [MessageState.superseded, MessageState.pending]


@pytest.mark.option("backorder_email.cancellation_template", "")
def test_without_a_cancellation_template_cancellations_are_not_told(session, set_option, at):
    from modules.sales.services import cancel_overdue_backorders

    set_option("sales.backorder_cancellation_days", "10")
    make_order(session, [(make_product(session), 3)])
    at("2026-12-20T12:00:00Z")
    in_a_run(cancel_overdue_backorders)
    assert news(session) == []


def test_a_backorder_that_a_clerk_cancels_is_not_told(session, set_option):
    from modules.sales.models import Backorder
    from modules.sales.services import cancel_backorder

    make_template(session, name="Sorry")
    set_option("backorder_email.cancellation_template", "Sorry")
    make_order(session, [(make_product(session), 3)])
    backorder_id = session.scalars(select(Backorder.id)).one()
    in_a_run(lambda session: cancel_backorder(session, backorder_id))
    assert news(session) == []


def test_a_link_undone_before_the_run_ends_is_not_told(session):
    supply = make_supply(session)
    amounts = {(supply.line.id, supply.purchase_line.id): Decimal(2)}

    def work(session):
        allocate_by_hand(session, amounts)
        session.commit()
        remove_purchase_allocations(session, list(session.scalars(select(PurchaseAllocation.id))))

    in_a_run(work)
    assert [row.dropped for row in news(session)] == [DropReason.removed]
    assert messages(session) == []


def test_a_customer_without_an_address_is_skipped_with_the_reason(session):
    supply = make_supply(session, email="", name="Acme")
    allocate_all(supply)
    (message,) = messages(session)
    assert message.state is MessageState.skipped
    assert message.last_error == "Customer Acme has no email address."
    assert message.text


def test_a_customer_with_a_bad_address_is_skipped_with_the_reason(session):
    allocate_all(make_supply(session, email="acme at example.com"))
    (message,) = messages(session)
    assert message.state is MessageState.skipped
    assert "'acme at example.com' cannot be used" in message.last_error


def test_a_template_that_fails_fails_its_message_and_undoes_nothing(session):
    supply = make_supply(session, orders=2)
    template = make_template(session, subject="{% if lines|length > 1 %}x{% else %}{{ lines[1].sku }}{% endif %}")
    broken = make_telling_status(session, template)
    give_status(supply, broken)
    allocate_all(supply)
    assert states(session) == ["failed", "failed"]
    assert "subject, line 1" in messages(session)[0].last_error
    assert session.scalar(select(func.count()).select_from(PurchaseAllocation)) == 2
    template = session.merge(template)
    template.subject = "Better"
    session.commit()
    first = messages(session)[0].id
    in_a_run(lambda session: services.retry(session, [first]))
    assert states(session) == ["pending", "failed"]
    assert messages(session)[0].subject == "Better"


def test_the_news_of_a_run_that_died_is_composed_later(session, at):
    supply = make_supply(session)
    allocate_by_hand(session, {(supply.line.id, supply.purchase_line.id): Decimal(2)})
    session.commit()
    assert len(news(session)) == 1
    assert services.compose_lost_runs(session) == 0
    at("2026-11-23T12:02:00Z")
    assert services.compose_lost_runs(session) == 1
    session.commit()
    assert states(session) == ["pending"]


def test_the_news_of_a_run_that_ended_without_composing_is_composed_at_once(session):
    supply = make_supply(session)
    allocate_by_hand(session, {(supply.line.id, supply.purchase_line.id): Decimal(2)})
    session.commit()
    session.get_one(RunEntry, news(session)[0].run_id).ended_at = news(session)[0].created_at
    session.commit()
    assert services.compose_lost_runs(session) == 1


def test_a_bulk_status_change_costs_the_same_for_many_orders(session, count_statements):
    def measured(lines):
        product = make_product(session)
        customers = [make_customer(session) for _ in range(lines)]
        orders = [make_order(session, [(product, 1)], customer=customer) for customer in customers]
        purchase = make_purchase_order(session, [{"product": product, "quantity": 1}] * lines)
        amounts = {(o.lines[0].id, p.id): Decimal(1) for o, p in zip(orders, purchase.lines, strict=True)}
        in_a_run(lambda session: allocate_by_hand(session, amounts))
        status = make_telling_status(session)
        ids = [line.id for line in purchase.lines]
        with count_statements() as sent:
            in_a_run(lambda session: set_status(session, ids, status.id))
        assert len([m for m in messages(session) if m.subject.endswith(f": {status.name}")]) == lines
        return len(sent)

    assert measured(40) <= measured(2) + 2


def test_a_bulk_status_change_on_500_lines_makes_one_message_an_order(session):
    product = make_product(session)
    orders = [make_order(session, [(product, 1)] * 50) for _ in range(10)]
    lines = [line for order in orders for line in order.lines]
    purchase = make_purchase_order(session, [{"product": product, "quantity": 1}] * 500)
    amounts = {(line.id, p.id): Decimal(1) for line, p in zip(lines, purchase.lines, strict=True)}
    in_a_run(lambda session: allocate_by_hand(session, amounts))
    ids = [line.id for line in purchase.lines]
    status = make_telling_status(session)
    in_a_run(lambda session: set_status(session, ids, status.id))
    assert session.scalar(select(func.count()).select_from(News)) == 500
    assert len(messages(session)) == 10
    assert all(len(message.text.splitlines()) == 50 for message in messages(session))
