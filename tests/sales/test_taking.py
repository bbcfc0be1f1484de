"""Take From: what other orders have in stock is moved to a line that needs it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from erp.errors import InvalidTransition, NotFound
from erp.models import HistoryEntry
from modules.inventory_lots.errors import BadQuantity
from modules.inventory_lots.services import hold_lot
from modules.inventory_lots.states import Tracking
from modules.preorder import queries as preorder
from modules.sales import queries, services
from modules.sales.errors import MoreThanNeeded, NotHeld, SerialNotAllocated
from modules.sales.models import Allocation, Backorder, OrderLine
from modules.sales.states import AllocationSource
from tests.support.concurrency import together
from tests.support.inventory_lots import make_product, make_stock
from tests.support.preorder import allocate_purchase, broken, outstanding
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_customer, make_draft, make_order

TODAY, DECEMBER, JANUARY = date(2026, 11, 23), date(2026, 12, 1), date(2027, 1, 10)


@pytest.fixture
def product(session):
    return make_product(session, sku="PUMP", name="Pump")


@pytest.fixture
def holder(session, product):
    """Acme has 3 of one lot and 4 of a later one, and was promised them for today."""
    make_stock(session, product, 3, lot="L1", received_on=date(2026, 10, 1))
    make_stock(session, product, 4, lot="L2", received_on=date(2026, 10, 2))
    order = make_order(session, [(product, 7)], number="SO-1", customer=make_customer(session, name="Acme", code="A"))
    order.lines[0].promise_date = TODAY
    session.commit()
    return order.lines[0]


@pytest.fixture
def taker(session, product, holder):
    """Bolt waits for 5."""
    bolt = make_customer(session, name="Bolt", code="B")
    return make_order(session, [(product, 5)], number="SO-2", customer=bolt).lines[0]


def take(session, taker, amounts):
    ids = {line.id: Decimal(quantity) for line, quantity in amounts.items()}
    session.commit()
    try:
        services.take_from(session, taker.id, ids)
        session.commit()
    except Exception:
        session.rollback()
        raise


def backordered(session, *lines):
    found = queries.backordered(session, [line.id for line in lines])
    return [found.get(line.id, 0) for line in lines]


def allocations(session, line):
    rows = select(Allocation).where(Allocation.line_id == line.id).order_by(Allocation.id)
    return [(row.balance.lot.number, row.unpacked, row.source) for row in session.scalars(rows)]


def test_a_chosen_quantity_moves_to_the_line_and_both_backorders_follow(session, holder, taker):
    take(session, taker, {holder: 2})
    assert (holder.allocated, taker.allocated) == (5, 2)
    assert backordered(session, holder, taker) == [2, 3]
    assert allocations(session, taker) == [("L2", 2, AllocationSource.manual)]
    assert allocations(session, holder) == [
        ("L1", 3, AllocationSource.automatic),
        ("L2", 2, AllocationSource.automatic),
    ]
    assert broken(session) == []


def test_the_loser_keeps_its_place_and_its_promise_and_is_not_held(session, holder, taker, product):
    take(session, taker, {holder: 5})
    assert (holder.hold_allocation, holder.promise_date, taker.need) == (False, TODAY, 0)
    make_stock(session, product, 4)
    services.allocate_book(session)
    session.expire_all()
    assert (holder.allocated, taker.allocated) == (6, 5)


@pytest.mark.needs("preorder")
def test_the_broken_promise_of_the_loser_shows_as_late(session, holder, taker):
    take(session, taker, {holder: 1})
    late = select(OrderLine.id).where(preorder.is_late_line(TODAY))
    assert session.scalars(late).all() == [holder.id]


def test_it_takes_from_several_and_from_another_line_of_the_same_order(session, product, holder):
    make_stock(session, product, 2, lot="L3")
    mine = make_order(session, [(product, 2), (product, 6)])
    have, need = mine.lines
    assert (have.allocated, need.allocated) == (2, 0)
    take(session, need, {have: 1, holder: 5})
    assert [line.allocated for line in (have, need, holder)] == [1, 6, 2]
    assert backordered(session, have, need, holder) == [1, 0, 5]


def test_the_hold_of_the_receiver_is_cleared_and_that_of_a_held_loser_stays(session, holder, taker):
    services.hold_lines(session, [holder.id, taker.id], True)
    take(session, taker, {holder: 1})
    assert (holder.hold_allocation, taker.hold_allocation) == (True, False)
    assert backordered(session, holder, taker) == [1, 4]


def test_a_deleted_backorder_of_the_receiver_is_made_again_for_what_remains(session, holder, taker):
    row = session.scalars(select(Backorder).where(Backorder.line_id == taker.id)).one()
    services.delete_backorder(session, row.id)
    take(session, taker, {holder: 1})
    assert backordered(session, taker) == [4]


@pytest.mark.needs("preorder")
def test_purchase_allocations_of_the_receiver_shrink_and_the_loser_is_offered_what_is_free(
    session, set_option, product, holder, taker
):
    purchase = make_purchase_order(session, [(product, 5, JANUARY)], number="PO-1")
    allocate_purchase(session, taker, purchase.lines[0], 5)
    set_option("preorder.auto_allocate", "yes")
    set_option("preorder.insufficient_supply", "partial")
    take(session, taker, {holder: 3})
    assert outstanding(session, taker, holder) == [2, 3]
    assert backordered(session, taker, holder) == [2, 3]
    assert holder.promise_date == TODAY
    assert broken(session) == []


@pytest.mark.needs("preorder")
@pytest.mark.parametrize(("auto", "rule", "expected"), [
    ("no", "partial", 0),
    ("yes", "partial", 2),
    ("yes", "skip", 0),
])  # fmt: skip
def test_the_loser_is_offered_incoming_supply_as_by_a_run(
    session, set_option, product, holder, taker, auto, rule, expected
):
    make_purchase_order(session, [(product, 2, DECEMBER)])
    services.hold_lines(session, [taker.id], True)
    set_option("preorder.auto_allocate", auto)
    set_option("preorder.insufficient_supply", rule)
    take(session, taker, {holder: 5})
    assert outstanding(session, holder) == [expected]


@pytest.mark.option("sales.backorders", "no")
def test_with_backorders_off_nothing_grows(session, set_option, holder, product):
    set_option("sales.backorders", "no")
    other = make_order(session, [(product, 5)]).lines[0]
    take(session, other, {holder: 4})
    assert (other.allocated, holder.allocated) == (4, 3)
    assert backordered(session, other, holder) == [0, 0]


def test_a_scheduled_line_is_served_and_its_backorder_counts_from_the_day_it_falls_due(
    session, set_option, product, holder
):
    set_option("sales.reserve_ahead_days", "30")
    june = make_order(session, [(product, 5)], requested_on=date(2027, 6, 1)).lines[0]
    take(session, june, {holder: 1})
    row = session.scalars(select(Backorder).where(Backorder.line_id == june.id)).one()
    assert (june.allocated, row.open_quantity, row.counts_from) == (1, 4, date(2027, 5, 2))


def test_history_says_on_both_orders_what_was_taken_for_whom(session, holder, taker):
    take(session, taker, {holder: 5})
    rows = select(HistoryEntry).where(HistoryEntry.field == "allocation").order_by(HistoryEntry.id)
    entries = [
        (row.document_name, row.line, row.action, row.old_value or row.new_value, row.why)
        for row in session.scalars(rows)
    ]
    assert entries == [
        ("SO-1", 1, "taken", "1 × L1, WH/STOCK", "for SO-2/1"),
        ("SO-1", 1, "taken", "4 × L2, WH/STOCK", "for SO-2/1"),
        ("SO-2", 1, "allocated", "4 × L2, WH/STOCK", "taken from SO-1/1"),
        ("SO-2", 1, "allocated", "1 × L1, WH/STOCK", "taken from SO-1/1"),
    ]


# Refusals change nothing


@pytest.mark.parametrize(("quantity", "error"), [(6, MoreThanNeeded), ("0.5", BadQuantity), (0, BadQuantity)])
def test_no_more_than_is_needed_is_taken_and_no_part_of_a_piece(session, holder, taker, quantity, error):
    with pytest.raises(error):
        take(session, taker, {holder: quantity})
    assert (holder.allocated, taker.allocated) == (7, 0)


def test_only_usable_stock_that_is_not_packed_is_taken(session, holder, taker):
    services.pack_order(session, holder.order_id)
    session.commit()
    with pytest.raises(NotHeld, match="SO-1/1 has 0 on usable stock"):
        take(session, taker, {holder: 1})


def test_what_may_not_leave_is_not_taken(session, holder, taker):
    late = session.scalars(select(Allocation).where(Allocation.line_id == holder.id).order_by(Allocation.id)).all()[1]
    hold_lot(session, late.balance.lot_id)
    with pytest.raises(NotHeld, match="SO-1/1 has 3 on usable stock"):
        take(session, taker, {holder: 4})
    take(session, taker, {holder: 3})
    assert allocations(session, taker) == [("L1", 3, AllocationSource.manual)]


def test_another_product_a_draft_a_serial_line_and_an_unknown_line_are_refused(session, product, holder, taker):
    other = make_product(session)
    make_stock(session, other, 1)
    elsewhere = make_order(session, [(other, 1)]).lines[0]
    serial = make_order(session, [(make_product(session, tracking=Tracking.serial), 1)]).lines[0]
    draft = make_draft(session, [(product, 1)]).lines[0]
    for line, error in ((elsewhere, NotHeld), (taker, NotHeld)):
        with pytest.raises(error):
            take(session, taker, {line: 1})
    with pytest.raises(SerialNotAllocated):
        take(session, serial, {holder: 1})
    with pytest.raises(InvalidTransition):
        take(session, draft, {holder: 1})
    with pytest.raises(NotFound):
        services.take_from(session, taker.id, {999_999: Decimal(1)})
    session.rollback()
    assert (holder.allocated, elsewhere.allocated, taker.allocated) == (7, 1, 0)


def test_it_takes_as_many_statements_from_many_as_from_one(session, count_statements):
    def count(size):
        product = make_product(session)
        make_stock(session, product, size)
        holders = [make_order(session, [(product, 1)]).lines[0] for _ in range(size)]
        taker = make_order(session, [(product, size)]).lines[0]
        amounts = {line.id: Decimal(1) for line in holders}
        taker_id = taker.id
        session.commit()
        with count_statements() as sent:
            services.take_from(session, taker_id, amounts)
        session.commit()
        assert taker.allocated == size
        return len(sent)

    count(1)
    assert count(2) == count(20)


# Two people at once


def test_of_two_who_take_the_same_the_second_is_refused_and_nothing_is_lost(app, session, product, holder, taker):
    third = make_order(session, [(product, 5)]).lines[0]
    ids, holder_id = (taker.id, third.id), holder.id
    session.commit()
    done = together(
        app,
        *(lambda session, id_=id_: services.take_from(session, id_, {holder_id: Decimal(5)}) for id_ in ids),
    )
    assert sorted(type(each).__name__ for each in done) == ["NoneType", "NotHeld"]
    session.expire_all()
    assert sorted(line.allocated for line in (taker, third)) == [0, 5]
    assert holder.allocated == 2
    assert broken(session) == []


def test_taking_and_packing_at_once_never_lose_or_double_a_piece(app, session, holder, taker):
    taker_id, holder_id, order_id = taker.id, holder.id, holder.order_id
    session.commit()
    done = together(
        app,
        lambda session: services.take_from(session, taker_id, {holder_id: Decimal(5)}),
        lambda session: services.pack_order(session, order_id),
    )
    assert {type(each).__name__ for each in done} <= {"NoneType", "list", "NotHeld"}
    session.expire_all()
    assert holder.packed + holder.allocated + taker.allocated == 7
    assert broken(session) == []


# The screens


def test_it_is_three_clicks_from_the_order(session, desk, holder, taker):
    page = desk.order(taker.order)
    why = page.html.partition('">Why?</a>')[0].rpartition('href="')[2]
    page = desk.open(why)
    assert page.rows("holders") == [["SO-1/1", "Acme", "", "23 Nov 2026", "7", "5", "Take From"]]
    address = page.html.partition('">Take From</a>')[0].rpartition('href="')[2]
    page = desk.open(address)
    assert "SO-2/1 needs 5 pcs" in page.text
    assert "The other customer loses that quantity" in page.text
    version = page.html.partition('name="page_version" value="')[2].partition('"')[0]
    assert f'value="{holder.id}" aria-label="Choose SO-1/1" checked' in page.html
    page = desk.press(address, **{"page_version": version, "row": str(holder.id), f"quantity-{holder.id}": "4"})
    assert "4 of SO-1/1 (Acme) are allocated to SO-2/1 now." in page.text
    assert (holder.allocated, taker.allocated) == (3, 4)


def test_a_stale_page_is_refused_and_says_what_changed(session, desk, holder, taker):
    address = f"/sales/orders/{taker.order_id}/lines/{taker.id}/take-from/?holder={holder.id}"
    opened = desk.open(address).html
    version = opened.partition('name="page_version" value="')[2].partition('"')[0]
    services.change_quantity(session, holder.id, Decimal(6))
    session.commit()
    form = {"page_version": version, "row": str(holder.id), f"quantity-{holder.id}": "4"}
    page = desk.press(address, **form)
    assert page.status == 409
    assert "usable stock of SO-1/1 is now 6, was 7 when this page was opened" in page.text
    assert taker.allocated == 0


def test_more_than_is_needed_from_several_is_refused_on_the_page(session, desk, product, holder, taker):
    make_stock(session, product, 5)
    services.hold_lines(session, [taker.id], True)
    other = make_order(session, [(product, 5)], number="SO-3").lines[0]
    address = f"/sales/orders/{taker.order_id}/lines/{taker.id}/take-from/"
    page = desk.open(address)
    assert page.text.index("SO-3/1") < page.text.index("SO-1/1")  # latest in the queue first
    version = page.html.partition('name="page_version" value="')[2].partition('"')[0]
    page = desk.press(address, page_version=version, row=[str(holder.id), str(other.id)])
    assert page.status == 409
    assert "SO-2/1 needs 5, so 10 cannot be taken for it." in page.text
    assert (holder.allocated, other.allocated, taker.allocated) == (7, 5, 0)


def test_who_may_not_allocate_sees_no_button_and_is_refused(session, desk_of, holder, taker):
    auditor = desk_of("Auditor")
    page = auditor.line(taker, "why")
    assert page.status == 200
    assert page.rows("holders") == []
    page = auditor.line(taker, "take-from", row=str(holder.id))
    assert page.status == 403
    assert taker.allocated == 0


def test_a_line_that_needs_nothing_offers_nothing(session, desk, holder):
    page = desk.line(holder, "why")
    assert page.rows("holders") == []
    assert "Why?" not in desk.order(holder.order).text
