"""Papers from order to parcel: the pick list, the packing slip and the purchase order."""

from __future__ import annotations

import html
import re
from datetime import date
from decimal import Decimal

from modules.sales.services import pack_order
from tests.support.inventory_lots import make_product, make_stock
from tests.support.procurement import make_purchase_order, make_supplier
from tests.support.sales import allocate, make_customer, make_order


def text_of(client, address):
    """Return what a person reads on a page, with single blanks."""
    answer = client.get(address)
    assert answer.status_code == 200
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", answer.get_data(as_text=True).replace("<wbr>", ""), flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_a_pick_list_walks_through_each_warehouse_by_location(session, client):
    lamp, cable = make_product(session, sku="LAMP"), make_product(session, sku="CABLE")
    make_stock(session, lamp, 2, location="WH/B-2", lot="L2")
    make_stock(session, cable, 3, location="WH/A-1", lot="L1")
    make_stock(session, lamp, 1, location="EAST/A-1", lot="L3")
    make_order(session, [(lamp, 3), (cable, 3)], number="SO-1")
    allocate(session, lamp, cable)
    session.commit()
    shown = text_of(client, "/sales/pick-list/")
    places = [shown.index(place) for place in ("EAST/A-1 LAMP", "WH/A-1 CABLE", "WH/B-2 LAMP")]
    assert places == sorted(places)
    assert "SO-1/1" in shown
    alone = text_of(client, "/sales/pick-list/?warehouse=EAST")
    assert "EAST/A-1" in alone
    assert "WH/A-1" not in alone


def test_a_packing_slip_has_the_address_and_what_still_comes_with_its_promise(session, client):
    customer = make_customer(session, name="Bright Interiors", street="Harbour Road 4", postcode="2100", city="Bergen")
    lamp = make_product(session, sku="LAMP")
    make_stock(session, lamp, 2)
    order = make_order(session, [(lamp, 5)], number="SO-1", customer=customer)
    allocate(session, lamp)
    order.lines[0].promise_date = date(2030, 1, 10)
    pack = pack_order(session, order.id)[0]
    session.commit()
    shown = text_of(client, f"/sales/packs/{pack.id}/slip/")
    assert "Ship to Bright Interiors Harbour Road 4 2100 Bergen" in shown
    assert re.search(r"Still to come .* 1 LAMP \S.* 3 pcs 10 Jan 2030", shown)


def test_the_paper_of_a_purchase_order_has_the_supplier_its_lines_and_their_total(session, client):
    supplier = make_supplier(session, name="Ferro", street="Ironstrasse 9", city="Dortmund")
    lamp = make_product(session, sku="LAMP")
    line = {"product": lamp, "quantity": 4, "unit_cost": Decimal("2.50"), "expected_on": date(2030, 1, 10)}
    order = make_purchase_order(session, [line], number="PO-1", supplier=supplier)
    session.commit()
    shown = text_of(client, f"/procurement/purchase-orders/{order.id}/print/")
    assert "To Ferro Ironstrasse 9 Dortmund" in shown
    assert re.search(r"1 LAMP .* 4 pcs 10 Jan 2030 2.50 10.00 Total 10.00", shown)
