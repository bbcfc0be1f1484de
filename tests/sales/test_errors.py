"""Every refusal of stock and of sales is shown on a screen to the clerk who meets it, and changes nothing."""

from __future__ import annotations

import inspect
import io

import pytest
from sqlalchemy import select

from erp.db import Model
from erp.errors import ErpError
from modules.inventory_lots import errors as stock
from modules.inventory_lots import services as stock_services
from modules.inventory_lots.services import hold_lot
from modules.inventory_lots.states import LocationKind, Tracking
from modules.sales import errors as sales
from modules.sales import services
from modules.sales.models import Allocation, Backorder
from modules.sales.states import ShippingPolicy
from tests.support.inventory_lots import make_location, make_product, make_serials, make_stock
from tests.support.marked_texts import words_outside
from tests.support.sales import make_draft, make_order, make_packs

TYPED = {"EAST", "NEW"}  # what the tests enter, and is refused
PREFIXES = ("inventory_lots_", "sales_")

# What no screen can show, and why.
UNSEEN = {
    stock.StockRefused: "the base of others",
    stock.ManyRefused: "a bundle: each refusal in it is shown by its row",
    stock.CountedTwice: "a file with two rows of one key is refused before anything is counted",
    stock.NotOnHand: "receipts are taken back from purchase orders: tests of reversed receipts show it",
    stock.LotDatesDiffer: "receipts give the dates of lots: tests of the page that receives show it",
    stock.NegativePrice: "forms check prices before a service is asked: tests of order forms show the marked field",
    stock.UnitIsFixed: "it takes goods on their way to customers: tests of lines with purchase allocations show it",
    stock.ActiveUnchanged: "one of many products: tests of lists of stock show it in the row of the product",
    sales.SerialNumberRefused: "the base of others",
    sales.QuoteRefused: "the base of others",
    sales.QuoteUnknown: "tokens are used by programs, not on screens: tests of quotes and of the API show it",
    sales.QuoteExpired: "tokens are used by programs, not on screens: tests of quotes and of the API show it",
    sales.QuoteUsed: "tokens are used by programs, not on screens: tests of quotes and of the API show it",
    sales.QuoteReleased: "tokens are used by programs, not on screens: tests of quotes and of the API show it",
    sales.QuoteBroken: "tokens are used by programs, not on screens: tests of quotes and of the API show it",
    sales.QuoteDiffers: "tokens are used by programs, not on screens: tests of quotes and of the API show it",
    sales.QuoteTakenAlone: "programs enter many orders at once, not screens: tests of the API show it",
    sales.SerialNotQuoted: "tokens are used by programs, not on screens: tests of quotes and of the API show it",
    sales.NothingToAllocate: "one of many orders: tests of many orders show it in the row of the order",
    sales.HoldUnchanged: "one of many orders or lines: tests of many orders show it in the row of its own",
}


class Shop:
    """Ten bolts in one lot, four phones with serial numbers, and a clerk before the screens."""

    def __init__(self, session, desk, monkeypatch):
        self.session, self.desk, self.monkeypatch = session, desk, monkeypatch
        self.bolt = make_product(session, sku="BOLT")
        self.phone = make_product(session, sku="PHONE", tracking=Tracking.serial)
        self.place = make_location(session)
        self.balance = make_stock(session, self.bolt, 10, lot="L1")
        make_serials(session, self.phone, "S1", "S2")

    def order(self, *lines, **header):
        return make_order(self.session, lines or [(self.bolt, 12)], **header)

    def hold(self):
        hold_lot(self.session, self.balance.lot_id)
        self.session.commit()

    def press(self, url, **fields):
        return lambda: self.desk.press(url, **fields)

    def on_order(self, order, name, **fields):
        return lambda: self.desk.order(order, name, **fields)

    def on_stock(self, name, **fields):
        return self.press(f"/inventory/stock/{self.balance.id}/{name}/", **fields)

    def count(self, product, quantity, **fields):
        form = {"product": product.id, "location": self.place.id, "quantity": quantity, "reason": "Counted"}
        return self.press("/inventory/stock/new/", **form | fields)

    def make_product(self, **fields):
        form = {"sku": "NEW", "name": "x", "unit": "pcs", "unit_decimals": "0", "tracking": "lot"}
        return self.press("/inventory/products/new/", **form | fields)

    def pack_phones(self, typed, quantity=2):
        order = self.order((self.phone, quantity))
        return self.on_order(order, "pack-serials", **{f"serials-{order.lines[0].id}": typed})

    def before_calling(self, module, name, action):
        """Let another clerk act just before a service is called."""
        real = getattr(module, name)

        def second(session, *args, **kwargs):
            action(session)
            return real(session, *args, **kwargs)

        self.monkeypatch.setattr(module, name, second)


