"""From the dashboard through the work queues: how many clicks a clerk needs."""

import pytest
from playwright.sync_api import expect

from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_order


@pytest.fixture
def click(clerk):
    """Return a function that clicks something in the page and counts the clicks."""

    def do(selector):
        do.count += 1
        clerk.page.locator("main").locator(selector).first.click()
        clerk.page.wait_for_load_state()

    do.count = 0
    return do


def test_the_oldest_waiting_order_is_allocated_with_two_clicks_and_ten_are_packed_with_three(clerk, behind, click):
    clerk.set_option("sales", "allocate_on_arrival", "no")
    with behind() as session:
        lamp = make_product(session, sku="LAMP")
        orders = [make_order(session, [(lamp, 2)], number=f"SO-{number:02}") for number in range(10)]
        for order in orders:
            order.lines[0].hold_allocation = True
        make_stock(session, lamp, 20)
    clerk.go("/")
    click("text=Waiting with supply")
    click("button[name=now]")
    assert click.count == 2
    clerk.sees("SO-00/1: 2 more allocated; all of it is allocated now; no longer held")

    clerk.go("/preorder/waiting/")
    click("button[name=action][value=allocate]")
    clerk.sees("9 would change")
    click("button[name=go]")
    clerk.sees("9 done")

    clerk.go("/")
    click.count = 0
    click("text=Ready to pack")
    click("button[name=action][value=pack]")
    clerk.sees("10 would change")
    click("button[name=go]")
    clerk.sees("10 done")
    assert click.count == 3
    clerk.go("/")
    expect(clerk.page.get_by_role("link", name="0 Ready to pack")).to_be_visible()
