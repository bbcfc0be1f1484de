"""Reverse Pack on screen: chosen, explained, and shown on the pack."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from modules.inventory_lots.services import hold_lot
from modules.sales.models import Allocation, Pack
from modules.sales.states import OrderState
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_order

pytestmark = pytest.mark.usefixtures("by_hand")


@pytest.fixture
def pack(session, desk, order):
    """The pack of the story: 15 and 10 of the one screw, 22 of the other."""
    desk.order(order, "allocate")
    desk.order(order, "pack")
    return session.scalars(select(Pack)).one()


def reverse(desk, pack, *lines, **fields):
    chosen = [str(pack.lines[at].id) for at in lines]
    return desk.press(f"/sales/packs/{pack.id}/reverse/", **{"row": chosen, "why": "Wrong parcel"} | fields)


def test_packing_offers_to_undo_it(desk, order):
    desk.order(order, "allocate")
    page = desk.order(order, "pack")
    assert "Undo PK00001" in page.text
    assert 'href="/sales/packs/1/reverse/"' in page.html


def test_the_page_says_what_follows_for_each_line(session, desk, pack):
    hold_lot(session, pack.lines[0].balance.lot_id)
    session.commit()
    page = desk.open(f"/sales/packs/{pack.id}/reverse/")
    assert "WH/STOCK 15 free, on hold" in page.text
    assert "WH/RACK 10 allocated again" in page.text
    assert page.html.count(" checked") == 3


def test_chosen_lines_return_and_the_pack_shows_it(session, desk, order, pack):
    page = reverse(desk, pack, 0, 2)
    assert f"Reversed for {order.customer.name}, {order.number}: 15 of BRASS (line 1, allocated again)" in page.text
    assert [[*row[:1], *row[2:6], row[8]] for row in page.rows("pack-reversals")] == [
        ["1", "B1", "WH/STOCK", "15", "Allocated again", "Wrong parcel"],
        ["2", "T1", "WH/STOCK", "22", "Allocated again", "Wrong parcel"],
    ]
    assert [row[4:6] for row in page.rows("pack-lines")] == [["15", "15"], ["10", "0"], ["22", "22"]]
    assert "Part reversed" in page.text
    shown = desk.order(order)
    assert [row[5:7] for row in shown.rows("packs")] == [["15", "15"], ["10", "0"], ["22", "22"]]
    slip = desk.open(f"/sales/packs/{pack.id}/slip/")
    assert "B2" in slip.text and "B1" not in slip.text


def test_when_all_of_it_is_reversed_it_cannot_be_reversed_again(desk, order, pack):
    page = reverse(desk, pack, 0, 1, 2)
    assert "Reverse Pack" not in page.buttons
    assert "Reversed" in desk.open("/sales/packs/").text
    assert "All of this pack was reversed." in desk.open(f"/sales/packs/{pack.id}/slip/").text
    assert reverse(desk, pack, 0).status == 409


def test_free_and_hold_are_offered_and_not_ticked(session, desk, order, pack):
    page = desk.open(f"/sales/packs/{pack.id}/reverse/")
    assert "Free it" in page.text and "Hold allocation" in page.text
    reverse(desk, pack, 1, free="y", hold_allocation="y")
    line = order.lines[0]
    assert (line.packed, line.allocated, line.hold_allocation) == (15, 0, True)
    assert len(session.scalars(select(Allocation)).all()) == 2


@pytest.mark.parametrize("fields", [{"why": ""}, {"row": []}])
def test_without_a_reason_or_a_choice_nothing_returns(desk, order, pack, fields):
    assert reverse(desk, pack, 0, **fields).status in (409, 422)
    assert [line.packed for line in order.lines] == [25, 22]


def test_an_order_that_was_done_is_confirmed_again(session, desk):
    product = make_product(session)
    make_stock(session, product, 3)
    order = make_order(session, [(product, 3)])
    desk.order(order, "allocate")
    desk.order(order, "pack")
    assert order.state is OrderState.done
    reverse(desk, session.scalars(select(Pack)).one(), 0)
    assert order.state is OrderState.confirmed


def test_goods_from_two_warehouses_are_two_packs_and_the_answer_names_each(session, desk):
    product = make_product(session)
    for place in ("EAST/A", "WEST/A"):
        make_stock(session, product, 2, location=place)
    order = make_order(session, [(product, 4)])
    desk.order(order, "allocate")
    page = desk.order(order, "pack")
    assert "PK00001 in EAST, PK00002 in WEST are packed." in page.text
    assert [row[5] for row in page.rows("pack-result")] == ["PK00001", "PK00002"]
    assert "Packing slip of PK00001" in page.text and "Packing slip of PK00002" in page.text
    assert "EAST" in desk.open("/sales/packs/1/slip/").text


def test_only_who_may_reverse_packs_is_offered_to(session, desk, desk_of, order, pack):
    url = f"/sales/packs/{pack.id}/"
    assert "Reverse Pack" in desk_of("Warehouse clerk").open(url).buttons
    assert "Reverse Pack" not in desk_of("Auditor").open(url).buttons
    assert desk_of("Merchandiser").press(f"{url}reverse/", row=str(pack.lines[0].id), why="x").status == 403
