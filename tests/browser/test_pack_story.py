"""A clerk undoes a pack, in part and then whole, and packs again."""

from playwright.sync_api import expect

from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_order


def test_a_pack_is_undone_and_the_order_is_packed_again(clerk, behind):
    page = clerk.page
    with behind() as session:
        lamp, bulb = make_product(session, sku="LAMP", name="Desk Lamp"), make_product(session, sku="BULB", name="Bulb")
        make_stock(session, lamp, 4, lot="L1", location="EAST/A")
        make_stock(session, bulb, 8, lot="B1", location="WEST/A")
        order = make_order(session, [(lamp, 4), (bulb, 8)]).id

    # The goods come from two warehouses: two packs, each with its own slip.
    clerk.go(f"/sales/orders/{order}/")
    clerk.press("Pack Allocated Order")
    clerk.sees("PK00001 in EAST, PK00002 in WEST are packed.")
    clerk.sees("Packing slip of PK00002")
    clerk.sees("Done")

    # The wrong bulbs: the pack is undone, for a reason, and its goods are free.
    clerk.press("Undo PK00002")
    expect(page.get_by_role("heading", name="Reverse Pack")).to_be_visible()
    clerk.sees("allocated again")
    page.get_by_label("Reason").fill("Wrong bulbs")
    page.get_by_label("Free it").check()
    clerk.press("Reverse Pack")
    clerk.answer("Reverse")
    clerk.sees("8 of BULB (line 2, free)")
    clerk.reads(
        lambda: [[*row[:1], *row[2:6], row[8]] for row in clerk.rows("pack-reversals")],
        [["2", "B1", "WEST/A", "8", "Free", "Wrong bulbs"]],
    )

    # The order is open again; the lamps stay packed.
    clerk.go(f"/sales/orders/{order}/")
    clerk.sees("Confirmed")
    clerk.reads(lambda: [row[5:7] for row in clerk.rows("packs")], [["4", "0"], ["8", "8"]])
    clerk.press("Allocate Order")
    clerk.press("Pack Allocated Order")
    clerk.sees("PK00003 is packed.")
    clerk.sees("Done")
