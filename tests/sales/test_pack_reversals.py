"""Reverse Pack: goods return to where they came from, and what becomes of them there."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from erp import events
from erp.errors import NotFound
from erp.models import HistoryEntry
from erp.registry import current_registry
from modules.inventory_lots.errors import SerialInStock
from modules.inventory_lots.models import Balance, StockMove
from modules.inventory_lots.services import change_kind, hold_lot, set_expiry
from modules.inventory_lots.states import LocationKind, MoveKind, Tracking
from modules.sales import services
from modules.sales.errors import AlreadyReversed, ReasonMissing
from modules.sales.events import GoodsPacked, OrderCancelled, OrderConfirmed, PackedGoods, PackReversed
from modules.sales.models import Allocation, Backorder, PackReversal
from modules.sales.queries import broken_invariants
from modules.sales.states import OrderState
from tests.support.inventory_lots import make_product, make_serials, make_stock
from tests.support.sales import allocate, make_draft, make_order, make_packs


@pytest.fixture
def product(session):
    return make_product(session, sku="BOLT")


@pytest.fixture
def published(monkeypatch):
    """The facts that sales publishes from now on."""
    found = []

    def noted(session, fact):
        found.append(fact)
        events.publish(session, fact)

    for file in ("orders", "order_states", "packs", "pack_reversals"):
        monkeypatch.setattr(f"modules.sales.services.{file}.publish", noted)
    return found


def no_breach(session):
    return [breach for owned in current_registry().checks for breach in owned.thing(session)] == []


def packed(session, *lines, serials=None):
    """Return an order and its only pack; `serials` are those of its first line."""
    order = make_order(session, lines)
    (pack,) = make_packs(session, order.id, {order.lines[0].id: serials} if serials else None)
    session.commit()
    return order, pack


def reverse(session, pack, lines=None, **more):
    returned = services.reverse_pack(session, pack.id, lines, **{"why": "Wrong parcel"} | more)
    session.commit()
    assert no_breach(session)
    return [str(each) for each in returned]


def test_what_returns_to_usable_stock_is_allocated_to_the_same_line_again(session, product):
    balance = make_stock(session, product, 10)
    order, pack = packed(session, (product, 4))
    allocation = session.scalars(select(Allocation)).one()
    assert reverse(session, pack) == ["4 of BOLT (line 1, allocated again)"]
    line = order.lines[0]
    assert (line.packed, line.allocated, line.open_quantity, line.hold_allocation) == (0, 4, 4, False)
    assert (balance.on_hand, balance.allocated) == (10, 4)
    assert (allocation.quantity, allocation.packed) == (4, 0)
    assert order.state is OrderState.confirmed


def test_the_ledger_and_the_pack_say_that_it_was_reversed_and_why(session, product):
    make_stock(session, product, 10, location="WH/A")
    order, pack = packed(session, (product, 4))
    reverse(session, pack)
    move = session.scalars(select(StockMove).where(StockMove.kind == MoveKind.pack_reversal)).one()
    assert (move.quantity, move.document, move.reason) == (4, "PK00001", "Wrong parcel")
    reversal = session.scalars(select(PackReversal)).one()
    assert (reversal.pack_line.pack, reversal.quantity, reversal.why) == (pack, 4, "Wrong parcel")
    assert (pack.lines[0].quantity, pack.lines[0].reversed) == (4, 4)
    entry = session.scalars(select(HistoryEntry).where(HistoryEntry.action == "reversed")).one()
    assert (entry.document_id, entry.line, entry.why) == (order.id, 1, "Wrong parcel")
    assert entry.old_value.endswith("at WH/A in PK00001")
    assert entry.new_value == "allocated again"


def test_with_free_it_the_goods_are_free_for_others(session, product):
    balance = make_stock(session, product, 4)
    order, pack = packed(session, (product, 4))
    other = make_order(session, [(product, 4)])
    assert reverse(session, pack, free=True) == ["4 of BOLT (line 1, free)"]
    assert (order.lines[0].packed, order.lines[0].allocated, order.lines[0].hold_allocation) == (0, 0, False)
    assert (balance.on_hand, balance.allocated) == (4, 0)
    assert session.scalars(select(Allocation)).all() == []
    # The line has kept its place: the next run serves it before the later order.
    allocate(session, product)
    assert (order.lines[0].allocated, other.lines[0].allocated) == (4, 0)


def test_hold_keeps_the_lines_out_of_the_next_run(session, product):
    make_stock(session, product, 4)
    order, pack = packed(session, (product, 4))
    reverse(session, pack, free=True, hold=True)
    allocate(session, product)
    assert (order.lines[0].allocated, order.lines[0].hold_allocation) == (0, True)


def lot_on_hold(session, balance):
    hold_lot(session, balance.lot_id)


def expired_lot(session, balance):
    set_expiry(session, balance.lot_id, date(2020, 1, 1))


def quarantine(session, balance):
    change_kind(session, balance.location_id, LocationKind.quarantine)


@pytest.mark.parametrize(
    ("happens", "says"), [(lot_on_hold, "on hold"), (expired_lot, "expired"), (quarantine, "in quarantine")]
)
def test_what_returns_to_stock_that_may_not_leave_is_free_and_the_line_is_not_held(session, product, happens, says):
    balance = make_stock(session, product, 4)
    order, pack = packed(session, (product, 4))
    happens(session, balance)
    session.commit()
    assert reverse(session, pack) == [f"4 of BOLT (line 1, free, {says})"]
    assert (balance.on_hand, balance.allocated) == (4, 0)
    assert (order.lines[0].need, order.lines[0].hold_allocation) == (4, False)


def test_serial_numbers_return_free_and_can_be_packed_again(session):
    phone = make_product(session, sku="PHONE", tracking=Tracking.serial)
    make_serials(session, phone, "S1", "S2")
    order, pack = packed(session, (phone, 2), serials=["S1", "S2"])
    assert reverse(session, pack, [pack.lines[0].id], hold=True) == ["1 of PHONE (line 1, free)"]
    assert (order.lines[0].packed, order.lines[0].hold_allocation) == (1, False)
    assert session.scalars(select(Balance.on_hand).order_by(Balance.id)).all() == [1, 0]
    services.pack_order(session, order.id, {order.lines[0].id: ["S1"]})
    session.commit()
    assert order.state is OrderState.done
    assert no_breach(session)


def test_a_serial_number_that_came_back_some_other_way_does_not_return_twice(session):
    phone = make_product(session, sku="PHONE", tracking=Tracking.serial)
    make_serials(session, phone, "S1")
    order, pack = packed(session, (phone, 1), serials=["S1"])
    make_stock(session, phone, 1, lot="S1", location="WH/RETURNS")
    with pytest.raises(SerialInStock, match="S1 of PHONE is in stock already"):
        reverse(session, pack)
    session.rollback()
    assert order.lines[0].packed == 1
    assert no_breach(session)


def test_chosen_lines_return_and_the_others_stay_packed(session, product):
    other = make_product(session, sku="NUT")
    for each in (product, other):
        make_stock(session, each, 5)
    order, pack = packed(session, (product, 5), (other, 5))
    assert reverse(session, pack, [pack.lines[1].id]) == ["5 of NUT (line 2, allocated again)"]
    assert [line.packed for line in order.lines] == [5, 0]
    assert reverse(session, pack) == ["5 of BOLT (line 1, allocated again)"]
    assert [line.packed for line in order.lines] == [0, 0]


def test_no_unit_is_reversed_twice(session, product):
    balance = make_stock(session, product, 4)
    _, pack = packed(session, (product, 4))
    line = pack.lines[0].id
    reverse(session, pack)
    for lines in (None, [line]):
        with pytest.raises(AlreadyReversed, match="PK00001 is reversed already"):
            reverse(session, pack, lines)
        session.rollback()
    assert balance.on_hand == 4
    with pytest.raises(IntegrityError, match="reversed_within_quantity"):
        session.execute(text("UPDATE sales_pack_line SET reversed = quantity + 1"))


def test_lines_of_another_pack_are_refused(session, product):
    make_stock(session, product, 8)
    (_, first), (_, second) = (packed(session, (product, 4)) for _ in range(2))
    with pytest.raises(AlreadyReversed):
        reverse(session, first, [first.lines[0].id, second.lines[0].id])
    session.rollback()
    assert [pack.lines[0].reversed for pack in (first, second)] == [0, 0]


@pytest.mark.parametrize("why", ["", "  "])
def test_a_reason_is_required(session, product, why):
    make_stock(session, product, 4)
    _, pack = packed(session, (product, 4))
    with pytest.raises(ReasonMissing, match="Say why PK00001 is reversed"):
        reverse(session, pack, why=why)


def test_a_pack_that_is_not_there_is_named(session, product):
    with pytest.raises(NotFound, match="no pack '77'"):
        services.reverse_pack(session, 77, why="x")


def test_what_was_packed_again_after_a_reversal_can_be_reversed_again(session, product):
    balance = make_stock(session, product, 4)
    order, first = packed(session, (product, 4))
    reverse(session, first)
    (second,) = make_packs(session, order.id)
    session.commit()
    assert (second.number, order.state) == ("PK00002", OrderState.done)
    reverse(session, second, free=True)
    assert (balance.on_hand, balance.allocated, order.lines[0].need) == (4, 0, 4)


def test_allocations_that_returned_can_be_removed(session, product):
    make_stock(session, product, 4)
    order, pack = packed(session, (product, 4))
    reverse(session, pack)
    services.remove_allocations(session, order.id)
    session.commit()
    assert (pack.lines[0].allocation_id, order.lines[0].need) == (None, 4)
    assert no_breach(session)


def test_the_backorder_row_waits_for_the_next_run(session, product):
    balance = make_stock(session, product, 6)
    order, pack = packed(session, (product, 10))
    hold_lot(session, balance.lot_id)
    session.commit()
    row = session.scalars(select(Backorder)).one()
    reverse(session, pack)
    assert (row.open_quantity, order.lines[0].need) == (4, 10)
    allocate(session, product)
    assert row.open_quantity == 10
    assert no_breach(session)


def test_what_was_cancelled_stays_cancelled(session, product):
    make_stock(session, product, 6)
    order, pack = packed(session, (product, 10))
    services.cancel_order(session, order.id)
    session.commit()
    assert order.state is OrderState.done
    reverse(session, pack)
    line = order.lines[0]
    assert (line.packed, line.cancelled, line.allocated, order.state) == (0, 4, 6, OrderState.confirmed)
    services.cancel_order(session, order.id)
    session.commit()
    assert order.state is OrderState.cancelled
    assert no_breach(session)


def test_confirming_packing_reversing_and_cancelling_are_announced(session, product, published):
    balance = make_stock(session, product, 4)
    order, pack = packed(session, (product, 4))
    goods = (PackedGoods(pack.id, order.lines[0].id, balance.id, pack.lines[0].quantity),)
    reverse(session, pack)
    services.cancel_order(session, order.id)
    assert published == [
        OrderConfirmed((order.id,)),
        GoodsPacked(order.id, goods),
        PackReversed(order.id, goods, "Wrong parcel"),
        OrderCancelled((order.id,)),
    ]


def test_a_draft_or_an_order_of_which_something_is_packed_is_not_announced_as_cancelled(session, product, published):
    make_stock(session, product, 4)
    order, _ = packed(session, (product, 10))
    services.cancel_order(session, order.id)
    services.cancel_order(session, make_draft(session, [(product, 1)]).id)
    assert order.state is OrderState.done
    assert OrderCancelled not in map(type, published)


@pytest.mark.parametrize("lines", [1, 100])
@pytest.mark.parametrize("free", [False, True])
def test_reversing_takes_the_same_statements_for_one_line_as_for_a_hundred(session, count_statements, lines, free):
    products = [make_product(session) for _ in range(lines)]
    for each in products:
        make_stock(session, each, 1)
    _, pack = packed(session, *((each, 1) for each in products))
    with count_statements() as sent:
        services.reverse_pack(session, pack.id, why="Wet", free=free, hold=True)
    assert len(sent) <= 40, "\n".join(sent)


@pytest.mark.parametrize(
    ("table", "change", "says"),
    [
        ("pack_line", "reversed = 10000", "Pack PK00001 line 1: reversed is 1, its reversals add up to 2."),
        ("allocation", "packed = 10000", "SO00001 line 1: 1 of lot L1 at WH/STOCK are packed, its packs hold 0."),
        ("order_line", "packed = 10000, allocated = 0", "Sales order SO00001 line 1: packed is 1, its packs hold 0."),
    ],
)
def test_the_check_names_what_does_not_add_up(session, product, table, change, says):
    make_stock(session, product, 2, lot="L1")
    _, pack = packed(session, (product, 2))
    reverse(session, pack)
    session.execute(text(f"UPDATE sales_{table} SET {change}"))
    assert says in "\n".join(broken_invariants(session))


@pytest.mark.parametrize(("change", "named"), [("quantity = 0", "quantity_positive"), ("why = ''", "why_given")])
def test_the_database_refuses_a_reversal_that_cannot_be(session, product, change, named):
    make_stock(session, product, 2)
    _, pack = packed(session, (product, 2))
    reverse(session, pack)
    with pytest.raises(IntegrityError, match=named):
        session.execute(text(f"UPDATE sales_pack_reversal SET {change}"))


def test_the_command_reverses_a_pack(app, session, product, command):
    nut = make_product(session, sku="NUT")
    for each in (product, nut):
        make_stock(session, each, 5)
    order, _ = packed(session, (product, 5), (nut, 5))
    code, out, _ = command(app, "unpack", "PK00001", "--line", "2", "--why", "Wrong nut", "--free")
    assert (code, out) == (0, "Reversed of PK00001: 5 of NUT (line 2, free).\n")
    assert [line.packed for line in order.lines] == [5, 0]
    code, out, err = command(app, "unpack", "PK00001", "--line", "2", "--why", "Wrong nut")
    assert (code, out) == (1, "")
    assert "What you chose of PK00001 is reversed already." in err
    assert command(app, "unpack", "PK00001", "--line", "3", "--why", "x")[0] == 1
    assert command(app, "unpack", "PK9", "--why", "x")[0] == 1
    assert command(app, "unpack", "PK00001")[0] == 2
    code, out, _ = command(app, "unpack", "PK00001", "--why", "Wet")
    assert (code, out) == (0, "Reversed of PK00001: 5 of BOLT (line 1, allocated again).\n")


def test_the_command_packs_each_warehouse_and_refuses_serial_numbers_that_a_line_has_not(
    app, session, product, command
):
    make_stock(session, product, 1, location="EAST/A")
    make_stock(session, product, 2, location="WEST/A")
    order = make_order(session, [(product, 3)])
    code, _, err = command(app, "pack", order.number, "--serial", "1=S1")
    assert (code, "Line 1: BOLT is not tracked by serial number." in err) == (1, True)
    code, out, _ = command(app, "pack", order.number)
    assert (code, out.splitlines()) == (
        0,
        [
            f"Packed 1 of BOLT of {order.number} as PK00001 in EAST.",
            f"Packed 2 of BOLT of {order.number} as PK00002 in WEST.",
        ],
    )
