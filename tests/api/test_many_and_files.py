"""Many rows at once, files that a job writes, and the run over the whole book."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import event, func, select

from erp.db import db
from erp.exchange import export_kinds
from modules.api import services
from modules.api.models import ExportFile, KeptAnswer
from modules.sales.models import Allocation, Customer, Order, Quote
from modules.sales.services import book
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_customer, make_order

pytestmark = pytest.mark.needs("sales")


def test_many_orders_are_entered_as_far_as_they_can_be(session, program):
    make_product(session, sku="LAMP")
    make_customer(session, code="C1")
    session.commit()
    good = {"customer": "C1", "lines": [{"sku": "LAMP", "quantity": "2"}]}
    rows = [good, {**good, "customer": "C2"}, {**good, "quote": "T"}, {**good, "priority": 3}]
    found = program.post("/orders/create", {"items": rows}, key="many")["items"]
    assert [each["status"] for each in found] == [200, 422, 422, 200]
    assert [each["problem"] and each["problem"]["field"] for each in found] == [None, "customer", "quote", None]
    orders = session.scalars(select(Order).order_by(Order.id)).all()
    assert [(order.id, order.priority) for order in orders] == [(found[0]["id"], 0), (found[3]["id"], 3)]
    assert program.post("/orders/create", {"items": rows}, key="many")["items"] == found
    assert session.scalar(select(func.count()).select_from(Order)) == 2


def test_one_of_many_customers_that_is_refused_stops_no_other(session, program):
    rows = [{"code": "C1", "name": "One"}, {"code": "C1", "name": "Again"}, {"code": "C2", "name": "Two"}]
    found = program.post("/customers/create", {"items": rows})["items"]
    assert [each["status"] for each in found] == [200, 409, 200]
    assert session.scalars(select(Customer.code).order_by(Customer.code)).all() == ["C1", "C2"]


def test_a_file_is_asked_for_written_by_the_job_and_read(session, program):
    make_customer(session, code="C1", name="Ann's lamps")
    session.commit()
    assert "customers" in export_kinds(lambda _right: True)
    program.post("/exports", {"kind": "nothing"}, 422)
    asked = program.post("/exports", {"kind": "customers"}, 201)
    path = f"/exports/{asked['id']}"
    assert (asked["state"], program.get(f"{path}/file", 409)["type"]) == ("waiting", "urn:erp:refusal:ExportNotWritten")
    assert [job["is_requested"] for job in program.get("/jobs")["items"] if job["name"] == "write-exports"] == [True]
    assert (services.write_exports(db.session()), services.write_exports(db.session())) == (1, 0)
    assert program.get(path)["state"] == "written"
    program.get(f"{path}/file")
    assert (program.answer.mimetype, "Ann's lamps" in program.answer.get_data(as_text=True)) == ("text/csv", True)


def test_a_file_is_not_written_for_who_may_not_have_it_any_more(session, program):
    session.add(ExportFile(kind="customers", user_name="gone"))
    session.commit()
    services.write_exports(db.session())
    (file,) = session.scalars(select(ExportFile)).all()
    assert (file.state, file.content) == ("failed", None)
    assert "that you may export" in file.error


def open_book(session):
    """Two orders that wait for 5 lamps which have come."""
    lamp = make_product(session, sku="LAMP")
    orders = [make_order(session, [(lamp, 3)]) for _ in range(2)]
    make_stock(session, lamp, 5)
    session.commit()
    return lamp, orders


def test_the_run_over_the_whole_book_does_what_it_showed_or_nothing(session, program):
    lamp, _ = open_book(session)
    shown = program.post("/allocate-book?dry_run=true")
    assert [change["allocated_after"] for change in shown["answer"]["changes"]] == ["3", "2"]
    assert session.scalars(select(Allocation)).all() == []
    make_stock(session, lamp, 1, lot="L2")
    session.commit()
    assert program.post(f"/allocate-book?plan={shown['plan']}", status=409)["type"] == "urn:erp:refusal:PlanChanged"
    shown = program.post("/allocate-book?dry_run=true")
    done = program.post(f"/allocate-book?plan={shown['plan']}", key="run")
    assert {**done, "summary": None} == shown["answer"]
    assert session.scalar(select(func.count()).select_from(Allocation)) == 3
    assert program.post(f"/allocate-book?plan={shown['plan']}", key="run") == done


def waiting_orders(session, number):
    """So many orders that wait, each for a product of its own, which has come."""
    for _ in range(number):
        product = make_product(session)
        make_order(session, [(product, 4)])
        make_stock(session, product, 4)
    session.commit()


@pytest.mark.parametrize("shared", [True, False], ids=["of one product", "of a product each"])
def test_the_run_over_the_book_takes_as_many_statements_for_forty_orders_as_for_two(
    session, program, count_statements, shared
):
    sent = {}
    for orders in (1, 2, 40):  # the first prepares what is kept prepared
        if shared:
            product = make_product(session)
            for _ in range(orders):
                make_order(session, [(product, 4)])
            make_stock(session, product, 4 * orders)
            session.commit()
        else:
            waiting_orders(session, orders)
        with count_statements() as sent[orders]:
            assert program.post("/allocate-book")["lines"] == orders
    assert len(sent[40]) == len(sent[2]), "\n".join(sent[40])


def test_the_run_over_the_book_takes_the_same_statements_more_for_each_block(
    session, program, count_statements, monkeypatch
):
    monkeypatch.setattr(book, "BATCH", 10)
    sent = {}
    for orders in (1, 10, 20, 40):
        waiting_orders(session, orders)
        with count_statements() as sent[orders]:
            assert program.post("/allocate-book")["lines"] == orders
    of_a_block = len(sent[20]) - len(sent[10])
    assert of_a_block > 0
    assert len(sent[40]) == len(sent[20]) + 2 * of_a_block


@pytest.fixture
def locking():
    """The statements that lock rows."""
    found = []

    def note(_connection, _cursor, statement, *_more):
        if " FOR " in statement and "UPDATE" in statement:
            found.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield found
    event.remove(db.engine, "before_cursor_execute", note)


def test_a_dry_run_of_a_quote_and_of_the_whole_book_locks_no_row(session, program, locking):
    open_book(session)
    locking.clear()
    body = {"lines": [{"sku": "LAMP", "quantity": "1"}]}
    shown = program.post("/quotes?dry_run=true", body)
    program.post("/allocate-book?dry_run=true")
    assert locking == []
    assert session.scalars(select(Quote)).all() == []
    made = program.post(f"/quotes?plan={shown['plan']}", body, 201)
    assert made["lines"][0]["promise_date"] == shown["answer"]["lines"][0]["promise_date"]
    assert bool(locking) == (session.get_bind().dialect.name == "postgresql")


def test_the_token_of_a_quote_is_kept_so_that_its_sender_alone_can_read_it(session, program):
    open_book(session)
    body = {"lines": [{"sku": "LAMP", "quantity": "1"}]}
    made = program.post("/quotes", body, 201, key="one")
    (kept,) = session.scalars(select(KeptAnswer.body)).all()
    assert made["token"] not in kept and json.loads(kept)["id"] == made["id"]
    assert program.post("/quotes", body, 201, key="one") == made
    assert program.post("/quotes", body, 201, key="two")["token"] != made["token"]
