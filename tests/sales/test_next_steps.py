"""What is to be done next with a sales order."""

from __future__ import annotations

from modules.inventory_lots.states import Tracking
from modules.sales.admin.next_steps import next_step
from modules.sales.models import Order
from modules.sales.states import ShippingPolicy
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import allocate, make_draft, make_order


def test_a_draft_is_confirmed_next(session):
    assert next_step(session, make_draft(session, [(make_product(session), 3)])).action == "confirm"


def test_an_order_of_which_nothing_is_allocated_is_allocated_next(session):
    order = make_order(session, [(make_product(session), 3)])
    assert next_step(session, order).action == "allocate"


def test_an_order_with_stock_is_packed_next_and_counts_its_lines_in_stock(session):
    lamp, cable = make_product(session), make_product(session)
    make_stock(session, lamp, 3)
    order = make_order(session, [(lamp, 3), (cable, 2)])
    allocate(session, lamp)
    step = next_step(session, order)
    assert (step.action, step.text) == ("pack", "pack what is allocated: 1 of 2 lines is in stock.")


def test_an_order_that_leaves_in_one_piece_waits_for_all_of_it(session):
    lamp, cable = make_product(session), make_product(session)
    make_stock(session, lamp, 3)
    order = make_order(session, [(lamp, 3), (cable, 2)])
    allocate(session, lamp)
    order.shipping_policy = ShippingPolicy.complete
    assert next_step(session, order).action == "allocate"


def test_an_order_of_serial_numbers_asks_for_them(session):
    order = make_order(session, [(make_product(session, tracking=Tracking.serial), 1)])
    assert next_step(session, order).action == "pack-serials"


def test_the_next_step_is_the_one_primary_button_of_the_page(session, client):
    lamp = make_product(session)
    make_stock(session, lamp, 3)
    order: Order = make_order(session, [(lamp, 3)])
    allocate(session, lamp)
    session.commit()
    page = client.get(f"/sales/orders/{order.id}/").get_data(as_text=True)
    head = page.partition('class="erp-head"')[2].partition("erp-summary")[0]
    assert head.count("btn-primary") == 1
    assert head.index("Pack Allocated Order") < head.index("Allocate Order</button>")
