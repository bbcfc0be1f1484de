"""Returns: never more than was packed, received into quarantine, inspected, and replaced at the old place."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from erp.errors import InvalidTransition
from erp.registry import current_registry
from modules.inventory_lots.errors import NotQuarantine, SerialInStock
from modules.inventory_lots.models import Balance, Location, StockMove
from modules.inventory_lots.services import Count, adjust
from modules.inventory_lots.states import LocationKind, MoveKind, Tracking
from modules.returns import errors, services
from modules.returns.domain import Decision, Goods, NewReturn
from modules.returns.models import Inspection, Return, ReturnLine
from modules.returns.queries import broken_invariants, return_by_number
from modules.returns.states import Outcome, ReturnState
from modules.sales.models import Order
from modules.sales.queries import order_by_number
from modules.sales.services import reverse_pack
from tests.support.concurrency import together
from tests.support.inventory_lots import make_location, make_product, make_serials, make_stock
from tests.support.returns import make_pack, make_received, make_return
from tests.support.sales import allocate, make_order, make_packs


def no_breach(session):
    return [breach for owned in current_registry().checks for breach in owned.thing(session)] == []


def stock(session):
    """Return what is on hand by lot and location, empty balances left out."""
    rows = select(Balance).where(Balance.on_hand > Decimal(0)).order_by(Balance.id)
    return {(str(each.lot), str(each.location)): each.on_hand for each in session.scalars(rows)}


def moves(session, kind):
    return session.scalars(select(StockMove.quantity).where(StockMove.kind == kind).order_by(StockMove.id)).all()


def judge(session, document, outcome, *quantities, location=None):
    """Decide on the first lines of a return, by default on all that waits. Commits."""
    lines = session.get_one(Return, document.id).lines
    wanted = dict(zip([line.id for line in lines], map(Decimal, quantities), strict=False)) if quantities else None
    wanted = wanted or {line.id: line.uninspected for line in lines}
    decision = Decision(outcome, location.id if location is not None else None)
    services.inspect(session, document.id, wanted, decision)
    session.commit()


def test_received_goods_wait_in_quarantine_in_the_lots_that_they_were_packed_from(session):
    pack = make_pack(session)
    document = make_return(session, pack, 5, 4)
    assert (document.number, document.state, stock(session)) == ("RT00001", "draft", {})
    services.receive(session, document.id, {line.id: line.quantity for line in document.lines})
    session.commit()
    assert stock(session) == {("L1", "WH/RETURNS"): 5, ("L2", "WH/RETURNS"): 4}
    assert moves(session, MoveKind.customer_return) == [5, 4]
    assert (document.state, document.location.kind) == ("received", LocationKind.quarantine)
    assert no_breach(session)


def test_inspected_goods_go_to_the_shelf_to_quarantine_or_out_with_a_move_each(session):
    document = make_received(session, make_pack(session), 6, 4)
    shelf = make_location(session, "WH/SHELF")
    judge(session, document, Outcome.restock, 3, location=shelf)
    judge(session, document, Outcome.scrap, 1, 4)
    assert document.state == ReturnState.received
    judge(session, document, Outcome.quarantine)
    assert stock(session) == {("L1", "WH/SHELF"): 3, ("L1", "WH/QUARANTINE"): 2}
    assert moves(session, MoveKind.scrap) == [-1, -4]
    assert moves(session, MoveKind.transfer) == [-3, 3, -2, 2]
    assert (document.state, document.closed_at is not None) == (ReturnState.closed, True)
    decided = session.execute(select(Inspection.outcome, Inspection.quantity).order_by(Inspection.id)).all()
    assert decided == [("restock", 3), ("scrap", 1), ("scrap", 4), ("quarantine", 2)]
    assert no_breach(session)


def test_no_more_can_be_returned_than_was_packed_and_is_not_returned_yet(session):
    pack = make_pack(session)
    make_return(session, pack, 4)
    with pytest.raises(errors.MoreThanPacked, match="3 cannot be returned, 2 of what was packed"):
        make_return(session, pack, 3)
    session.rollback()
    reverse_pack(session, pack.id, [pack.lines[1].id], why="Wrong lot")
    session.commit()
    with pytest.raises(errors.MoreThanPacked, match="1 cannot be returned, 0 of"):
        make_return(session, pack, 1, 1)
    session.rollback()
    make_return(session, pack, 2)


def test_what_did_not_come_or_was_cancelled_can_be_returned_later(session):
    pack = make_pack(session)
    document = make_return(session, pack, 6, 4)
    first = document.lines[0]
    services.receive(session, document.id, {first.id: Decimal(2)})
    session.commit()
    other = make_return(session, pack, 4, 4)
    services.cancel_return(session, other.id)
    session.commit()
    make_return(session, pack, 4, 4)
    assert no_breach(session)


def test_one_line_in_many_returns_of_one_call_is_added_up(session):
    line = make_pack(session).lines[0]
    two = [NewReturn("Broken", [Goods(line.id, Decimal(4))]), NewReturn("Late", [Goods(line.id, Decimal(3))])]
    with pytest.raises(errors.MoreThanPacked, match="3 cannot be returned, 2 of"):
        services.create_returns(session, two)
    session.rollback()
    assert session.scalar(select(func.count(Return.id))) == 0


@pytest.mark.parametrize(
    ("goods", "reason", "refusal"),
    [
        (lambda a, b: [Goods(a.id, Decimal(1))], " ", errors.ReasonNeeded),
        (lambda a, b: [], "Broken", errors.NothingReturned),
        (lambda a, b: [Goods(a.id, Decimal(0))], "Broken", errors.NothingReturned),
        (lambda a, b: [Goods(a.id, Decimal(1)), Goods(b.id, Decimal(1))], "Broken", errors.OrdersDiffer),
    ],
)
def test_a_return_that_makes_no_sense_is_refused(session, goods, reason, refusal):
    first, second = make_pack(session).lines[0], make_pack(session).lines[0]
    with pytest.raises(refusal):
        services.create_returns(session, [NewReturn(reason, goods(first, second))])


def test_a_pack_of_which_goods_came_back_is_not_reversed(session):
    pack = make_pack(session)
    document = make_return(session, pack, 1)
    with pytest.raises(errors.GoodsReturned, match="RT00001"):
        reverse_pack(session, pack.id, why="Wrong")
    session.rollback()
    services.cancel_return(session, document.id)
    reverse_pack(session, pack.id, why="Wrong")
    session.commit()
    assert no_breach(session)


def test_a_replacement_is_served_at_the_place_of_the_order_that_it_replaces(session):
    pack = make_pack(session, priority=0)
    product = pack.lines[0].balance.product
    waiting = make_order(session, [(product, 5)])
    document = make_received(session, pack, 4, 2)
    order = services.replace(session, document.id, is_free=True)
    session.commit()
    assert (order.ordered_at, order.priority, order.state) == (pack.order.ordered_at, 0, "confirmed")
    assert [(line.quantity, line.unit_price) for line in order.lines] == [(6, 0)]
    make_stock(session, product, 7)
    allocate(session, product)
    assert [line.allocated for line in (order.lines[0], waiting.lines[0])] == [6, 1]
    with pytest.raises(errors.AlreadyReplaced, match=order.number):
        services.replace(session, document.id, is_free=True)


def test_a_replacement_as_agreed_costs_what_the_order_costs(session):
    pack = make_pack(session)
    pack.order.lines[0].unit_price = Decimal("9.50")
    document = make_received(session, pack, 1)
    order = services.replace(session, document.id, is_free=False)
    assert [line.unit_price for line in order.lines] == [Decimal("9.5")]


def test_goods_are_not_put_where_they_could_be_sold_before_they_are_inspected(session):
    document = make_return(session)
    shelf = make_location(session, "WH/SHELF")
    with pytest.raises(errors.NotForInspection, match="WH/SHELF"):
        services.receive(session, document.id, {document.lines[0].id: Decimal(1)}, location_id=shelf.id)
    session.rollback()
    aside = make_location(session, "WH/ASIDE", kind=LocationKind.quarantine)
    services.receive(session, document.id, {document.lines[0].id: Decimal(1)}, location_id=aside.id)
    assert stock(session) == {("L1", "WH/ASIDE"): 1}


def test_each_outcome_has_its_kind_of_location(session):
    document = make_received(session)
    aside = make_location(session, "WH/ASIDE", kind=LocationKind.quarantine)
    with pytest.raises(errors.NotStock, match="WH/ASIDE is a quarantine"):
        judge(session, document, Outcome.restock, location=aside)
    with pytest.raises(errors.NotStock, match="No location is chosen"):
        judge(session, document, Outcome.restock)
    with pytest.raises(NotQuarantine):
        judge(session, document, Outcome.quarantine, location=make_location(session, "WH/SHELF"))
    session.rollback()
    judge(session, document, Outcome.quarantine, location=document.location)
    assert stock(session) == {("L1", "WH/RETURNS"): 6}
    assert (moves(session, MoveKind.transfer), document.state) == ([], ReturnState.closed)


def test_a_quantity_that_is_more_than_expected_or_more_than_waits_is_refused(session):
    document = make_return(session, None, 2)
    line = document.lines[0]
    with pytest.raises(errors.MoreThanExpected, match="3 is more than 2"):
        services.receive(session, document.id, {line.id: Decimal(3)})
    with pytest.raises(errors.NothingReturned):
        services.receive(session, document.id, {})
    services.receive(session, document.id, {line.id: Decimal(2)})
    with pytest.raises(errors.MoreThanExpected, match="3 is more than 2"):
        services.inspect(session, document.id, {line.id: Decimal(3)}, Decision(Outcome.scrap))
    with pytest.raises(InvalidTransition):
        services.cancel_return(session, document.id)


def test_a_serial_number_comes_back_once(session):
    phone = make_product(session, tracking=Tracking.serial)
    make_serials(session, phone, "S1")
    order = make_order(session, [(phone, 1)])
    (pack,) = make_packs(session, order.id, {order.lines[0].id: ["S1"]})
    session.commit()
    document = make_return(session, pack, 1)
    place = make_location(session)
    adjust(session, Count(phone.id, place.id, Decimal(1), "S1"), reason="Found")
    session.commit()
    with pytest.raises(SerialInStock):
        services.receive(session, document.id, {document.lines[0].id: Decimal(1)})
    session.rollback()
    adjust(session, Count(phone.id, place.id, Decimal(0), "S1"), reason="It was another")
    session.commit()
    services.receive(session, document.id, {document.lines[0].id: Decimal(1)})
    judge(session, document, Outcome.restock, location=place)
    assert stock(session) == {("S1", "WH/STOCK"): 1}


def test_two_clerks_receive_a_return_once(app, session):
    document = make_return(session)
    ids = document.id, document.lines[0].id
    session.commit()
    results = together(app, *[lambda each: services.receive(each, ids[0], {ids[1]: Decimal(6)}).number] * 2)
    assert {type(result).__name__ for result in results} == {"str", "InvalidTransition"}
    assert stock(session) == {("L1", "WH/RETURNS"): 6}


def test_two_clerks_return_the_same_goods_once(app, session):
    line_id = make_pack(session).lines[0].id
    new = NewReturn("Broken", [Goods(line_id, Decimal(6))])
    session.commit()
    results = together(app, *[lambda each: services.create_returns(each, [new])] * 2)
    assert {type(result).__name__ for result in results} == {"list", "MoreThanPacked"}
    assert no_breach(session)


def test_each_step_takes_as_many_statements_for_twenty_lines_as_for_two(session, count_statements):
    def steps(lines):
        products = [make_product(session) for _ in range(lines)]
        for product in products:
            make_stock(session, product, 5)
        pack = make_pack(session, *((product, 5) for product in products))
        goods = [Goods(line.id, Decimal(2)) for line in pack.lines]
        shelf = make_location(session, "WH/SHELF")
        session.commit()
        counts = []
        with count_statements() as sent:
            (return_id,) = services.create_returns(session, [NewReturn("Broken", goods)])
            session.commit()
        counts.append(len(sent))
        wanted = {line.id: Decimal(2) for line in session.get_one(Return, return_id).lines}
        decision = Decision(Outcome.restock, shelf.id)
        for step in (
            lambda: services.receive(session, return_id, wanted),
            lambda: services.inspect(session, return_id, wanted, decision),
        ):
            session.commit()
            with count_statements() as sent:
                step()
                session.commit()
            counts.append(len(sent))
        return counts

    steps(1)
    assert steps(20) == steps(2)


def test_the_check_names_what_differs(session):
    document = make_received(session)
    assert list(broken_invariants(session)) == []
    session.execute(update(ReturnLine).values(inspected=Decimal(1)))
    assert list(broken_invariants(session)) == ["Return RT00001 line 1: inspected is 1, its inspections add up to 0."]
    session.rollback()
    with pytest.raises(IntegrityError):
        session.execute(update(ReturnLine).values(received=Decimal(7)))
    session.rollback()
    assert return_by_number(session, "rt00001").id == document.id


def test_a_closed_return_changes_nothing_of_its_order(session):
    document = make_received(session)
    judge(session, document, Outcome.scrap)
    order = order_by_number(session, document.order.number)
    assert (order.state, order.lines[0].packed) == ("done", 10)
    assert session.scalar(select(func.count(Order.id))) == 1
    assert session.scalar(select(Location.kind).where(Location.path == "WH/RETURNS")) == LocationKind.quarantine
