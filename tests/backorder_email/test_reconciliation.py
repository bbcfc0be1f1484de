"""Messages that have not left are reconciled with what is true now."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from erp.registry import current_registry
from modules.backorder_email import services
from modules.backorder_email.delivery import compose_lost_runs
from modules.backorder_email.models import Message
from modules.backorder_email.services.batches import take_batch
from modules.backorder_email.states import Cause, DropReason, MessageState
from modules.inventory_lots.services import lock_products
from modules.preorder.models import PurchaseAllocation
from modules.preorder.services import allocate_by_hand, remove_purchase_allocations
from modules.procurement.domain import Delivery
from modules.procurement.services import receive
from modules.sales.models import OrderLine
from modules.sales.services import change_quantity, set_promise_dates, take_from
from tests.support.backorder_email import (
    allocate_all,
    edit_text,
    give_status,
    in_a_run,
    make_status_with_template,
    make_supply,
    make_template,
    messages,
    news,
    states,
)
from tests.support.inventory_lots import make_location, make_product, make_stock
from tests.support.preorder import broken
from tests.support.procurement import make_purchase_order, make_status
from tests.support.sales import make_order


def remove_allocations(session, *lines):
    """Remove the purchase allocations of order lines in one run."""
    ids = list(
        session.scalars(
            select(PurchaseAllocation.id).where(PurchaseAllocation.line_id.in_([line.id for line in lines]))
        )
    )
    in_a_run(lambda session: remove_purchase_allocations(session, ids))


def take_due(session):
    """Take what is due as a worker does, and return the ids. Commits."""
    found = take_batch(session, "worker", limit=100)
    session.commit()
    return [outgoing.id for outgoing in found.messages]


def make_two_lines(session):
    """Return a supply and an order of two lines, allocated in one run to two purchase lines of the same status."""
    supply = make_supply(session)
    product = make_product(session)
    order = make_order(session, [(supply.line.product, 1), (product, 3)])
    second = make_purchase_order(session, [{"product": product, "quantity": 9, "status": supply.status}])
    amounts = {
        (order.lines[0].id, supply.purchase_line.id): Decimal(1),
        (order.lines[1].id, second.lines[0].id): Decimal(3),
    }
    in_a_run(lambda session: allocate_by_hand(session, amounts))
    return supply, order, second


def test_a_message_whose_allocation_is_removed_is_superseded(session):
    supply = make_supply(session)
    allocate_all(supply)
    remove_allocations(session, supply.line)
    (message,) = messages(session)
    assert message.state is MessageState.superseded
    assert message.last_error == "A purchase order that it names is no longer allocated to this order."
    assert [row.dropped for row in news(session)] == [DropReason.removed]


def test_what_holds_for_the_other_lines_is_composed_again_in_the_same_transaction(session):
    _, order, second = make_two_lines(session)
    purchase_allocation_id = session.scalars(
        select(PurchaseAllocation.id).where(PurchaseAllocation.line_id == order.lines[0].id)
    ).one()
    remove_purchase_allocations(session, [purchase_allocation_id])
    found = session.scalars(select(Message).order_by(Message.id)).all()
    assert [message.state for message in found] == [MessageState.superseded, MessageState.pending]
    assert found[1].text == f"3 {order.lines[1].product.sku} from {second.number}\n"
    assert found[1].cause is Cause.purchase_allocated


def test_a_pair_that_is_allocated_again_is_new_news(session):
    supply = make_supply(session)
    allocate_all(supply)
    remove_allocations(session, supply.line)
    allocate_all(supply)
    assert states(session) == ["superseded", "pending"]
    assert len({row.source_id for row in news(session)}) == 2


def test_newer_news_of_a_line_supersedes_what_is_pending(session):
    supply = make_supply(session)
    allocate_all(supply)
    give_status(supply, make_status_with_template(session, name="Delayed"))
    old, new = messages(session)
    assert (old.state, new.state) == (MessageState.superseded, MessageState.pending)
    assert old.last_error == "There is newer news about the same lines."
    assert new.subject.endswith("Delayed")


def test_newer_news_of_one_line_keeps_the_news_of_the_others(session):
    supply, order, second = make_two_lines(session)
    give_status(supply, make_status_with_template(session, name="Delayed"))
    pending = messages(session, MessageState.pending)
    assert [message.cause for message in pending] == [Cause.purchase_allocated, Cause.status_changed]
    assert pending[0].text == f"3 {order.lines[1].product.sku} from {second.number}\n"
    assert pending[1].text == f"1 {order.lines[0].product.sku} from {supply.purchase.number}\n"


def test_a_new_status_without_a_template_supersedes_the_message_about_the_old_one(session):
    supply = make_supply(session)
    delayed, status = make_status_with_template(session), supply.status
    give_status(supply, make_status(session))
    allocate_all(supply)
    give_status(supply, delayed)
    give_status(supply, make_status(session))
    assert states(session) == ["superseded"]
    give_status(supply, status)
    assert states(session) == ["superseded", "pending"]


def test_an_allocation_to_a_second_purchase_order_joins_the_message_about_the_first(session):
    supply = make_supply(session)
    allocate_all(supply, quantity=1)
    line_id = supply.line.id
    second = make_purchase_order(session, [{"product": supply.line.product, "quantity": 9, "status": supply.status}])
    session.commit()
    amounts = {(line_id, second.lines[0].id): Decimal(1)}
    in_a_run(lambda session: allocate_by_hand(session, amounts))
    assert states(session) == ["superseded", "pending"]
    text = messages(session)[1].text
    assert supply.purchase.number in text and second.number in text


def test_a_message_about_a_new_promise_date_supersedes_the_one_about_the_allocation(session, set_option):
    make_template(session, name="Dates", subject="Date of {{ order.number }}")
    set_option("backorder_email.date_template", "Dates")
    supply = make_supply(session)
    allocate_all(supply)
    line_id = supply.line.id
    in_a_run(lambda session: set_promise_dates(session, {line_id: date(2027, 1, 5)}, cause="edit"))
    assert states(session) == ["superseded", "pending"]
    assert messages(session)[1].subject.startswith("Date of")


def test_an_edited_message_needs_review_instead(session):
    supply = make_supply(session)
    allocate_all(supply)
    (message,) = messages(session)
    edit_text(session, message, "My own words")
    give_status(supply, make_status_with_template(session, name="Delayed"))
    edited, newer = messages(session)
    assert edited.state is MessageState.needs_review
    assert edited.text == "My own words\n"
    assert edited.attention == "There is newer news about the same lines."
    assert newer.subject.endswith("Delayed")
    assert take_due(session) == [newer.id]


def test_an_edited_message_that_the_clerk_saves_again_leaves(session):
    supply = make_supply(session)
    allocate_all(supply)
    (message,) = messages(session)
    edit_text(session, message, "My own words")
    remove_allocations(session, supply.line)
    assert take_due(session) == []
    (message,) = messages(session)
    edit_text(session, message, "Sorry, not on its way any more")
    assert take_due(session) == [message.id]


def test_a_message_that_is_being_sent_is_not_superseded(session):
    supply = make_supply(session)
    allocate_all(supply)
    take_due(session)
    remove_allocations(session, supply.line)
    assert states(session) == ["sending"]


def test_received_goods_do_not_supersede_the_message(session):
    supply = make_supply(session)
    allocate_all(supply)
    location, line_id = make_location(session), supply.purchase_line.id
    session.commit()
    line = supply.purchase_line
    in_a_run(lambda session: receive(session, Delivery(line.id, Decimal(100), location.id, "A")))
    assert line_id
    assert states(session) == ["pending"]
    assert len(take_due(session)) == 1


def test_a_message_whose_facts_have_changed_is_composed_again_when_it_is_taken(session):
    supply = make_supply(session)
    template = make_template(
        session, subject="{{ customer.name }}", body="{{ lines[0].quantity }} by {{ lines[0].expected_on }}"
    )
    give_status(supply, make_status_with_template(session, template))
    allocate_all(supply)
    supply.orders[0].customer.name = "New Name"
    supply.orders[0].customer.email = "new@customers.example"
    supply.purchase_line.expected_on = date(2027, 3, 1)
    session.commit()
    found = take_batch(session, "worker", limit=10)
    session.commit()
    (outgoing,) = found.messages
    assert outgoing.subject == "New Name"
    assert outgoing.text == "2 by 2027-03-01\n"
    assert outgoing.recipient == "new@customers.example"
    assert len(messages(session)) == 1


def test_a_message_whose_customer_has_no_address_any_more_is_skipped_when_it_is_taken(session):
    supply = make_supply(session)
    allocate_all(supply)
    supply.orders[0].customer.email = ""
    session.commit()
    assert take_due(session) == []
    assert states(session) == ["skipped"]


def test_an_edited_message_keeps_the_address_that_the_clerk_gave_it(session):
    supply = make_supply(session)
    allocate_all(supply)
    (message,) = messages(session)
    services.edit(session, message.id, recipient="boss@customers.example", subject="S", text="T", html="")
    session.commit()
    found = take_batch(session, "worker", limit=10)
    assert found.messages[0].recipient == "boss@customers.example"


def test_a_smaller_allocation_is_sent_with_its_smaller_quantity(session):
    supply = make_supply(session)
    allocate_all(supply)
    line_id = supply.line.id
    in_a_run(lambda session: change_quantity(session, line_id, Decimal(1)))
    found = take_batch(session, "worker", limit=10)
    assert found.messages[0].text.startswith("1 ")


def disable(session, module):
    current_registry().disable(session, module)
    session.commit()


def enable(session, module):
    current_registry().enable(session, module)
    session.commit()


def test_what_happens_while_the_module_is_off_is_no_news(session):
    supply = make_supply(session)
    disable(session, "backorder_email")
    allocate_all(supply)
    give_status(supply, make_status_with_template(session))
    enable(session, "backorder_email")
    assert compose_lost_runs() == 0
    assert news(session) == []


def test_a_message_outdated_while_the_module_was_off_is_superseded_when_it_is_taken(session):
    supply = make_supply(session)
    allocate_all(supply)
    disable(session, "backorder_email")
    remove_allocations(session, supply.line)
    enable(session, "backorder_email")
    assert states(session) == ["pending"]
    assert take_due(session) == []
    assert states(session) == ["superseded"]


def test_a_failed_message_that_is_outdated_is_superseded_at_once(session):
    supply = make_supply(session)
    allocate_all(supply)
    (message,) = messages(session)
    message.state, message.last_error = MessageState.failed, "550 no"
    session.commit()
    remove_allocations(session, supply.line)
    assert states(session) == ["superseded"]


def test_news_composed_again_in_a_run_joins_the_message_of_the_run_about_the_same_cause(session):
    supply, order, second = make_two_lines(session)
    third = make_purchase_order(session, [{"product": order.lines[1].product, "quantity": 9, "status": supply.status}])
    session.commit()
    first_allocation = session.scalars(
        select(PurchaseAllocation.id).where(PurchaseAllocation.line_id == order.lines[0].id)
    ).one()
    second_allocation = session.scalars(
        select(PurchaseAllocation.id).where(PurchaseAllocation.line_id == order.lines[1].id)
    ).one()
    second_line = order.lines[1].id

    def work(session):
        remove_purchase_allocations(session, [second_allocation])
        session.commit()
        allocate_by_hand(session, {(second_line, third.lines[0].id): Decimal(3)})

    in_a_run(work)
    assert first_allocation
    (pending,) = messages(session, MessageState.pending)
    assert second.number not in pending.text
    assert len(pending.text.splitlines()) == 2


def test_superseding_many_messages_costs_the_same(session, count_statements):
    def measured(orders):
        supply = make_supply(session, orders=orders)
        allocate_all(supply)
        status = make_status_with_template(session)
        lock_products(session, [supply.line.product_id])
        session.commit()
        with count_statements() as sent:
            give_status(supply, status)
        assert len(messages(session, MessageState.superseded)) >= orders
        return len(sent)

    first = measured(2)
    assert measured(30) <= first + 2


@pytest.mark.parametrize("held", [True, False])
def test_a_line_without_news_is_never_named(session, held):
    supply = make_supply(session)
    other = make_product(session)
    order = make_order(session, [(supply.line.product, 1), (other, 1)])
    order.lines[1].hold_allocation = held
    session.commit()
    allocate_all(supply, orders=[order], quantity=1)
    (message,) = messages(session)
    assert other.sku not in message.text
    assert session.scalars(select(OrderLine.id).where(OrderLine.product_id == other.id)).one()


def test_taking_stock_from_another_order_leaves_true_news_on_both_sides(session, set_option):
    supply = make_supply(session)
    product = supply.line.product
    make_stock(session, product, supply.line.open_quantity)
    holder = make_order(session, [(product, supply.line.open_quantity)], priority=1)
    allocate_all(supply)
    assert states(session) == ["pending"]
    set_option("preorder.auto_allocate", "yes")
    amounts = {holder.lines[0].id: supply.line.need}
    in_a_run(lambda session: take_from(session, supply.line.id, amounts))
    old, new = messages(session)
    assert (old.state, old.order_id) == (MessageState.superseded, supply.line.order_id)
    assert (new.state, new.order_id) == (MessageState.pending, holder.id)
    assert broken(session) == []
