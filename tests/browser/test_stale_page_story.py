"""Two clerks enter the same delivery: the page of the second is refused, and keeps what was typed."""

import pytest
from playwright.sync_api import expect
from sqlalchemy import func, select

from modules.inventory_lots.models import Balance
from tests.support.inventory_lots import make_location, make_product
from tests.support.procurement import make_purchase_order


@pytest.fixture
def page_of_receipt(behind):
    """The address of the page that receives a purchase order of 20."""
    with behind() as session:
        make_location(session, "WH/A")
        product = make_product(session, sku="LAMP", name="Desk lamp")
        order = make_purchase_order(session, [{"product": product, "quantity": 20}])
        return f"/procurement/purchase-orders/{order.id}/receive/"


def enter(page):
    page.get_by_label("Received, line 1").fill("10")
    page.get_by_label("Location, line 1").fill("WH/A")
    page.get_by_label("Lot, line 1").fill("L1")


def send(page):
    page.locator("main form button.btn-primary").click()
    page.wait_for_load_state()


def test_the_second_of_two_pages_of_one_delivery_is_refused_and_keeps_what_was_typed(clerk, behind, page_of_receipt):
    first, second = clerk.page, clerk.page.context.new_page()
    for page in (first, second):
        page.goto(page_of_receipt)
        enter(page)
    send(first)
    expect(first.get_by_role("heading", name="Order lines")).to_be_visible()
    send(second)
    expect(second.get_by_role("alert")).to_contain_text("received of line 1 is now 10, was 0 when this page was opened")
    expect(second.get_by_label("Received, line 1")).to_have_value("10")
    expect(second.get_by_label("Lot, line 1")).to_have_value("L1")
    with behind() as session:
        assert session.scalar(select(func.sum(Balance.on_hand))) == 10