def without_lines(shop):
    return shop.on_order(make_draft(shop.session, []), "confirm")


def line_with_too_many_decimals(shop):
    return shop.on_order(make_draft(shop.session, [(shop.bolt, "1.5")]), "confirm")


def product_that_is_not_sold(shop):
    old = make_product(shop.session, sku="OLD", is_active=False)
    return shop.on_order(make_draft(shop.session, [(old, 1)]), "confirm")


def no_line_entered(shop):
    return shop.on_order(shop.order(), "add-lines", **{"lines-0-product": "", "lines-0-quantity": ""})


def less_than_is_packed(shop):
    order = shop.order()
    shop.desk.order(order, "pack")
    line = order.lines[0]
    return lambda: shop.desk.line(line, "change-quantity", quantity="9")


def taken_from_an_earlier_order(shop):
    first, second = shop.order(), shop.order()
    services.remove_allocations(shop.session, first.id, hold=False)
    shop.session.commit()
    return shop.on_order(second, "allocate")


def nothing_allocated(shop):
    return shop.on_order(shop.order((make_product(shop.session), 1)), "pack")


def not_whole_yet(shop):
    return shop.on_order(shop.order(shipping_policy=ShippingPolicy.complete), "pack")


def allocated_on_a_held_lot(shop):
    order = shop.order()
    shop.hold()
    return shop.on_order(order, "pack")


def unknown_serial(shop):
    return shop.pack_phones("S9")


def held_serial(shop):
    hold_lot(shop.session, make_stock(shop.session, shop.phone, 1, lot="S3").lot_id)
    return shop.pack_phones("S3")


def serial_given_twice(shop):
    return shop.pack_phones("S1\nS1")


def more_serials_than_open(shop):
    return shop.pack_phones("S1\nS2", quantity=1)


def serial_for_a_line_that_has_none(shop):
    order = shop.order((shop.phone, 1), (shop.bolt, 1))
    return shop.on_order(order, "pack-serials", **{f"serials-{order.lines[1].id}": "S1"})


def pack_of(shop):
    """Pack ten bolts; return the pack and the fields that reverse all of it."""
    (pack,) = make_packs(shop.session, shop.order().id)
    shop.session.commit()
    return pack.id, {"row": str(pack.lines[0].id), "why": "Wet"}


def pack_reversed_since(shop):
    pack_id, fields = pack_of(shop)
    reverse = services.reverse_pack
    shop.before_calling(services, "reverse_pack", lambda session: reverse(session, pack_id, why="Wet"))
    return shop.press(f"/sales/packs/{pack_id}/reverse/", **fields)


def pack_reversed_without_a_reason(shop):
    pack_id, fields = pack_of(shop)
    return shop.press(f"/sales/packs/{pack_id}/reverse/", **fields | {"why": " "})


def serial_allocated(shop):
    return shop.on_order(shop.order((shop.phone, 1)), "allocate")


def allocation_removed_since(shop):
    order = shop.order()
    row, order_id, remove = shop.session.scalars(select(Allocation.id)).one(), order.id, services.remove_allocations
    shop.before_calling(services, "remove_allocations", lambda session: remove(session, order_id))
    return shop.on_order(order, "remove-allocations", row=str(row))


def more_taken_than_needed(shop):
    make_stock(shop.session, shop.bolt, 2, lot="L2")
    holders = [shop.order((shop.bolt, 6)).lines[0].id for _ in range(2)]
    taker = shop.order((shop.bolt, 6)).lines[0]
    return lambda: shop.desk.line(taker, "take-from", row=[str(id_) for id_ in holders])


