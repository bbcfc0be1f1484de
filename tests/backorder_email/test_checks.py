"""What `erp check` says about news and messages."""

from modules.backorder_email.queries import broken_invariants
from modules.backorder_email.states import DropReason
from tests.support.backorder_email import allocate_all, make_message, make_supply, messages, news


def test_a_queue_in_order_has_no_breach(session):
    allocate_all(make_supply(session, orders=2))
    make_message(session)
    assert list(broken_invariants(session)) == []


def test_a_message_without_news_that_holds_is_a_breach(session):
    supply = make_supply(session)
    allocate_all(supply)
    (row,) = news(session)
    row.dropped = DropReason.removed
    session.flush()
    (breach,) = broken_invariants(session)
    assert breach == (
        f"Email {row.message_id} to the customer of sales order {supply.orders[0].number} is pending, "
        "but all its news was dropped."
    )


def test_news_of_another_order_is_a_breach(session):
    supply = make_supply(session, orders=2)
    allocate_all(supply)
    first, second = messages(session)
    news(session)[0].message_id = second.id
    session.flush()
    breaches = list(broken_invariants(session))
    assert breaches[0] == f"Email {second.id} has news of sales order {supply.orders[0].number}, which it is not about."
    assert first.id != second.id
