"""When emails say that goods are expected: on the day that every screen says, which coverage computes."""

import re
from datetime import timedelta
from html import unescape

import pytest

from erp import clock
from modules.preorder.domain import PreorderTerms
from modules.preorder.queries import line_coverage
from modules.preorder.services import save_product
from modules.sales.models import OrderLine
from tests.backorder_email.pages import page, words
from tests.support.backorder_email import (
    ARRIVAL,
    allocate_all,
    give_status,
    make_status_with_template,
    make_supply,
    make_template,
    messages,
)
from tests.support.inventory_lots import make_product
from tests.support.preorder import allocate_purchase
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_order

BODY = "{% for line in lines %}{{ line.purchase_order }}: {{ line.expected_on }}{% endfor %}"


@pytest.fixture
def delayed(session):
    """A status whose template says when the goods are expected, to be given to the supply."""
    return make_status_with_template(session, make_template(session, body=BODY), name="Delayed")


def written(session, supply, status):
    """Give the supply the status, and return what the message about it says."""
    give_status(supply, status)
    return messages(session)[-1].text


def expected(session, line):
    """Return the expected date of a line as screens, lists and exports read it."""
    return line_coverage(session, OrderLine.id == line.id)[line.id].expected


def test_a_line_on_two_purchase_orders_is_expected_with_the_later_one(session, delayed):
    supply = make_supply(session)
    line = supply.orders[0].lines[0]
    later = make_purchase_order(
        session, [{"product": line.product, "quantity": 9, "expected_on": ARRIVAL + timedelta(9)}]
    )
    allocate_all(supply, quantity=1)
    allocate_purchase(session, line, later.lines[0], 1)
    assert written(session, supply, delayed) == f"{supply.purchase.number}: {ARRIVAL + timedelta(9)}\n"


def test_overdue_supply_is_expected_when_it_counts_as_arriving(session, delayed, set_option):
    set_option("preorder.overdue_supply_days", "5")
    supply = make_supply(session)
    allocate_all(supply)
    supply.purchase_line.expected_on = clock.today() - timedelta(3)
    session.commit()
    assert written(session, supply, delayed) == f"{supply.purchase.number}: {clock.today() + timedelta(5)}\n"


def test_a_preorder_is_expected_at_its_launch(session, delayed):
    supply = make_supply(session)
    line, launch = supply.orders[0].lines[0], ARRIVAL + timedelta(30)
    allocate_all(supply)
    line.is_preorder = True
    session.commit()
    save_product(session, line.product, PreorderTerms(True, launch, None))
    session.commit()
    assert written(session, supply, delayed) == f"{supply.purchase.number}: {launch}\n"


def test_a_line_that_is_covered_in_part_has_no_date(session, delayed):
    supply = make_supply(session)
    allocate_all(supply, quantity=1)
    assert written(session, supply, delayed) == f"{supply.purchase.number}:\n"


def test_an_order_that_ships_complete_is_expected_with_its_last_line(session, delayed):
    supply = make_supply(session)
    order, late = supply.orders[0], ARRIVAL + timedelta(20)
    other = make_product(session)
    whole = make_order(session, [(order.lines[0].product, 2), (other, 1)], shipping_policy="complete")
    purchase = make_purchase_order(session, [{"product": other, "quantity": 5, "expected_on": late}])
    allocate_purchase(session, whole.lines[1], purchase.lines[0], 1)
    allocate_all(supply, orders=[whole])
    assert written(session, supply, delayed) == f"{supply.purchase.number}: {late}\n"
    assert expected(session, whole.lines[0]) == late


def test_a_sample_of_an_allocation_says_the_date_that_the_line_would_have(session, client):
    supply = make_supply(session)
    line = supply.orders[0].lines[0]
    template = make_template(session, name="Dated", body=BODY)
    give_status(supply, make_status_with_template(session, template))
    html = page(client, f"/sales/orders/{line.order_id}/lines/{line.id}/allocate/")
    (address, *_) = re.findall(r'href="(/emails/pending/sample/[^"]*)"', html)
    assert f"{supply.purchase.number}: {ARRIVAL}" in words(page(client, unescape(address)))
    assert expected(session, line) is None, "a sample allocates nothing"
