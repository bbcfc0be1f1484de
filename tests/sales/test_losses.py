"""What earlier orders would lose if a later one were allocated first, and Allocate Order asking about it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from erp.db import commit, db
from modules.inventory_lots.states import Tracking
from modules.sales import queries, services
from modules.sales.errors import TakesFromEarlier
from modules.sales.models import Allocation
from tests.support.inventory_lots import make_product, make_stock
from tests.support.preorder import allocate_purchase, purchase_allocations_of
from tests.support.procurement import make_purchase_order
from tests.support.sales import allocate, make_customer, make_order

pytestmark = pytest.mark.usefixtures("by_hand")
DECEMBER = date(2026, 12, 1)


@pytest.fixture
def first(session, screws):
    """An earlier order of Acme that waits for 20 of the 25 brass screws."""
    customer = make_customer(session, name="Acme", code="A")
    return make_order(session, [(screws[0], 20)], number="SO-1", customer=customer)


def lost(session, order):
    return [(loss.order, loss.customer, loss.quantity) for loss in queries.losses(session, order.id)]


def agreed_in(page):
    return page.html.partition('name="agreed" value="')[2].partition('"')[0]


def test_an_earlier_order_loses_what_the_later_one_takes_beyond_what_is_left_over(session, first, screws):
    later = make_order(session, [(screws[0], 5)])
    assert lost(session, later) == []
    services.change_quantity(session, later.lines[0].id, Decimal(8))
    assert lost(session, later) == [("SO-1", "Acme", 3)]
    services.add_lines(session, later.id, [services.NewLine(screws[0].id, Decimal(6))])
    assert lost(session, later) == [("SO-1", "Acme", 9)]


def test_an_order_takes_from_those_before_it_only(session, first, screws):
    later = make_order(session, [(screws[0], 20)])
    assert lost(session, first) == []
    assert lost(session, later) == [("SO-1", "Acme", 15)]
    urgent = make_order(session, [(screws[0], 25)], priority=5, number="SO-3")
    assert lost(session, urgent) == []
    assert [(order, quantity) for order, _, quantity in lost(session, first)] == [("SO-3", 20)]


def test_held_orders_and_orders_of_which_stock_covers_nothing_lose_nothing(session, first, screws):
    services.hold_lines(session, [first.lines[0].id], True)
    later = make_order(session, [(screws[0], 20)])
    assert lost(session, later) == []
    services.hold_lines(session, [first.lines[0].id], False)
    make_order(session, [(screws[1], 30)])
    allocate(session, screws[1])  # 8 of it stay without stock
    assert lost(session, make_order(session, [(screws[1], 4)])) == []


def test_a_held_line_of_the_order_takes_as_well(session, first, screws):
    later = make_order(session, [(screws[0], 20)])
    services.hold_lines(session, [later.lines[0].id], True)
    assert lost(session, later) == [("SO-1", "Acme", 15)]


def test_losses_write_nothing_and_take_no_lock(session, first, screws, count_statements):
    later = make_order(session, [(screws[0], 20)])
    session.rollback()
    with count_statements() as sent:
        queries.losses(session, later.id)
    assert [statement for statement in sent if not statement.startswith(("SELECT", "BEGIN"))] == []
    assert [statement for statement in sent if "FOR UPDATE" in statement] == []


def test_a_long_queue_takes_as_many_statements_as_a_short_one(session, screws, count_statements):
    def count(size):
        for _ in range(size):
            make_order(session, [(screws[0], 1), (screws[1], 1)])
        later = make_order(session, [(screws[0], 25), (screws[1], 22)])
        with count_statements() as sent:
            assert len(queries.losses(session, later.id)) >= 2
        return len(sent)

    assert count(1) == count(12)


# Purchase orders


@pytest.mark.needs("preorder")
def test_an_order_that_is_on_purchase_orders_loses_nothing(session, first, screws):
    services.lock_order(session, first.id)
    services.grow_backorders(session, [first.lines[0].id])
    session.commit()
    purchase = make_purchase_order(session, [(screws[0], 30, DECEMBER)])
    allocate_purchase(session, first.lines[0], purchase.lines[0], 18)
    later = make_order(session, [(screws[0], 25)])
    assert lost(session, later) == [("SO-1", "Acme", 2)]


@pytest.mark.needs("preorder")
@pytest.mark.parametrize(("rule", "quantity"), [("skip", 0), ("partial", 7)])
def test_an_earlier_order_loses_the_purchase_supply_that_a_run_would_give_it(session, set_option, rule, quantity):
    product = make_product(session)
    make_order(session, [(product, 10)], number="SO-1", customer=make_customer(session, name="Acme"))
    later = make_order(session, [(product, 7)])
    make_purchase_order(session, [(product, 8, DECEMBER)])
    assert lost(session, later) == []  # without automatic allocation neither gets any of it
    set_option("preorder.auto_allocate", "yes")
    set_option("preorder.insufficient_supply", rule)
    assert lost(session, later) == ([("SO-1", "Acme", quantity)] if quantity else [])


@pytest.mark.needs("preorder")
def test_purchase_supply_that_the_later_order_gives_back_makes_up_for_the_stock_it_takes(session, set_option):
    set_option("preorder.auto_allocate", "yes")
    product = make_product(session)
    later = make_order(session, [(product, 6)])
    services.lock_order(session, later.id)
    services.grow_backorders(session, [later.lines[0].id])
    purchase = make_purchase_order(session, [(product, 6, DECEMBER)])
    allocate_purchase(session, later.lines[0], purchase.lines[0], 6)
    make_order(session, [(product, 6)], number="SO-1", priority=1)
    assert lost(session, later) == []
    make_stock(session, product, 6)
    session.commit()
    assert lost(session, later) == []
    services.allocate_order(session, later.id, agreed="")
    session.commit()
    assert purchase_allocations_of(session, later.lines[0]) == []


# The screen


def test_allocate_order_says_from_whom_it_takes_and_asks(session, desk, first, screws):
    later = make_order(session, [(screws[0], 15)], number="SO-2")
    page = desk.order(later, "allocate")
    assert page.status == 409
    assert "SO-2 would take what earlier orders wait for" in page.text
    assert page.rows("losses") == [["SO-1/1", "Acme", "BRASS", "10", "pcs"]]
    assert session.scalar(select(func.count()).select_from(Allocation)) == 0
    page = desk.order(later, "allocate", agreed=agreed_in(page))
    assert page.status == 200
    assert "What was allocated to SO-2" in page.text
    assert later.lines[0].allocated == 15


def test_allocate_order_asks_nothing_when_nobody_loses(session, desk, first, screws):
    later = make_order(session, [(screws[0], 5)], number="SO-2")
    assert desk.order(later, "allocate").status == 200
    assert later.lines[0].allocated == 5


def test_allocate_order_agreed_to_twice_allocates_once(session, desk, first, screws):
    later = make_order(session, [(screws[0], 15)])
    agreed = agreed_in(desk.order(later, "allocate"))
    for _ in range(2):
        assert desk.order(later, "allocate", agreed=agreed).status == 200
    assert later.lines[0].allocated == 15
    assert session.scalar(select(func.count()).select_from(Allocation)) == 1


def test_allocate_order_asks_again_when_others_would_lose_than_those_agreed_to(session, desk, first, screws):
    later = make_order(session, [(screws[0], 15)])
    agreed = agreed_in(desk.order(later, "allocate"))
    make_order(session, [(screws[0], 5)], number="SO-9", priority=1)
    page = desk.order(later, "allocate", agreed=agreed)
    assert page.status == 409
    assert [(row[0], row[3]) for row in page.rows("losses")] == [("SO-1/1", "15")]
    assert later.lines[0].allocated == 0


def test_an_agreement_that_is_not_needed_any_more_does_no_harm(session, desk, first, screws):
    later = make_order(session, [(screws[0], 15)])
    agreed = agreed_in(desk.order(later, "allocate"))
    services.cancel_order(session, first.id)
    session.commit()
    assert desk.order(later, "allocate", agreed=agreed).status == 200
    assert later.lines[0].allocated == 15


def test_the_refusal_names_the_order_the_customer_and_the_quantity(session, first, screws):
    later = make_order(session, [(screws[0], 15)], number="SO-2")
    with pytest.raises(TakesFromEarlier) as refused:
        services.allocate_order(session, later.id, agreed="")
    assert refused.value.facts == {"order": "SO-2", "losers": ["SO-1 of Acme (10)"]}


def test_an_order_of_serial_numbers_takes_nothing(session):
    serial = make_product(session, tracking=Tracking.serial)
    make_order(session, [(serial, 1)])
    assert lost(session, make_order(session, [(serial, 1)])) == []


def test_of_two_that_allocate_at_once_without_asking_one_is_asked(app, session, screws):
    """Whether anybody loses is decided under the lock, on what the first of the two has left."""
    earliest = make_order(session, [(screws[0], 5)], number="SO-1")
    orders = [make_order(session, [(screws[0], 15)]).id for _ in range(2)]
    services.hold_lines(
        session, [line.id for id_ in orders for line in queries.order_with_lines(session, id_).lines], True
    )
    session.commit()

    def press(order_id):
        with app.app_context():
            try:
                commit(lambda session: services.allocate_order(session, order_id, agreed=""))
            except TakesFromEarlier:
                db.session.rollback()
                return "asked"
            finally:
                db.session.remove()
            return "allocated"

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(press, orders))
    assert answers == ["allocated", "asked"]
    session.expire_all()
    assert session.scalar(select(func.sum(Allocation.quantity))) == Decimal(15)
    assert earliest.lines[0].allocated == 0


def test_a_queue_for_which_stock_is_enough_is_not_read(session, screws):
    def demands(quantity):
        order = make_order(session, [(screws[0], quantity)])
        lines = tuple(line.id for line in order.lines)
        scope = queries.Scope((screws[0].id,), beyond_queue=lines, of_document=True)
        (snapshot,) = queries.read_snapshots(session, scope, queries.rules_of_runs(session))
        return [demand.line_id for demand in snapshot.demands], list(lines)

    earlier = [make_order(session, [(screws[0], 1)]).lines[0].id for _ in range(20)]
    read, asked = demands(5)
    assert read == asked
    read, more = demands(1)  # 26 of the 25
    assert read == [*earlier, *asked, *more]
