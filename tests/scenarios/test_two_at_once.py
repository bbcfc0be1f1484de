"""Several clerks at once: the second one gets what is left, and nobody gets an error."""

import json
import random
import subprocess
import sys
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from erp.db import commit, db
from erp.registry import current_registry
from modules.inventory_lots.models import Balance
from modules.sales import services
from modules.sales.models import Allocation, Backorder, OrderLine, PackLine
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_draft, make_order

# One process prepares the application and forks a process for each clerk before any of them opens a connection.
CLERKS = """
import json, os, sys, time
from erp import events
from erp.app import create_app
from erp.db import commit
from erp.errors import ErpError
from erp.models import RunKind
from modules.sales import services

url, plans, instance = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
app = create_app(database_url=url, environment={"ERP_INSTANCE": instance})
start = time.time() + 0.5

def work(plan):
    refused = []
    with app.app_context():
        time.sleep(max(0, start - time.time()))
        for verb, *arguments in plan:
            more = arguments.pop() if isinstance(arguments[-1], dict) else {}
            with events.run(RunKind.screen, verb):
                try:
                    commit(lambda session: getattr(services, verb)(session, *arguments, **more))
                except ErpError as error:
                    refused.append(type(error).__name__)
    return refused

pipes = []
for plan in plans:
    reader, writer = os.pipe()
    if os.fork() == 0:
        try:
            os.write(writer, json.dumps(work(plan)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    pipes.append(reader)
print(json.dumps([os.fdopen(reader).read() for reader in pipes]))
"""


def run_at_once(tmp_path, plans):
    """Run each plan, a list of [verb, argument, ...] that may end with keywords, in a process of its own.

    Returns the refusals of each.
    """
    url = db.engine.url.render_as_string(hide_password=False)
    db.session.commit()
    command = [sys.executable, "-W", "ignore", "-c", CLERKS, url, json.dumps(plans), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    db.session.expire_all()
    answers = json.loads(done.stdout)
    assert "" not in answers, done.stderr
    return [json.loads(answer) for answer in answers]


def no_breach(session):
    return [breach for owned in current_registry().checks for breach in owned.thing(session)] == []


@pytest.mark.real_clock
def test_two_clerks_who_confirm_at_once_never_get_the_same_last_units(session, tmp_path):
    product = make_product(session)
    make_stock(session, product, 5)
    orders = [make_draft(session, [(product, 5)]) for _ in range(2)]
    refused = run_at_once(tmp_path, [[["confirm", order.id]] for order in orders])
    assert refused == [[], []]
    assert sorted(order.lines[0].allocated for order in orders) == [0, 5]
    assert session.scalars(select(Backorder.quantity)).all() == [5]
    assert session.scalars(select(Balance.allocated)).all() == [5]
    assert no_breach(session)


OPERATIONS = 8


def actions_of(dice, order_ids):
    """Yield what one clerk does: allocates, removes and packs orders that others work on too."""
    yield ["confirm", order_ids[0]]
    for _ in range(OPERATIONS):
        order_id = dice.choice([*order_ids[:2], *order_ids])
        yield [dice.choice(["allocate_order", "allocate_order", "remove_allocations", "pack_order"]), order_id]


@pytest.mark.real_clock
def test_many_who_allocate_remove_and_pack_at_once_lose_no_unit(session, tmp_path, request):
    workers = 4 if "sqlite" in request.node.callspec.id else 20
    products = [make_product(session) for _ in range(10)]
    for product in products:
        make_stock(session, product, 20)
        make_stock(session, product, 10)
    ids = [make_draft(session, [(product, 2) for product in products]).id for _ in range(workers)]
    dice = random.Random(7)
    plans = [list(actions_of(dice, ids[number:] + ids[:number])) for number in range(workers)]
    refused = run_at_once(tmp_path, plans)
    assert {name for names in refused for name in names} <= {"InvalidTransition", "NothingToPack"}
    assert no_breach(session)
    on_hand = session.scalar(select(func.sum(Balance.on_hand)))
    packed = session.scalar(select(func.sum(OrderLine.packed)))
    assert on_hand + packed == Decimal(300)
    assert 0 < packed == session.scalar(select(func.sum(Allocation.packed)))
    held = session.scalar(select(func.sum(Allocation.quantity - Allocation.packed)))
    assert (
        held
        == session.scalar(select(func.sum(Balance.allocated)))
        == session.scalar(select(func.sum(OrderLine.allocated)))
    )


@pytest.mark.real_clock
def test_two_clerks_who_reverse_the_same_pack_at_once_return_its_goods_once(session, tmp_path):
    product = make_product(session)
    balance = make_stock(session, product, 5)
    order = make_order(session, [(product, 5)])
    (pack,) = services.pack_order(session, order.id)
    session.commit()
    plan = [["reverse_pack", pack.id, {"why": "Wet"}]]
    refused = run_at_once(tmp_path, [plan, plan])
    assert sorted(refused) == [[], ["AlreadyReversed"]]
    assert (balance.on_hand, balance.allocated, order.lines[0].packed, order.lines[0].allocated) == (5, 5, 0, 5)
    assert no_breach(session)


@pytest.mark.real_clock
def test_a_pack_is_reversed_while_the_remainder_is_packed_and_no_unit_is_lost(session, tmp_path):
    products = [make_product(session) for _ in range(4)]
    for product in products:
        make_stock(session, product, 2)
    orders = [make_order(session, [(product, 4)]) for product in products]
    packs = [commit(lambda session, order=order: services.pack_order(session, order.id)[0]) for order in orders]
    for product in products:
        make_stock(session, product, 2)
    services.allocate_products(session, [product.id for product in products])
    session.commit()
    reversals = [
        ["reverse_pack", pack.id, {"why": "Wet", "free": number % 2 == 0}] for number, pack in enumerate(packs)
    ]
    packing = [["pack_order", order.id] for order in orders]
    refused = run_at_once(tmp_path, [reversals, packing, list(reversed(packing))])
    assert {name for names in refused for name in names} <= {"NothingToPack", "InvalidTransition"}
    assert refused[0] == []
    on_hand = session.scalar(select(func.sum(Balance.on_hand)))
    packed = session.scalar(select(func.sum(OrderLine.packed)))
    assert on_hand + packed == Decimal(16)
    assert packed == session.scalar(select(func.sum(PackLine.quantity - PackLine.reversed)))
    assert no_breach(session)
