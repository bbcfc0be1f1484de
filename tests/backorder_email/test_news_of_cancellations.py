"""News of backorders that were cancelled because they waited too long."""

import pytest
from sqlalchemy import select

from erp import jobs
from modules.backorder_email.delivery import send_pending
from modules.backorder_email.states import Cause, MessageState
from modules.preorder.models import PurchaseAllocation
from modules.preorder.services import remove_purchase_allocations
from tests.support.backorder_email import (
    allocate_all,
    give_status,
    in_a_run,
    make_supply,
    make_template,
    messages,
    news,
    states,
)
from tests.support.inventory_lots import make_product
from tests.support.sales import make_order


@pytest.mark.option("backorder_email.cancellation_template", "Sorry")
def test_a_backorder_cancelled_after_its_days_is_news(session, set_option, at):
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
def cancellation_template(session, set_option):
    """A template for cancellations, named by its option, and the days after which a backorder is cancelled."""
    body = "{% for line in lines %}{{ line.quantity }} {{ line.sku }}\n{% endfor %}"
    make_template(session, name="Sorry", subject="{{ cause }}", body=body)
    set_option("backorder_email.cancellation_template", "Sorry")
    set_option("sales.backorder_cancellation_days", "10")


def make_half_covered(session):
    """Return an order line of five pieces of which two are allocated to a purchase order."""
    supply = make_supply(session)
    give_status(supply, None)
    order = make_order(session, [(supply.line.product, 5)])
    allocate_all(supply, orders=[order], quantity=2)
    return order.lines[0]


def cancel_overdue(session, at, day, *, removing=()):
    """Let the daily job cancel what waits too long, after these purchase allocations were removed."""
    from modules.sales.services import cancel_overdue_backorders

    at(f"{day}T12:00:00Z")
    if removing:
        in_a_run(lambda session: remove_purchase_allocations(session, list(removing)))
    in_a_run(cancel_overdue_backorders)


@pytest.mark.parametrize("first_has_left", [True, False])
def test_each_part_of_a_backorder_cancelled_in_two_parts_is_news_once(
    session, cancellation_template, at, first_has_left
):
    line = make_half_covered(session)
    sku, order_id = line.product.sku, line.order_id
    cancel_overdue(session, at, "2026-12-20")
    if first_has_left:
        send_pending()
    purchase_allocations = list(session.scalars(select(PurchaseAllocation.id)))
    for day in ("2026-12-21", "2026-12-22"):
        cancel_overdue(session, at, day, removing=purchase_allocations if day.endswith("21") else ())
    about_line = [message for message in messages(session) if message.order_id == order_id]
    if first_has_left:
        assert [message.text for message in about_line] == [f"3 {sku}\n", f"2 {sku}\n"]
    else:
        assert [message.text for message in about_line] == [f"3 {sku}\n", f"3 {sku}\n2 {sku}\n"]
        assert [message.state for message in about_line] == [MessageState.superseded, MessageState.pending]


@pytest.mark.option("backorder_email.cancellation_template", "")
def test_without_a_cancellation_template_cancellations_are_no_news(session, set_option, at):
    from modules.sales.services import cancel_overdue_backorders

    set_option("sales.backorder_cancellation_days", "10")
    make_order(session, [(make_product(session), 3)])
    at("2026-12-20T12:00:00Z")
    in_a_run(cancel_overdue_backorders)
    assert news(session) == []


def test_a_backorder_that_a_clerk_cancels_is_no_news(session, set_option):
    from modules.sales.models import Backorder
    from modules.sales.services import cancel_backorder

    make_template(session, name="Sorry")
    set_option("backorder_email.cancellation_template", "Sorry")
    make_order(session, [(make_product(session), 3)])
    backorder_id = session.scalars(select(Backorder.id)).one()
    in_a_run(lambda session: cancel_backorder(session, backorder_id))
    assert news(session) == []


def test_the_daily_job_that_cancels_notifies_the_customers(session, set_option, at):
    make_template(session, name="Sorry", subject="{{ cause }}")
    set_option("backorder_email.cancellation_template", "Sorry")
    set_option("sales.backorder_cancellation_days", "10")
    make_supply(session, orders=2)
    at("2026-12-20T12:00:00Z")
    jobs.run("cancel-overdue-backorders")
    assert [message.cause for message in messages(session)] == [Cause.cancelled] * 2
    jobs.run("cancel-overdue-backorders")
    assert states(session) == ["pending"] * 2