def holder_packed_since(shop):
    holder, taker = (shop.order((shop.bolt, 10)).lines[0] for _ in range(2))
    holder_id, order_id, pack = holder.id, holder.order_id, services.pack_order
    shop.before_calling(services, "take_from", lambda session: pack(session, order_id))
    return lambda: shop.desk.line(taker, "take-from", row=str(holder_id))


def backorder_cancelled_since(shop):
    shop.order()
    row = shop.session.scalars(select(Backorder.id)).one()
    cancel = services.cancel_backorder
    shop.before_calling(services, "cancel_backorder", lambda session: cancel(session, row))
    return shop.press(f"/sales/backorders/{row}/cancel/", why="")


def sales_switched_off(shop):
    shop.order()
    for above in ("backorder_email", "returns", "preorder"):
        shop.desk.press(f"/settings/modules/{above}/disable/")
    return shop.press("/settings/modules/sales/disable/")


def book_that_changed(shop):
    line = shop.order().lines[0]
    return shop.press("/sales/book/apply/", fingerprints=f"{line.product_id}:abc", all_or_nothing="y")


def counted_too_fine(shop):
    return shop.on_stock("adjust", quantity="4.5", reason="Counted")


def nothing_counted(shop):
    return shop.press(f"/inventory/locations/{shop.place.id}/count/", reason="Counted")


def picked_less_than_allocated(shop):
    return shop.on_order(shop.order(), "scan-pack")


def place_without_warehouse(shop):
    return shop.press("/inventory/locations/new/", path="EAST", kind="stock")


def place_that_is_there(shop):
    return shop.press("/inventory/locations/new/", path="WH / STOCK", kind="stock")


def place_in_use(shop):
    return shop.press(f"/inventory/locations/{shop.place.id}/delete/")


def stock_without_its_lot(shop):
    return shop.count(shop.bolt, "5")


def lot_that_cannot_be_written(shop):
    return shop.count(shop.bolt, "5", lot_number="L\t2")


def two_of_one_serial(shop):
    return shop.count(shop.phone, "2", lot_number="S9")


def serial_in_two_places(shop):
    there = make_location(shop.session, "WH/B")
    return shop.count(shop.phone, "1", lot_number="S1", location=there.id)


def parts_of_a_serial(shop):
    return shop.make_product(tracking="serial", unit_decimals="2")


def less_than_is_allocated(shop):
    shop.order()
    return shop.on_stock("adjust", quantity="3", reason="Lost")


def total_beside_lots(shop):
    make_product(shop.session, sku="SAND", tracking=Tracking.none)
    file = io.BytesIO(b"sku,lot,location,quantity\nSAND,A,WH/STOCK,1\nSAND,,WH/STOCK,5\n")
    return shop.press("/settings/import/", kind="stock", file=(file, "stock.csv"))


def moving_what_is_allocated(shop):
    shop.order((shop.bolt, 7))
    return shop.on_stock("transfer", location=make_location(shop.session, "WH/B").id, quantity="4")


def aside_where_it_may_be_allocated(shop):
    make_location(shop.session, "WH/QUARANTINE", kind=LocationKind.stock)
    return shop.on_stock("quarantine", quantity="1", reason="Wet")


def moving_to_where_it_is(shop):
    return shop.on_stock("transfer", location=shop.place.id, quantity="1")


def held_since(shop):
    lot_id, hold = shop.balance.lot_id, stock_services.hold_lot
    shop.before_calling(stock_services, "hold_lot", lambda session: hold(session, lot_id))
    return shop.press(f"/inventory/lots/{lot_id}/hold/", reason="")


def released_since(shop):
    shop.order()
    shop.hold()
    lot_id, release = shop.balance.lot_id, stock_services.release_allocations
    shop.before_calling(stock_services, "release_allocations", lambda session: release(session, lot_id))
    return shop.press(f"/inventory/lots/{lot_id}/release-allocations/")


def other_tracking_once_in_use(shop):
    url = f"/inventory/products/{shop.bolt.id}/edit/"
    form = {"sku": "BOLT", "name": "x", "unit": "pcs", "unit_decimals": "0", "tracking": "none"}
    return shop.press(url, **form)


