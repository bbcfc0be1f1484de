"""What becomes of news when it is composed: one message an order, skipped and failed ones, and many at once."""

from decimal import Decimal

from sqlalchemy import func, select

from erp.models import RunEntry
from modules.backorder_email import services
from modules.backorder_email.delivery import compose_lost_runs, send_pending
from modules.backorder_email.models import News
from modules.backorder_email.states import MessageState
from modules.preorder.models import PurchaseAllocation
from modules.preorder.services import allocate_by_hand
from modules.procurement.services import set_status
from tests.support.backorder_email import (
    allocate_all,
    give_status,
    in_a_run,
    make_status_with_template,
    make_supply,
    make_template,
    messages,
    news,
    states,
)
from tests.support.inventory_lots import make_product
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_customer, make_order


def test_a_customer_without_an_address_is_skipped_with_the_reason(session):
    supply = make_supply(session, email="", name="Acme")
    allocate_all(supply)
    (message,) = messages(session)
    assert message.state is MessageState.skipped
    assert message.last_error == ("Customer Acme has no email address. Enter one on the page of the customer.")
    assert message.text


def test_a_customer_with_a_bad_address_is_skipped_with_the_reason(session):
    allocate_all(make_supply(session, email="acme at example.com"))
    (message,) = messages(session)
    assert message.state is MessageState.skipped
    assert "'acme at example.com' cannot be used" in message.last_error


def test_a_template_that_fails_fails_its_message_and_undoes_nothing(session):
    supply = make_supply(session, orders=2)
    template = make_template(session, subject="{% if lines|length > 1 %}x{% else %}{{ lines[1].sku }}{% endif %}")
    broken = make_status_with_template(session, template)
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
    assert compose_lost_runs() == 0
    at("2026-11-23T12:02:00Z")
    assert compose_lost_runs() == 1
    session.commit()
    assert states(session) == ["pending"]


def test_the_news_of_a_run_that_ended_without_composing_is_composed_at_once(session):
    supply = make_supply(session)
    allocate_by_hand(session, {(supply.line.id, supply.purchase_line.id): Decimal(2)})
    session.commit()
    session.get_one(RunEntry, news(session)[0].run_id).ended_at = news(session)[0].created_at
    session.commit()
    assert compose_lost_runs() == 1


def test_a_bulk_status_change_costs_the_same_for_many_orders(session, count_statements):
    def measured(lines):
        product = make_product(session)
        customers = [make_customer(session) for _ in range(lines)]
        orders = [make_order(session, [(product, 1)], customer=customer) for customer in customers]
        purchase = make_purchase_order(session, [{"product": product, "quantity": 1}] * lines)
        amounts = {(o.lines[0].id, p.id): Decimal(1) for o, p in zip(orders, purchase.lines, strict=True)}
        in_a_run(lambda session: allocate_by_hand(session, amounts))
        status = make_status_with_template(session)
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
    status = make_status_with_template(session)
    in_a_run(lambda session: set_status(session, ids, status.id))
    assert session.scalar(select(func.count()).select_from(News)) == 500
    assert len(messages(session)) == 10
    assert all(len(message.text.splitlines()) == 50 for message in messages(session))


def test_two_runs_about_one_order_are_two_messages_where_both_hold(session):
    supply = make_supply(session)
    give_status(supply, None)
    allocate_all(supply)
    give_status(supply, make_status_with_template(session))
    send_pending()
    give_status(supply, make_status_with_template(session))
    assert states(session) == ["sent", "pending"]
