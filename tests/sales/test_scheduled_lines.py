"""Scheduled lines: requested so far ahead that automatic runs serve them later."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from erp import jobs
from erp.errors import InvalidTransition
from erp.models import HistoryEntry
from modules.inventory_lots.states import Tracking
from modules.preorder import queries as preorder
from modules.preorder.models import PurchaseAllocation
from modules.sales import queries, services
from modules.sales.domain import Progress, fulfilment, is_too_far_ahead, served_until
from modules.sales.errors import NothingOpen
from modules.sales.models import Backorder, OrderLine
from modules.sales.states import BackorderKind, Fulfilment, ShippingPolicy, WorkList
from tests.support.concurrency import together
from tests.support.inventory_lots import make_product, make_stock, set_stock
from tests.support.preorder import allocate_purchase, broken, make_preorder_product, outstanding
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_draft, make_order

TODAY = date(2026, 11, 23)
AHEAD = 30
LAST = TODAY + timedelta(AHEAD)  # the last requested day that is served today
JUNE = date(2027, 6, 1)
DUE = JUNE - timedelta(AHEAD)


@pytest.fixture
def product(session):
    return make_product(session, sku="PUMP")


@pytest.fixture(autouse=True)
def ahead(set_option):
    """Lines requested more than 30 days ahead are scheduled."""
    set_option("sales.reserve_ahead_days", str(AHEAD))


def line_of(order):
    return order.lines[0]


def in_lists(session):
    found = queries.read_work_lists(session)
    return {each.value: found.size(each).quantity for each in WorkList if found.of(each)}


def backorders(session, order):
    rows = select(Backorder.open_quantity).where(Backorder.line_id == line_of(order).id, Backorder.is_open)
    return session.scalars(rows).all()


def counts_from(session, order):
    session.expire_all()
    return session.scalars(select(Backorder.counts_from).where(Backorder.line_id == line_of(order).id)).all()


def status(session, order):
    return queries.order_statuses(session, [order.id])[order.id].fulfilment


# The rules


def test_a_line_is_scheduled_when_it_is_requested_after_the_last_day_that_is_served():
    assert served_until(TODAY, None) is None
    assert served_until(TODAY, 0) == TODAY
    until = served_until(TODAY, AHEAD)
    days = {LAST: False, LAST + timedelta(1): True, None: False}
    assert {day: is_too_far_ahead(day, until) for day in days} == days
    assert not is_too_far_ahead(JUNE, None)


@pytest.mark.parametrize(("progress", "expected"), [
    (Progress(Decimal(5), Decimal(0), Decimal(0), Decimal(0), Decimal(5)), Fulfilment.scheduled),
    (Progress(Decimal(5), Decimal(0), Decimal(2), Decimal(0), Decimal(3)), Fulfilment.scheduled),
    (Progress(Decimal(5), Decimal(0), Decimal(0), Decimal(0), Decimal(4)), Fulfilment.unallocated),
    (Progress(Decimal(5), Decimal(0), Decimal(0), Decimal(1), Decimal(4)), Fulfilment.part_allocated),
    (Progress(Decimal(5), Decimal(1), Decimal(0), Decimal(0), Decimal(4)), Fulfilment.part_packed),
    (Progress(Decimal(5), Decimal(0), Decimal(5), Decimal(0), Decimal(0)), Fulfilment.cancelled),
])  # fmt: skip
def test_what_is_allocated_covered_or_packed_shows_its_usual_fulfilment(progress, expected):
    assert fulfilment([progress]) is expected


# Runs


@pytest.mark.needs("preorder")
@pytest.mark.option("sales.reserve_ahead_days", "30")
def test_a_scheduled_line_gets_no_lots_no_backorder_and_no_purchase_allocation(session, set_option, product):
    set_option("preorder.auto_allocate", "yes")
    make_stock(session, product, 5)
    make_purchase_order(session, [(product, 50, date(2026, 12, 1))])
    order = make_order(session, [(product, 8)], requested_on=LAST + timedelta(1))
    services.allocate_book(session)
    jobs.run("allocate-backorders")
    assert (line_of(order).allocated, backorders(session, order)) == (0, [])
    assert session.scalars(select(PurchaseAllocation)).all() == []
    assert queries.waiting_product_ids(session) == []
    assert status(session, order) is Fulfilment.scheduled
    assert in_lists(session) == {"scheduled": 8}


@pytest.mark.option("sales.reserve_ahead_days", "")
def test_without_a_limit_an_order_for_any_day_is_served_at_once(session, set_option, product):
    set_option("sales.reserve_ahead_days", "")
    make_stock(session, product, 5)
    order = make_order(session, [(product, 8)], requested_on=JUNE)
    assert (line_of(order).allocated, backorders(session, order)) == (5, [3])
    assert status(session, order) is Fulfilment.part_allocated
    assert in_lists(session) == {"ready": 5, "uncovered": 3}


def test_it_is_served_at_its_place_in_the_queue_from_the_day_on_which_it_falls_due(session, set_option, product, at):
    order = make_order(session, [(product, 5)], requested_on=JUNE)
    later = make_order(session, [(product, 5)])
    at(f"{DUE - timedelta(1)}T12:00:00Z")
    make_stock(session, product, 3)
    jobs.run("allocate-backorders")
    session.expire_all()
    assert [line_of(each).allocated for each in (order, later)] == [0, 3]
    at(f"{DUE}T12:00:00Z")
    make_stock(session, product, 4)
    jobs.run("allocate-backorders")
    session.expire_all()
    assert [line_of(each).allocated for each in (order, later)] == [4, 3]
    assert backorders(session, order) == [1]
    assert counts_from(session, order) == [DUE]


@pytest.mark.needs("preorder")
def test_allocate_order_serves_it_at_once_and_its_backorder_counts_from_the_day_it_falls_due(
    session, set_option, product
):
    set_option("preorder.auto_allocate", "yes")
    set_option("preorder.insufficient_supply", "partial")
    make_stock(session, product, 2)
    make_purchase_order(session, [(product, 3, date(2026, 12, 1))])
    order = make_order(session, [(product, 8)], requested_on=JUNE)
    services.allocate_order(session, order.id)
    session.commit()
    assert (line_of(order).allocated, backorders(session, order), outstanding(session, line_of(order))) == (2, [6], [3])
    assert counts_from(session, order) == [DUE]
    assert status(session, order) is Fulfilment.part_allocated
    assert in_lists(session) == {"ready": 2, "covered": 3, "scheduled": 3}
    make_stock(session, product, 9)
    make_purchase_order(session, [(product, 9, date(2026, 12, 1))])
    services.allocate_book(session)
    session.expire_all()
    assert (line_of(order).allocated, outstanding(session, line_of(order))) == (2, [3])
    assert broken(session) == []


def test_it_does_not_lose_what_an_order_allocated_by_hand_takes(session, product):
    make_stock(session, product, 5)
    make_order(session, [(product, 5)], requested_on=JUNE, number="SO-June")
    now = make_order(session, [(product, 5)], priority=-1)
    services.remove_allocations(session, now.id, hold=False)
    session.commit()
    assert queries.losses(session, now.id) == []


def test_it_keeps_what_it_has_until_it_is_released_and_then_waits(session, product):
    balance = make_stock(session, product, 5)
    order = make_order(session, [(product, 5)])
    services.change_requested_date(session, line_of(order).id, JUNE)
    session.commit()
    services.allocate_book(session)
    session.expire_all()
    assert line_of(order).allocated == 5
    assert in_lists(session) == {"ready": 5}
    set_stock(session, balance, 1, release=True)
    set_stock(session, balance, 9)
    services.allocate_book(session)
    session.expire_all()
    assert line_of(order).allocated == 1
    assert in_lists(session) == {"ready": 1, "scheduled": 4}
    services.pack_order(session, order.id)
    session.commit()
    assert line_of(order).packed == 1


def test_scheduled_goes_before_held_and_serial_numbers_are_apart(session, product):
    serial = make_product(session, tracking=Tracking.serial)
    order = make_order(session, [(product, 2), (serial, 1)], requested_on=JUNE)
    services.hold_lines(session, [line.id for line in order.lines], True)
    session.commit()
    assert in_lists(session) == {"scheduled": 2, "serial": 1}


# The requested date


def test_a_new_requested_date_is_kept_in_the_history_with_its_reason(session, product):
    order = make_order(session, [(product, 2)])
    services.change_requested_date(session, line_of(order).id, JUNE, why="the hall is not built yet")
    services.change_requested_date(session, line_of(order).id, None)
    session.commit()
    entries = session.scalars(select(HistoryEntry).where(HistoryEntry.field == "requested_on")).all()
    assert [(each.old_value, each.new_value, each.line, each.why) for each in entries] == [
        ("", "2027-06-01", 1, "the hall is not built yet"),
        ("2027-06-01", "", 1, ""),
    ]


def test_a_line_that_becomes_due_is_served_at_once_as_a_new_one_is(session, set_option, product):
    make_stock(session, product, 5)
    first, second = (make_order(session, [(product, 4)], requested_on=JUNE) for _ in range(2))
    services.change_requested_date(session, line_of(first).id, LAST)
    assert line_of(first).allocated == 4
    set_option("sales.allocate_on_confirm", "no")
    services.change_requested_date(session, line_of(second).id, None)
    assert (line_of(second).allocated, backorders(session, second)) == (0, [])


def test_only_open_lines_of_confirmed_orders_get_another_requested_date(session, product):
    draft, order = make_draft(session, [(product, 1)]), make_order(session, [(product, 1), (product, 1)])
    services.cancel_line(session, line_of(order).id)
    session.commit()
    with pytest.raises(InvalidTransition):
        services.change_requested_date(session, line_of(draft).id, JUNE)
    with pytest.raises(NothingOpen):
        services.change_requested_date(session, line_of(order).id, JUNE)


def test_the_backorder_of_a_line_counts_from_the_day_on_which_the_line_falls_due(session, product, at):
    order = make_order(session, [(product, 2)])
    assert counts_from(session, order) == [TODAY]
    at("2026-11-25T12:00:00Z")
    for day, expected in (
        (JUNE, DUE),
        (JUNE + timedelta(9), DUE + timedelta(9)),
        (LAST, date(2026, 11, 25)),
        (JUNE, DUE),
    ):
        services.change_requested_date(session, line_of(order).id, day)
        session.commit()
        assert counts_from(session, order) == [expected]


def test_a_change_that_leaves_a_line_due_leaves_its_backorder_counting(session, product, at):
    order = make_order(session, [(product, 2)])
    at("2026-11-25T12:00:00Z")
    services.change_requested_date(session, line_of(order).id, LAST)
    session.commit()
    assert counts_from(session, order) == [TODAY]


def test_two_who_change_the_date_and_allocate_at_once_get_one_after_the_other(app, session, product):
    make_stock(session, product, 5)
    june = make_order(session, [(product, 5)], requested_on=JUNE)
    now = make_order(session, [(product, 5)])
    services.remove_allocations(session, now.id, hold=False)
    session.commit()
    line_id, now_id = line_of(june).id, now.id
    session.commit()
    done = together(
        app,
        lambda session: services.change_requested_date(session, line_id, TODAY),
        lambda session: services.allocate_order(session, now_id),
        lambda session: services.change_requested_date(session, line_id, JUNE),
    )
    assert [each for each in done if isinstance(each, Exception)] == []
    session.expire_all()
    assert sum(line_of(order).allocated for order in (june, now)) == 5
    assert line_of(june).requested_on in (TODAY, JUNE)
    assert broken(session) == []


# The cancellation of backorders


@pytest.mark.option("sales.reserve_ahead_days", "30")
def test_the_sla_spares_scheduled_lines_and_counts_from_the_day_they_fall_due(session, set_option, product, at):
    set_option("sales.backorder_cancellation_days", "10")
    set_option("sales.cancel_covered", "yes")
    waits, scheduled = make_order(session, [(product, 2)]), make_order(session, [(product, 2)])
    services.change_requested_date(session, line_of(scheduled).id, JUNE)
    session.commit()
    at("2026-12-10T12:00:00Z")
    assert jobs.run("cancel-overdue-backorders").state == "done"
    session.expire_all()
    assert [line_of(order).cancelled for order in (waits, scheduled)] == [2, 0]
    for days, cancelled in ((10, 0), (11, 2)):
        at(f"{DUE + timedelta(days)}T12:00:00Z")
        services.cancel_overdue_backorders(session)
        session.commit()
        assert line_of(scheduled).cancelled == cancelled


def test_rows_follow_when_the_company_reserves_less_far_ahead(session, set_option, product, at):
    set_option("sales.backorder_cancellation_days", "5")
    order = make_order(session, [(product, 2)], requested_on=JUNE)
    services.allocate_order(session, order.id)
    session.commit()
    set_option("sales.reserve_ahead_days", "10")
    jobs.run("cancel-overdue-backorders")
    assert counts_from(session, order) == [JUNE - timedelta(10)]


@pytest.mark.needs("preorder")
def test_a_launched_row_of_a_scheduled_line_counts_from_the_day_it_falls_due(session, at):
    product = make_preorder_product(session, launch_date=TODAY + timedelta(2))
    order = make_order(session, [(product, 2)], requested_on=JUNE)
    services.allocate_order(session, order.id)
    session.commit()
    assert session.scalars(select(Backorder.kind)).all() == [BackorderKind.preorder]
    assert counts_from(session, order) == [None]
    at(f"{TODAY + timedelta(2)}T12:00:00Z")
    jobs.run("launch-preorders")
    assert counts_from(session, order) == [DUE]


# Coverage, lateness and ATP


@pytest.mark.needs("preorder")
def test_it_is_late_only_through_what_covers_it(session, product):
    purchase = make_purchase_order(session, [(product, 9, JUNE)])
    orders = [make_order(session, [(product, 4)], requested_on=JUNE) for _ in range(3)]
    bare, kept, broke = (line_of(order) for order in orders)
    for line, promised in ((bare, TODAY), (kept, JUNE), (broke, JUNE - timedelta(1))):
        line.promise_date = promised
    session.commit()
    allocate_purchase(session, kept, purchase.lines[0], 1)
    allocate_purchase(session, broke, purchase.lines[0], 1)
    found = preorder.line_coverage(session)
    assert {line.id: found[line.id].is_late for line in (bare, kept, broke)} == {
        bare.id: False,
        kept.id: False,
        broke.id: True,
    }
    assert [part.reason for part in found[bare.id].parts] == ["scheduled"]
    late = select(OrderLine.id).where(preorder.is_late_line(TODAY))
    assert session.scalars(late).all() == [broke.id]


@pytest.mark.needs("preorder")
def test_unallocated_lines_leave_it_out_and_say_so(session, desk, product):
    make_order(session, [(product, 2)], requested_on=JUNE)
    page = desk.open("/preorder/unallocated/")
    assert "Stock and purchase orders cover every open line but those that are scheduled for later." in page.text
    assert "Unallocated lines 0" in desk.open("/").text


# The screens


def test_the_order_page_says_that_a_line_is_scheduled(session, desk, product):
    order = make_order(session, [(product, 3), (product, 2)], requested_on=JUNE)
    page = desk.order(order)
    assert page.text.count("Scheduled") == 3  # the order and both lines
    make_stock(session, product, 4)
    services.allocate_order(session, order.id)
    session.commit()
    page = desk.order(order)
    assert page.text.count("Scheduled") == 1
    assert "Part allocated" in page.text
    listed = desk.open("/sales/orders/").text
    assert "Part allocated" in listed


def test_the_answers_say_from_when_it_is_served(session, desk, product):
    make_stock(session, product, 5)
    sentence = "It is scheduled: requested on 01 Jun 2027, it is served from 02 May 2027 on."
    draft = make_draft(session, [(product, 3)], requested_on=JUNE)
    assert sentence in desk.order(draft, "confirm").text
    page = desk.line(line_of(draft), "why")
    assert f"3 pcs are not allocated. {sentence} Allocate Order serves it at once." in page.text
    assert "it does not wait" in page.text


def test_the_requested_date_is_changed_on_the_line(session, desk, desk_of, product):
    order = make_order(session, [(product, 3)])
    assert (
        "Automatic runs serve it from 30 days before this date on." in desk.line(line_of(order), "requested-date").text
    )
    page = desk.line(line_of(order), "requested-date", requested_on="2027-06-01", why="no room before")
    assert "Line 1: it is requested on 01 Jun 2027. It is scheduled" in page.text
    assert "no room before" in page.text
    assert line_of(order).requested_on == JUNE
    page = desk.line(line_of(order), "requested-date", requested_on="soon")
    assert page.status == 422
    page = desk_of("Auditor").line(line_of(order), "requested-date", requested_on="2027-07-01")
    assert page.status == 403
    assert line_of(order).requested_on == JUNE
    page = desk.line(line_of(order), "requested-date", requested_on="")
    assert "Line 1: it has no requested date." in page.text
    assert line_of(order).requested_on is None


def test_a_stale_page_of_the_requested_date_is_refused(session, desk, product):
    order = make_order(session, [(product, 3)])
    opened = desk.line(line_of(order), "requested-date").html
    version = opened.partition('name="page_version" value="')[2].partition('"')[0]
    assert version
    services.change_requested_date(session, line_of(order).id, LAST)
    session.commit()
    page = desk.line(line_of(order), "requested-date", requested_on="2027-06-01", page_version=version)
    assert page.status == 409
    assert "requested date of line 1 is now" in page.text
    assert line_of(order).requested_on == LAST


def test_a_page_of_many_scheduled_lines_takes_as_many_statements_as_of_few(session, desk, count_statements, product):
    def statements(size):
        order = make_order(session, [(product, 1)] * size, requested_on=JUNE)
        session.commit()
        with count_statements() as sent:
            desk.order(order)
            desk.open("/sales/work-lists/scheduled/")
        return len(sent)

    statements(1)
    assert statements(3) == statements(40)


def test_an_order_that_ships_complete_waits_for_its_scheduled_line(session, product):
    make_stock(session, product, 2)
    order = make_order(session, [(product, 2), (product, 3)], shipping_policy=ShippingPolicy.complete)
    services.change_requested_date(session, order.lines[1].id, JUNE)
    session.commit()
    assert in_lists(session) == {"not_yet": 2, "scheduled": 3}
