"""Filters by what is computed find the rows of which the pages say so."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from erp.admin.site import current_site
from erp.db import db
from erp.registry import current_registry
from modules.preorder.queries import coverage_of_orders, line_coverage
from modules.sales.models import Order, OrderLine
from modules.sales.queries import order_statuses, read_work_lists
from modules.sales.states import OrderState, WorkList


@pytest.fixture
def company(app, session, set_option):
    """The demo company, with a held line and with lines that are scheduled."""
    for owned in current_registry().demos:
        owned.thing(session)
    for line in session.scalars(select(OrderLine).order_by(OrderLine.id).limit(3)):
        line.hold_allocation = True
    session.commit()
    set_option("sales.reserve_ahead_days", "5")
    with app.test_request_context("/"):
        yield session


def found(argument, value):
    view = current_site().view("sales.order")
    used = view._filters[view._filter_args[argument][0]]
    return set(db.session.scalars(select(Order.id).where(used.condition(None, used.clean(value)))))


def by_value(values):
    groups = {}
    for id_, value in values.items():
        groups.setdefault(value.value, set()).add(id_)
    return groups


def choices(argument):
    view = current_site().view("sales.order")
    return list(view._filters[view._filter_args[argument][0]].choices)


def test_the_filter_by_fulfilment_finds_what_the_column_says(company):
    ids = company.scalars(select(Order.id).where(Order.state != OrderState.draft)).all()
    says = by_value({id_: status.fulfilment for id_, status in order_statuses(company, ids).items()})
    assert {value: found("fulfilment_is", value) for value in choices("fulfilment_is")} == {
        value: says.get(value, set()) for value in choices("fulfilment_is")
    }
    assert len(says) >= 3


def test_the_filter_by_coverage_finds_what_the_column_says(company):
    says = by_value(coverage_of_orders(company, company.scalars(select(Order.id)).all()))
    assert {value: found("coverage_is", value) for value in choices("coverage_is")} == {
        value: says.get(value, set()) for value in choices("coverage_is")
    }
    assert says


def test_the_filter_by_lateness_finds_the_orders_with_a_late_line(company):
    coverage = line_coverage(company, OrderLine.id > 0)
    lines = [line_id for line_id, found_ in coverage.items() if found_.is_late]
    late = set(company.scalars(select(OrderLine.order_id).where(OrderLine.id.in_(lines))))
    assert found("late_is", "yes") == late
    assert found("late_is", "no") == set(company.scalars(select(Order.id))) - late


def test_the_filter_of_what_is_ready_finds_the_orders_of_the_work_list(company):
    lists = read_work_lists(company)
    ready = [entry.line_id for entry in lists.of(WorkList.ready)]
    held = [entry.line_id for entry in lists.of(WorkList.held)]
    assert found("ready_to_pack_is", "yes") == set(
        company.scalars(select(OrderLine.order_id).where(OrderLine.id.in_(ready)))
    )
    assert found("held_is", "yes") >= set(company.scalars(select(OrderLine.order_id).where(OrderLine.id.in_(held))))
    assert ready


def test_nothing_is_scheduled_where_no_option_says_so(company, set_option):
    waiting = found("fulfilment_is", "unallocated")
    for line in company.scalars(select(OrderLine).where(OrderLine.order_id.in_(waiting))):
        line.requested_on = date(2027, 6, 1)
    company.commit()
    assert found("fulfilment_is", "scheduled") & waiting
    set_option("sales.reserve_ahead_days", "")
    assert found("fulfilment_is", "scheduled") == set()


def test_the_lines_of_a_kind_are_found_among_its_candidates(company):
    view = current_site().view("preorder.unallocated")
    used = view._filters[view._filter_args["kind_is"][0]]
    wanted = select(OrderLine.id).where(used.condition(None, "preorder"))
    preorders = set(db.session.scalars(wanted))
    assert preorders and preorders <= set(db.session.scalars(used.candidates["preorder"]()))
