"""Work lists: each open unit of a confirmed order is in exactly one of them."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from erp import clock
from erp.db import from_raw
from erp.errors import ErpError
from modules.inventory_lots.services import hold_lot
from modules.inventory_lots.states import LocationKind, Tracking
from modules.sales import queries, services
from modules.sales.domain import OpenLine, leaves_whole, work_lists
from modules.sales.models import Order, OrderLine
from modules.sales.states import OrderState, ShippingPolicy, WorkList
from tests.support.inventory_lots import make_location, make_product, make_serials, make_stock
from tests.support.preorder import allocate_purchase, make_preorder_product
from tests.support.procurement import make_purchase_order
from tests.support.sales import allocate, make_order

TODAY = date(2026, 11, 23)
DECEMBER = date(2026, 12, 1)
AHEAD = 30
amounts = st.integers(min_value=0, max_value=20)


# The rules


@st.composite
def open_lines(draw):
    blocked, usable, need = draw(amounts), draw(amounts), draw(amounts)
    flags = {name: draw(st.booleans()) for name in ("is_serial", "is_held", "is_scheduled", "may_leave")}
    allocated = 0 if flags["is_serial"] else blocked + usable
    blocked = 0 if flags["is_serial"] else blocked
    return OpenLine(allocated + need, allocated, blocked, draw(amounts), **flags)


@given(open_lines())
def test_the_quantities_of_all_lists_add_up_to_what_is_open_of_a_line(line):
    found = work_lists(line)
    assert sum(found.values()) == line.open_quantity
    assert all(quantity > 0 for quantity in found.values())
    waiting = set(found) & {WorkList.scheduled, WorkList.held, WorkList.uncovered}
    assert len(waiting) <= 1
    assert not {WorkList.ready, WorkList.not_yet} <= set(found)


def test_a_line_stands_in_every_list_in_which_it_has_units():
    line = OpenLine(20, allocated=9, blocked=4, purchase_allocated=5)
    assert work_lists(line) == {
        WorkList.blocked: 4,
        WorkList.ready: 5,
        WorkList.covered: 5,
        WorkList.uncovered: 6,
    }


def test_scheduled_goes_before_held_and_held_before_uncovered():
    assert work_lists(OpenLine(3, is_held=True, is_scheduled=True)) == {WorkList.scheduled: 3}
    assert work_lists(OpenLine(3, is_held=True)) == {WorkList.held: 3}
    assert work_lists(OpenLine(3)) == {WorkList.uncovered: 3}


def test_an_order_leaves_whole_when_every_line_is_allocated_on_usable_stock():
    whole, short = OpenLine(3, allocated=3), OpenLine(3, allocated=2)
    blocked, refused = OpenLine(3, allocated=3, blocked=1), OpenLine(3, allocated=3, may_leave=False)
    serial = OpenLine(3, is_serial=True)
    assert leaves_whole([whole, serial], serials_in_stock=True)
    assert not leaves_whole([whole, serial], serials_in_stock=False)
    assert [leaves_whole([whole, other], serials_in_stock=True) for other in (short, blocked, refused)] == [False] * 3


# The read


def sizes(session):
    found = queries.read_work_lists(session)
    return {each.value: found.size(each).quantity for each in WorkList if found.of(each)}


@pytest.fixture
def by_hand(set_option):
    """Allocate nothing before a test asks for it."""
    set_option("sales.allocate_on_confirm", "no")


def test_what_is_usable_is_ready_and_what_is_on_hold_is_blocked(session):
    product = make_product(session)
    held = make_stock(session, product, 4)
    make_stock(session, product, 3)
    make_order(session, [(product, 9)])
    assert sizes(session) == {"ready": 7, "uncovered": 2}
    hold_lot(session, held.lot_id)
    session.commit()
    assert sizes(session) == {"blocked": 4, "ready": 3, "uncovered": 2}
    (entry,) = queries.read_work_lists(session).of(WorkList.blocked)
    assert entry.why == "The lot is on hold."


def test_held_lines_are_apart_and_drafts_and_finished_orders_in_no_list(session, by_hand):
    product = make_product(session)
    held, _ = make_order(session, [(product, 5)]), make_order(session, [(product, 2)])
    services.hold_lines(session, [held.lines[0].id], True)
    services.cancel_order(session, make_order(session, [(product, 7)]).id)
    session.commit()
    assert sizes(session) == {"held": 5, "uncovered": 2}


def test_an_order_that_ships_complete_is_ready_only_as_a_whole(session):
    product, other, serial = (
        make_product(session),
        make_product(session),
        make_product(session, tracking=Tracking.serial),
    )
    make_stock(session, product, 5)
    make_stock(session, other, 1)
    make_serials(session, serial, "S-1")
    make_order(session, [(product, 5), (other, 2), (serial, 1)], shipping_policy=ShippingPolicy.complete)
    assert sizes(session) == {"not_yet": 6, "serial": 1, "uncovered": 1}
    make_stock(session, other, 1)
    allocate(session, other)
    assert sizes(session) == {"ready": 7, "serial": 1}


def test_an_order_that_ships_complete_waits_for_its_serial_numbers(session):
    product, serial = make_product(session), make_product(session, tracking=Tracking.serial)
    make_stock(session, product, 5)
    make_serials(session, serial, "S-1")
    make_order(session, [(product, 5), (serial, 1), (serial, 1)], shipping_policy=ShippingPolicy.complete)
    assert sizes(session) == {"not_yet": 5, "serial": 2}
    make_serials(session, serial, "S-2")
    assert sizes(session) == {"ready": 5, "serial": 2}


@pytest.mark.needs("preorder")
def test_what_waits_for_a_launch_is_not_to_leave_yet_and_says_when(session):
    product = make_preorder_product(session)
    make_stock(session, product, 3)
    make_order(session, [(product, 5)])
    assert sizes(session) == {"not_yet": 3, "uncovered": 2}
    (entry,) = queries.read_work_lists(session).of(WorkList.not_yet)
    assert "15 Jan 2027" in entry.why or "2027-01-15" in entry.why


@pytest.mark.needs("preorder")
def test_what_is_on_purchase_orders_is_covered_whether_or_not_the_line_is_held(session):
    product = make_product(session)
    order = make_order(session, [(product, 5)])
    purchase = make_purchase_order(session, [(product, 3, DECEMBER)])
    allocate_purchase(session, order.lines[0], purchase.lines[0], 3)
    assert sizes(session) == {"covered": 3, "uncovered": 2}
    services.hold_lines(session, [order.lines[0].id], True)
    session.commit()
    assert sizes(session) == {"covered": 3, "held": 2}


def test_the_lists_take_as_many_statements_for_many_lines_as_for_one(session, count_statements):
    def count(size):
        for _ in range(size):
            product, serial = make_product(session), make_product(session, tracking=Tracking.serial)
            make_stock(session, product, 3)
            policy = ShippingPolicy.complete
            make_order(session, [(product, 5), (product, 1), (serial, 1)], shipping_policy=policy)
        session.commit()
        with count_statements() as sent:
            found = queries.read_work_lists(session)
            for work_list in WorkList:
                queries.listed_lines(session, found.of(work_list))
        return len(sent)

    assert count(1) == count(10)


def test_of_a_large_book_the_first_orders_are_looked_at_whole(session):
    product = make_product(session)
    first = make_order(session, [(product, 1), (product, 2)])
    make_order(session, [(product, 4)])
    found = queries.read_work_lists(session, most=1)
    assert [entry.line_id for entry in found.of(WorkList.uncovered)] == [line.id for line in first.lines]
    assert found.is_cut
    whole = queries.read_work_lists(session, most=3)
    assert whole == queries.read_work_lists(session)
    assert not whole.is_cut


def test_pages_of_a_large_book_name_the_number_of_lines(session, client, monkeypatch):
    monkeypatch.setattr("modules.sales.admin.work_lists.MOST_LOOKED_AT", 1)
    monkeypatch.setattr("modules.sales.admin.pick_lists.MOST_LOOKED_AT", 1)
    product, other = make_product(session, sku="A"), make_product(session, sku="B")
    make_order(session, [(product, 3)])
    stock = make_stock(session, other, 9)
    orders = [make_order(session, [(other, 2)]) for _ in range(2)]
    said = "Only the orders of the first 1 open lines in order of service are counted."
    assert said in client.get("/sales/work-lists/").text
    assert said in client.get("/sales/work-lists/ready/").text
    # What has nothing allocated does not keep what is ready off the paper.
    page = client.get("/sales/pick-list/").text
    assert orders[0].number in page
    assert orders[1].number not in page
    assert "The first 1 are printed. Pack these, then print the next." in page
    hold_lot(session, stock.lot_id)
    session.commit()
    assert "lines that are allocated is ready to be packed." in client.get("/sales/pick-list/").text


# Random books


def make_book(session, dice):
    """Make orders of every sort over stock of every sort."""
    quarantine = make_location(session, "WH/QUARANTINE", kind=LocationKind.quarantine)
    products = [make_product(session) for _ in range(3)]
    serial = make_product(session, tracking=Tracking.serial)
    make_serials(session, serial, *(f"S-{number}" for number in range(dice.randint(0, 4))))
    lots = [
        make_stock(session, product, dice.randint(1, 12), expires_on=dice.choice((None, DECEMBER)))
        for product in products
        for _ in range(dice.randint(1, 3))
    ]
    make_stock(session, products[0], 5, location=quarantine)
    for _ in range(8):
        lines = [(dice.choice((*products, *products, serial)), dice.randint(1, 6)) for _ in range(dice.randint(1, 3))]
        requested_on = dice.choice((None, None, TODAY + timedelta(AHEAD), TODAY + timedelta(AHEAD + 20)))
        policy = dice.choice(list(ShippingPolicy))
        order = make_order(session, lines, shipping_policy=policy, requested_on=requested_on)
        if dice.random() < 0.3:
            services.allocate_order(session, order.id)
        if dice.random() < 0.3:
            services.hold_lines(session, [order.lines[0].id], True)
        if dice.random() < 0.2:
            services.cancel_line(session, order.lines[-1].id)
        session.commit()
    for balance in lots:
        if dice.random() < 0.3:
            hold_lot(session, balance.lot_id)
            session.commit()
    return products


def add_incoming(session, dice, products):
    """Put some of what waits on purchase orders, and launch one product later."""
    make_order(session, [(make_preorder_product(session, sku=f"LATER-{dice.random()}"), 4)])
    for line in session.scalars(select(OrderLine).join(OrderLine.order).where(Order.is_confirmed)).all():
        row = next((row for row in line.backorders if row.is_open), None)
        if row and (line.is_preorder or dice.random() < 0.5):
            purchase = make_purchase_order(session, [(line.product, 9, DECEMBER)])
            allocate_purchase(session, line, purchase.lines[0], dice.randint(1, int(row.open_quantity)))


def by_line(session):
    found = queries.read_work_lists(session)
    lines = defaultdict(dict)
    for work_list in WorkList:
        for entry in found.of(work_list):
            assert work_list not in lines[entry.line_id]
            lines[entry.line_id][work_list] = from_raw(entry.quantity)
    return lines


def waits_in(line):
    """Return the list in which the units of a line wait that nothing covers."""
    if line.requested_on and (line.requested_on - clock.today()).days > AHEAD:
        return WorkList.scheduled
    return WorkList.held if line.hold_allocation else WorkList.uncovered


def check_book(session):
    """Check that the lists add up to what is open, and that packing takes exactly what is ready."""
    rows = session.execute(
        select(OrderLine.id, OrderLine.open_quantity).join(OrderLine.order).where(Order.is_confirmed, OrderLine.is_open)
    )
    found = by_line(session)
    assert {line_id: sum(parts.values()) for line_id, parts in found.items()} == dict(rows.all())
    for line_id, parts in found.items():
        waiting = set(parts) & {WorkList.scheduled, WorkList.held, WorkList.uncovered}
        assert waiting <= {waits_in(session.get_one(OrderLine, line_id))}
    for order in session.scalars(select(Order).where(Order.state == OrderState.confirmed)).all():
        if any(WorkList.serial in found[line.id] for line in order.lines):
            continue  # which serial numbers leave is the packer's choice
        before = {line.id: line.packed for line in order.lines}
        try:
            services.pack_order(session, order.id)
            session.commit()
        except ErpError:
            session.rollback()
        packed = {line.id: line.packed - before[line.id] for line in order.lines}
        assert packed == {line.id: found[line.id].get(WorkList.ready, Decimal(0)) for line in order.lines}


@pytest.fixture
def ahead(set_option):
    set_option("sales.reserve_ahead_days", str(AHEAD))


@pytest.mark.usefixtures("ahead")
@pytest.mark.parametrize("seed", range(4))
def test_over_random_books_all_lists_add_up_to_what_is_open_and_what_is_ready_can_be_packed(session, at, seed):
    dice = random.Random(seed)
    make_book(session, dice)
    if dice.random() < 0.5:
        at(f"{DECEMBER + timedelta(1)}T12:00:00Z")  # some lots have expired
    check_book(session)


@pytest.mark.usefixtures("ahead")
@pytest.mark.needs("preorder")
@pytest.mark.parametrize("seed", range(4))
def test_over_random_books_with_purchase_orders_they_add_up_too(session, seed):
    dice = random.Random(seed)
    add_incoming(session, dice, make_book(session, dice))
    assert WorkList.covered in {work_list for parts in by_line(session).values() for work_list in parts}
    check_book(session)


# The screen


def test_the_page_shows_the_size_of_each_list_and_the_lines_of_one(session, desk, by_hand):
    product = make_product(session, sku="NUT", name="Nut")
    make_stock(session, product, 4)
    order = make_order(session, [(product, 9)], number="SO-1")
    services.allocate_order(session, order.id)
    session.commit()
    rows = {row[0]: row[2:] for row in desk.open("/sales/work-lists/").rows("work-lists")}
    assert rows["Ready"] == ["1", "4"]
    assert rows["Uncovered"] == ["1", "5"]
    assert rows["Held"] == ["0", "0"]
    (row,) = desk.open("/sales/work-lists/uncovered/").rows("work-list")
    assert (row[0], row[3], row[4]) == ("SO-1/1", "[NUT] Nut", "5")
    assert "Nothing is in this list." in desk.open("/sales/work-lists/held/").text
    assert "Open lines in the work lists 1" in desk.open("/").text


def test_a_list_that_does_not_exist_is_not_found(desk):
    assert desk.open("/sales/work-lists/nonsense/").status == 404
