"""Screws are ordered, partly backordered, packed in part, restocked and packed in full."""

from decimal import Decimal

from sqlalchemy import select

from erp.registry import current_registry
from modules.sales import services
from modules.sales.models import Allocation, Backorder, Pack
from modules.sales.states import BackorderState, OrderState
from tests.support.inventory_lots import make_product, make_stock, set_stock
from tests.support.sales import make_order


def test_an_order_is_allocated_packed_in_part_and_finished_when_stock_comes(session, set_option):
    # An order for 25 Brass Screw and 25 Self-Tapping Screw; stock of 25 in two lots at two locations, and of 22.
    set_option("sales.allocate_on_confirm", "no")
    brass = make_product(session, sku="SCREW-BRASS", name="Brass Screw")
    tapping = make_product(session, sku="SCREW-TAP", name="Self-Tapping Screw")
    make_stock(session, brass, 15, lot="B1", location="WH/A")
    make_stock(session, brass, 10, lot="B2", location="WH/B")
    stock = make_stock(session, tapping, 22, lot="T1", location="WH/A")
    order = make_order(session, [(brass, 25), (tapping, 25)])

    # Allocate Order gives three allocation lines and one backorder of 3.
    services.allocate_order(session, order.id)
    session.commit()
    lines = session.scalars(select(Allocation).order_by(Allocation.id)).all()
    assert [(row.balance.lot.number, row.balance.location.path, row.quantity) for row in lines] == [
        ("B1", "WH/A", 15),
        ("B2", "WH/B", 10),
        ("T1", "WH/A", 22),
    ]
    backorder = session.scalars(select(Backorder)).one()
    assert (backorder.line.product, backorder.open_quantity) == (tapping, 3)

    # Pack Allocated Order packs 25 and 22, records it on the allocation lines, and keeps the backorder.
    services.pack_order(session, order.id)
    session.commit()
    assert [line.packed for line in order.lines] == [25, 22]
    assert [row.packed for row in session.scalars(select(Allocation).order_by(Allocation.id))] == [15, 10, 22]
    assert backorder.state is BackorderState.open

    # An adjustment adds stock; the backorder stays open until somebody allocates again.
    set_stock(session, stock, 100)
    assert backorder.open_quantity == 3

    # Allocating again adds one allocation line of 3 and closes the backorder.
    services.allocate_order(session, order.id)
    session.commit()
    newest = session.scalars(select(Allocation).order_by(Allocation.id.desc())).first()
    assert len(session.scalars(select(Allocation)).all()) == 4
    assert (newest.quantity, newest.packed) == (3, 0)
    assert backorder.state is BackorderState.allocated

    # Packing again packs the last 3.
    services.pack_order(session, order.id)
    session.commit()
    packs = session.scalars(select(Pack).order_by(Pack.id)).all()
    assert [[line.quantity for line in pack.lines] for pack in packs] == [[15, 10, 22], [3]]
    assert newest.packed == 3
    assert order.state is OrderState.done
    assert stock.on_hand == Decimal(97)
    assert [breach for check in current_registry().checks for breach in check.thing(session)] == []


def test_with_allocation_on_confirmation_the_first_result_is_the_same(session):
    brass, tapping = make_product(session), make_product(session)
    make_stock(session, brass, 15, location="WH/A")
    make_stock(session, brass, 10, location="WH/B")
    make_stock(session, tapping, 22)
    make_order(session, [(brass, 25), (tapping, 25)])
    assert session.scalars(select(Allocation.quantity).order_by(Allocation.id)).all() == [15, 10, 22]
    assert session.scalars(select(Backorder.quantity)).all() == [3]


def test_material_is_taken_from_one_order_and_given_to_another(session):
    # Material is needed for another order: its allocation lines are removed, and the other order is allocated.
    screw = make_product(session)
    make_stock(session, screw, 10)
    first, urgent = make_order(session, [(screw, 10)]), make_order(session, [(screw, 10)])
    services.remove_allocations(session, first.id)
    session.commit()
    services.allocate_order(session, urgent.id)
    session.commit()
    assert [first.lines[0].allocated, urgent.lines[0].allocated] == [0, 10]

    # 5 more arrive, and the first order is allocated again: it gets 5, and 5 stay on backorder.
    make_stock(session, screw, 5)
    services.allocate_order(session, first.id)
    session.commit()
    backorder = session.scalars(select(Backorder).where(Backorder.line_id == first.lines[0].id)).one()
    assert (first.lines[0].allocated, backorder.open_quantity) == (5, 5)
