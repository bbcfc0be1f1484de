"""What a module adds to the order of service: each run, preview and answer follows it; its failures harm nobody."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import func, select

from erp import migrations
from erp.db import commit, db
from erp.history import Subject, record
from erp.models import HistoryEntry
from erp.third_parties import ModuleFailed
from modules.inventory_lots.models import Balance
from modules.inventory_lots.services import Count, adjust
from modules.preorder.queries.what_if import rush_of, what_if
from modules.sales import queries, services
from modules.sales.models import Allocation
from modules.sales.queries.explanation import explain
from tests.conftest import make_app
from tests.core.test_sample_module import TESTS
from tests.support import databases
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import allocate, make_customer, make_draft, make_order
from tests.support.statements import parameters_sent


@pytest.fixture(params=["sqlite", "postgres"])
def session(request, all_databases, tmp_path, worker_name):
    """A session of an installation whose sample module has its say in the order of service."""
    url = databases.TEMPLATES[request.param](all_databases.shared, all_databases.install)
    app = make_app(url.copy(tmp_path, f"rules_{worker_name}"), tmp_path, TESTS)
    with app.app_context():
        migrations.install("sample_module")
        yield db.session()
        db.session.remove()
        db.engine.dispose()


def favour(session, customer):
    """Let the wishes of a customer come first."""
    from modules.sample_module.models import CustomerTerms

    session.add(CustomerTerms(customer_id=customer.id, wishes_first=True))
    session.commit()
    return customer


def wish(session, order):
    from modules.sample_module import services as sample

    return commit(lambda session: sample.make_wish(session, order, "Gift paper"))


def allocated(*orders):
    return [order.lines[0].allocated for order in orders]


def test_every_run_preview_and_answer_serves_in_the_order_that_the_module_says(session):
    product = make_product(session)
    favoured = favour(session, make_customer(session))
    other = make_order(session, [(product, 5)])
    first = make_order(session, [(product, 5)], customer=favoured)
    urgent = make_order(session, [(product, 5)], priority=1)
    orders = (urgent, first, other)
    make_stock(session, product, 7)
    (preview,) = queries.preview_products(session, [product.id])
    allocate(session, product)
    assert allocated(*orders) == [5, 2, 0]
    shown = {line_id: change.allocated / 10_000 for line_id, change in preview.changes.items() if change.allocated}
    assert shown == {order.lines[0].id: order.lines[0].allocated for order in orders[:2]}
    assert [explain(session, order.lines[0]).place for order in (first, other)] == [1, 2]
    holders = queries.holders_of(session, {product.id: Decimal(7)})[product.id]
    assert [holder.order_id for holder in holders] == [first.id, urgent.id]
    balance = session.scalars(select(Balance).where(Balance.product_id == product.id)).one()
    adjust(session, Count(product.id, balance.location_id, Decimal(6), balance.lot.number), reason="Lost", release=True)
    session.commit()
    assert allocated(*orders) == [5, 1, 0]


def test_drafts_and_what_ifs_count_at_the_place_that_they_will_have(session):
    product = make_product(session)
    favoured = favour(session, make_customer(session))
    other = make_order(session, [(product, 5)])
    draft = make_draft(session, [(product, 5)], customer=favoured)
    make_stock(session, product, 5)
    assert what_if(session, rush_of(draft)).own[1].uncovered == 0
    places = queries.places_of(session, [*draft.lines, *other.lines])
    assert places[draft.lines[0].id] < places[other.lines[0].id]
    assert places == queries.read_places(session, list(places))
    wish(session, draft)
    assert what_if(session, rush_of(draft)).own[1].uncovered == 5
    session.rollback()


def test_what_the_module_holds_is_left_alone_by_runs_and_served_by_hand(session):
    product = make_product(session)
    held, other = (make_order(session, [(product, 5)]) for _ in range(2))
    wish(session, held)
    make_stock(session, product, 5)
    allocate(session, product)
    assert allocated(held, other) == [0, 5]
    said = explain(session, held.lines[0])
    assert said.place is None
    assert "A wish is not granted yet. Automatic runs leave the line alone." in said.headline
    make_stock(session, product, 5)
    commit(lambda session: services.allocate_order(session, held.id))
    assert allocated(held, other) == [5, 5]


def refuse(*_args):
    raise ZeroDivisionError("no order today")


def write(session):
    record(session, Subject("sales.order", None, "nobody"), "changed")


@pytest.mark.parametrize(("fault", "reason"), [(refuse, "no order today"), (write, "it writes, and it may only read")])
def test_an_answer_that_fails_or_writes_undoes_the_action_and_names_the_module(session, monkeypatch, fault, reason):
    from modules.sample_module import queries as sample

    product = make_product(session)
    order = make_order(session, [(product, 5)])
    make_stock(session, product, 5)
    entries = session.scalar(select(func.count(HistoryEntry.id)))
    monkeypatch.setattr(sample, "has_waiting_wish", lambda: fault(session))
    with pytest.raises(ModuleFailed, match=f"sample_module.*service_rule.*{reason}"):
        commit(lambda session: services.allocate_order(session, order.id))
    monkeypatch.undo()
    assert session.scalar(select(func.count(Allocation.id))) == 0
    assert session.scalar(select(func.count(HistoryEntry.id))) == entries


def test_a_run_takes_as_many_statements_for_twenty_lines_as_for_two(session):
    def run(orders):
        product = make_product(session)
        for _ in range(orders):
            make_order(session, [(product, 1)])
        make_stock(session, product, orders)
        session.commit()
        with parameters_sent() as sent:
            services.allocate_products(session, [product.id])
            session.commit()
        return len(sent)

    run(1)
    assert run(20) == run(2)


def test_asking_for_a_long_draft_takes_as_many_statements_as_for_a_short_one(session):
    def ask(lines):
        products = [make_product(session) for _ in range(lines)]
        draft = make_draft(session, [(product, 1) for product in products])
        session.commit()
        question = rush_of(draft)
        with parameters_sent() as sent:
            what_if(session, question)
        return len(sent)

    ask(1)
    assert ask(20) == ask(2)
