"""The screens of returns, and what they add to packs and orders."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from erp.admin import versions
from erp.models import HistoryEntry
from modules.inventory_lots.models import Balance
from modules.returns.models import Return
from tests.support.inventory_lots import make_location
from tests.support.returns import make_pack, make_received, make_return


def test_a_return_goes_from_the_pack_to_the_shelf(session, desk):
    pack = make_pack(session)
    shelf = make_location(session, "WH/SHELF")
    line = pack.lines[0]
    page = desk.open(f"/sales/packs/{pack.id}/return-goods/")
    assert "Not returned yet" in page.text
    fields = {"row": str(line.id), f"quantity-{line.id}": "5", "reason": "Too small"}
    made = desk.press(f"/sales/packs/{pack.id}/return-goods/", **fields)
    assert "RT00001 is made." in made.text
    document = session.scalars(select(Return)).one()
    (back,) = document.lines
    url = f"/returns/{document.id}/"
    assert "Too small" in desk.open(f"{url}print/").text
    received = desk.press(f"{url}receive/", row=str(back.id), **{f"quantity-{back.id}": "4"})
    assert "RT00001 is received into WH/RETURNS." in received.text
    judged = {"row": str(back.id), f"quantity-{back.id}": "4", "outcome": "restock", "location": str(shelf.id)}
    assert "RT00001 is closed." in desk.press(f"{url}inspect/", **judged).text
    assert session.scalar(select(Balance.on_hand).where(Balance.location_id == shelf.id)) == 4
    assert "replaces what came back with RT00001" in desk.press(f"{url}replace/", price="free").text
    page = desk.open(url)
    assert page.rows("inspections")[0][3:6] == ["restock", "4", "WH/SHELF"]
    entries = select(HistoryEntry.new_value).where(HistoryEntry.document == "returns.return")
    changes = session.scalars(entries.where(HistoryEntry.field == "state").order_by(HistoryEntry.id)).all()
    assert changes == ["draft", "received", "closed"]
    assert desk.order(pack.order).rows("returns")[0][:2] == ["RT00001", "closed"]
    assert "Part returned" in desk.open("/sales/packs/").text


def test_a_receipt_of_what_somebody_received_meanwhile_is_refused(session, desk):
    document = make_return(session)
    page = desk.open(f"/returns/{document.id}/receive/")
    field = re.search(rf'name="{versions.FIELD}" value="([^"]*)"', page.html)
    desk.press(f"/returns/{document.id}/receive/", row=str(document.lines[0].id))
    late = desk.press(f"/returns/{document.id}/receive/", row=str(document.lines[0].id), **{versions.FIELD: field[1]})
    assert late.status in (404, 409)
    assert session.scalar(select(Balance.on_hand).order_by(Balance.id.desc())) == 6


@pytest.mark.parametrize(("role", "may"), [("Sales clerk", True), ("Auditor", False)])
def test_who_may_make_a_return(session, desk_of, role, may):
    pack = make_pack(session)
    assert ("Return Goods" in desk_of(role).open(f"/sales/packs/{pack.id}/").text) is may


@pytest.mark.parametrize("url", ["/returns/", "/sales/packs/"])
def test_a_list_takes_as_many_statements_for_a_full_page_as_for_one_row(session, desk, count_statements, url):
    def sent_for():
        with count_statements() as sent:
            assert desk.open(url).status == 200
        return len(sent)

    make_received(session)
    desk.open(url)
    one = sent_for()
    for _ in range(5):
        make_received(session)
    assert sent_for() == one


def test_a_returns_page_takes_as_many_statements_for_two_lines_as_for_one(session, desk, count_statements):
    counts = []
    for quantities in ((6,), (6, 4)):
        document = make_received(session, make_pack(session), *quantities)
        url = f"/returns/{document.id}/"
        desk.open(url)
        with count_statements() as sent:
            desk.open(url)
        counts.append(len(sent))
    assert counts[0] == counts[1]


@pytest.mark.option("returns.note_on_packing_slips", "yes", "no")
def test_a_packing_slip_ends_with_a_note_for_what_comes_back(session, desk, set_option):
    pack = make_pack(session)
    sku = pack.lines[0].balance.product.sku
    slip = desk.open(f"/sales/packs/{pack.id}/slip/")
    assert "Return note" in slip.text
    assert slip.rows("return-note") == [[sku, "L1", "6", "", ""], [sku, "L2", "4", "", ""]]
    make_return(session, pack, 6, 4)
    assert "Return note" not in desk.open(f"/sales/packs/{pack.id}/slip/").text
    other = make_pack(session)
    set_option("returns.note_on_packing_slips", "no")
    assert "Return note" not in desk.open(f"/sales/packs/{other.id}/slip/").text