SEEN = {
    sales.LinesRefused: line_with_too_many_decimals,
    sales.OrderWithoutLines: without_lines,
    sales.NoLinesGiven: no_line_entered,
    sales.InactiveProduct: product_that_is_not_sold,
    sales.QuantityBelowDone: less_than_is_packed,
    sales.TakesFromEarlier: taken_from_an_earlier_order,
    sales.NothingToPack: nothing_allocated,
    sales.ShipsComplete: not_whole_yet,
    sales.LotUnusable: allocated_on_a_held_lot,
    sales.SerialNumberUnknown: unknown_serial,
    sales.SerialNumberUnusable: held_serial,
    sales.SerialNumberTwice: serial_given_twice,
    sales.TooManySerialNumbers: more_serials_than_open,
    sales.NotSerial: serial_for_a_line_that_has_none,
    sales.AlreadyReversed: pack_reversed_since,
    sales.ReasonMissing: pack_reversed_without_a_reason,
    sales.SerialNotAllocated: serial_allocated,
    sales.NotOfThisOrder: allocation_removed_since,
    sales.MoreThanNeeded: more_taken_than_needed,
    sales.NotHeld: holder_packed_since,
    sales.NothingOpen: backorder_cancelled_since,
    sales.AllocationsHeld: sales_switched_off,
    sales.BookChanged: book_that_changed,
    sales.CountDiffers: picked_less_than_allocated,
    stock.BadQuantity: counted_too_fine,
    stock.NothingCounted: nothing_counted,
    stock.BadLocation: place_without_warehouse,
    stock.LocationTaken: place_that_is_there,
    stock.LocationInUse: place_in_use,
    stock.LotNumberMissing: stock_without_its_lot,
    stock.BadLotNumber: lot_that_cannot_be_written,
    stock.SerialQuantity: two_of_one_serial,
    stock.SerialInStock: serial_in_two_places,
    stock.SerialDecimals: parts_of_a_serial,
    stock.StockAllocated: less_than_is_allocated,
    stock.TotalAndLots: total_beside_lots,
    stock.NotEnoughUnallocated: moving_what_is_allocated,
    stock.NotQuarantine: aside_where_it_may_be_allocated,
    stock.SameLocation: moving_to_where_it_is,
    stock.HoldUnchanged: held_since,
    stock.NothingToRelease: released_since,
    stock.ProductInUse: other_tracking_once_in_use,
}


def is_of(kind, module):
    return f"{kind.__module__}.".startswith(f"{module.__name__}.")


def refusals(module):
    own = (each for _, each in inspect.getmembers(module, inspect.isclass) if is_of(each, module))
    return {each for each in own if issubclass(each, ErpError)}


def test_every_refusal_has_a_screen_that_shows_it():
    assert refusals(stock) | refusals(sales) == SEEN.keys() | UNSEEN.keys()
    assert not SEEN.keys() & UNSEEN.keys()


@pytest.fixture
def raised(monkeypatch):
    """What is refused from now on: the sentences by class."""
    said = {}
    refuse = ErpError.__init__

    def noted(self, message, **facts):
        said[type(self)] = message
        refuse(self, message, **facts)

    monkeypatch.setattr(ErpError, "__init__", noted)
    return said


def everything(session):
    session.rollback()
    tables = [table for table in Model.metadata.sorted_tables if table.name.startswith(PREFIXES)]
    return {table.name: session.execute(select(table).order_by(*table.primary_key)).all() for table in tables}


@pytest.mark.parametrize("refusal", SEEN, ids=lambda each: each.__name__)
def test_a_clerk_reads_the_sentence_in_their_language_and_nothing_is_changed(
    session, desk, monkeypatch, raised, refusal
):
    press = SEEN[refusal](Shop(session, desk, monkeypatch))
    session.commit()
    before = everything(session)
    raised.clear()
    page = press()
    # A file is looked at before anything is done with it: its page shows what is wrong.
    assert page.status == 200 if refusal is stock.TotalAndLots else page.status in (409, 422)
    assert refusal in raised, sorted(each.__name__ for each in raised)
    sentence = " ".join(raised[refusal].split())
    assert sentence in page.text
    assert sentence.endswith(".")
    assert everything(session) == before
    assert words_outside(desk.client.application, monkeypatch, [raised[refusal]]) <= TYPED
