"""From the dashboard through the work queues: how many clicks a clerk needs."""

from playwright.sync_api import expect

from tests.browser.tasks import task
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_order


def test_the_oldest_waiting_order_is_allocated_and_ten_are_packed_with_few_clicks(clerk, behind):
    page, main = clerk.page, clerk.page.locator("main")
    clerk.set_option("sales", "allocate_on_arrival", "no")
    with behind() as session:
        lamp = make_product(session, sku="LAMP")
        orders = [make_order(session, [(lamp, 2)], number=f"SO-{number:02}") for number in range(10)]
        for order in orders:
            order.lines[0].hold_allocation = True
        make_stock(session, lamp, 20)
    clerk.go("/")
    with task(clerk, "Allocate the oldest waiting order, from the dashboard"):
        main.get_by_role("link", name="Waiting with supply").click()
        main.locator("button[name=now]").first.click()
        clerk.sees("SO-00/1: 2 more allocated; all of it is allocated now; no longer held")

    clerk.go("/preorder/waiting/")
    main.locator("button[name=action][value=allocate]").click()
    clerk.sees("9 would change")
    main.locator("button[name=go]").click()
    clerk.sees("9 done")

    clerk.go("/")
    with task(clerk, "Pack ten ready orders, from the dashboard"):
        main.get_by_role("link", name="Ready to pack").click()
        main.locator("button[name=action][value=pack]").click()
        clerk.sees("10 would change")
        main.locator("button[name=go]").click()
        clerk.sees("10 done")
    clerk.go("/")
    expect(page.get_by_role("link", name="0 Ready to pack")).to_be_visible()
