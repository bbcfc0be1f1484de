"""Pack Allocated Order on screen, and the list of packs."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from modules.inventory_lots.services import hold_lot
from modules.inventory_lots.states import Tracking
from modules.sales.models import Allocation, Pack
from modules.sales.states import OrderState
from tests.support.inventory_lots import make_product, make_serials, make_stock
from tests.support.sales import make_order

pytestmark = pytest.mark.usefixtures("by_hand")


def test_the_story_of_the_two_screws(session, desk, order, screws):
    desk.order(order, "allocate")
    page = desk.order(order, "pack")
    assert [row[4] for row in page.rows("pack-result")] == ["15", "10", "22"]
    assert page.rows("backorder-lines")[0][3] == "3"
    make_stock(session, screws[1], 100, lot="T2")
    page = desk.order(order, "allocate")
    assert [row[2:6] for row in page.rows("allocation-lines")][-1] == ["T2", "WH/STOCK", "3", "0"]
    assert "Allocated" in page.rows("backorder-lines")[0]
    assert "fa-check-square-o" in page.html
    page = desk.order(order, "pack")
    assert [row[5] for row in page.rows("packs")] == ["15", "10", "22", "3"]
    assert "Done" in page.text
    assert order.state == OrderState.done


def test_pack_shows_the_packing_slip(session, desk, order):
    desk.order(order, "allocate")
    page = desk.order(order, "pack")
    assert "PK00001 is packed." in page.text
    pack = session.scalars(select(Pack)).one()
    slip = desk.open(f"/sales/packs/{pack.id}/slip/")
    assert slip.status == 200
    assert all(word in slip.text for word in ("Packing slip", "PK00001", order.number, order.customer.name, "B2", "22"))
    assert "erp-side" not in slip.html


def test_packing_twice_packs_once(session, desk, order):
    desk.order(order, "allocate")
    desk.order(order, "pack")
    page = desk.order(order, "pack")
    assert page.status == 409
    assert f"{order.number} has nothing to pack. Nothing is allocated." in page.text
    assert session.scalar(select(func.count()).select_from(Pack)) == 1


def test_pack_says_what_stays_behind_and_why(session, desk, order):
    desk.order(order, "allocate")
    lot_id = session.scalars(select(Allocation).order_by(Allocation.id)).first().balance.lot_id
    session.commit()
    hold_lot(session, lot_id)
    session.commit()
    page = desk.order(order, "pack")
    assert "15 of [BRASS] Brass Screw, lot B1 at WH/STOCK. The lot is on hold." in page.text
    assert [row[2] for row in page.rows("pack-result")] == ["B2", "T1"]


def test_packing_asks_for_serial_numbers(session, desk, screws):
    phone = make_product(session, sku="PHONE", tracking=Tracking.serial)
    make_serials(session, phone, "SN 1", "SN 2", "SN 3")
    order = make_order(session, [(phone, 2), (screws[1], 1)])
    desk.order(order, "allocate")
    line = order.lines[0]
    asks = desk.open(f"/sales/orders/{order.id}/pack-serials/")
    assert "In stock: SN 1, SN 2, SN 3" in asks.text
    page = desk.order(order, "pack-serials", **{f"serials-{line.id}": "SN 3\r\n\r\nSN 1 "})
    assert [row[2] for row in page.rows("pack-result")] == ["SN 3", "SN 1", "T1"]
    assert line.packed == 2
    assert order.state == OrderState.done


def test_serial_numbers_may_be_left_for_later(session, desk, screws):
    phone = make_product(session, tracking=Tracking.serial)
    order = make_order(session, [(phone, 2), (screws[1], 1)])
    desk.order(order, "allocate")
    desk.order(order, "pack-serials")
    assert [line.packed for line in order.lines] == [0, 1]


def test_packs_are_listed_and_shown(session, desk, order):
    desk.order(order, "allocate")
    desk.order(order, "pack")
    page = desk.open("/sales/packs/", search=order.number)
    assert "PK00001" in page.text
    pack = session.scalars(select(Pack)).one()
    assert all(word in desk.open(f"/sales/packs/{pack.id}/").text for word in ("B1", "15", "Packing slip"))
