"""Many rows are made in one request, each as far as it can be, in as many statements for two as for forty."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import func, select

from erp import checks
from modules.inventory_lots.models import Balance, Product, StockMove
from modules.preorder.models import PurchaseAllocation
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine, Receipt, Supplier
from modules.sales.models import Customer, Order, OrderLine
from modules.sales.services import hold_lines
from tests.support.concurrency import together
from tests.support.inventory_lots import make_location, make_product
from tests.support.numbering import next_number
from tests.support.procurement import make_purchase_order, make_supplier
from tests.support.sales import make_customer, make_order

pytestmark = [pytest.mark.needs("sales"), pytest.mark.needs("preorder")]
Body = dict[str, Any]


def skus(session, count):
    return [make_product(session).sku for _ in range(count)]


def products(session, count):
    taken = make_product(session).sku
    good = [{"sku": f"NEW-{next_number('new')}", "name": "New"} for _ in range(count)]
    return good, {"sku": taken.lower(), "name": "Again"}


def customers(session, count):
    return contacts(make_customer(session), count)


def suppliers(session, count):
    return contacts(make_supplier(session), count)


def contacts(taken, count):
    good = [{"code": f"NEW-{next_number('new')}", "name": "New", "city": "Rome"} for _ in range(count)]
    return good, {"code": taken.code.lower(), "name": "Again"}


def counts(session, count):
    make_location(session)
    rows = [
        {"sku": sku, "location": "WH/STOCK", "quantity": "3", "lot": "L1", "why": f"count of {sku}"}
        for sku in skus(session, count + 1)
    ]
    return rows[:count], {**rows[count], "quantity": "0.5"}


def orders(session, count):
    rows = [
        {"customer": make_customer(session).code, "lines": [{"sku": sku, "quantity": "2"}] * 2}
        for sku in skus(session, count + 1)
    ]
    return rows[:count], {**rows[count], "lines": [{"sku": rows[count]["lines"][0]["sku"], "quantity": "0.5"}]}


def purchase_orders(session, count):
    rows = [
        {"supplier": make_supplier(session).code, "lines": [{"sku": sku, "quantity": "2", "unit_cost": "1.5"}] * 2}
        for sku in skus(session, count + 1)
    ]
    return rows[:count], {**rows[count], "lines": [{"sku": rows[count]["lines"][0]["sku"], "quantity": "0.5"}]}


def receipts(session, count):
    make_location(session)
    lines = [make_purchase_order(session).lines[0].id for _ in range(count + 1)]
    rows = [{"line_id": id_, "quantity": "4", "location": "WH/STOCK", "lot": "L1"} for id_ in lines]
    return rows[:count], {**rows[count], "quantity": "99"}


def purchase_allocations(session, count):
    rows = []
    for _ in range(count + 1):
        product = make_product(session)
        line = make_order(session, [(product, 5)]).lines[0]
        bought = make_purchase_order(session, [(product, 9)]).lines[0]
        rows.append({"line_id": line.id, "purchase_line_id": bought.id, "quantity": "2"})
    return rows[:count], {**rows[count], "quantity": "8"}


@dataclass(frozen=True)
class Kind:
    """Rows of a resource: `rows(session, count)` gives so many that can be made, and one that cannot."""

    rows: Callable[[Any, int], tuple[list[Body], Body]]
    model: Any
    refusal: str


KINDS: Mapping[str, Kind] = {
    "products": Kind(products, Product, "RecordTaken"),
    "customers": Kind(customers, Customer, "RecordTaken"),
    "suppliers": Kind(suppliers, Supplier, "RecordTaken"),
    "stock": Kind(counts, Balance, "BadQuantity"),
    "orders": Kind(orders, Order, "BadQuantity"),
    "purchase-orders": Kind(purchase_orders, PurchaseOrder, "BadQuantity"),
    "receipts": Kind(receipts, Receipt, "OverReceipt"),
    "purchase-allocations": Kind(purchase_allocations, PurchaseAllocation, "NotWaiting"),
}
EACH_KIND = pytest.mark.parametrize("name", KINDS)


def rows_of(session, name, count):
    found = KINDS[name].rows(session, count)
    session.commit()
    return found


def number_of(session, name):
    return session.scalar(select(func.count()).select_from(KINDS[name].model))


def statuses(answer):
    return [each["status"] for each in answer["items"]]


def refusals(answer):
    return [each["problem"] and each["problem"]["type"].rpartition(":")[2] for each in answer["items"]]


@EACH_KIND
def test_a_refused_row_is_named_and_the_others_are_made(session, program, name):
    (first, second), wrong = rows_of(session, name, 2)
    before = number_of(session, name)
    found = program.post(f"/{name}/create", {"items": [first, wrong, second]})
    assert refusals(found) == [None, KINDS[name].refusal, None]
    assert (statuses(found)[0], statuses(found)[2], found["items"][1]["id"]) == (200, 200, None)
    assert number_of(session, name) == before + 2
    for made, row in zip((found["items"][0], found["items"][2]), (first, second), strict=True):
        shown = program.get(f"/{name}/{made['id']}")
        for field in row.keys() & shown.keys() - {"lines"}:
            assert shown[field] == row[field]
        for line, wanted in zip(shown.get("lines", ()), row.get("lines", ()), strict=True):
            assert (line["sku"], line["quantity"]) == (wanted["sku"], wanted["quantity"])


@EACH_KIND
@pytest.mark.parametrize("refused", [False, True], ids=["all are made", "half are refused"])
def test_two_rows_and_forty_take_the_same_statements(session, program, count_statements, name, refused):
    sent = {}
    for size in (1, 2, 40):  # the first notes that the token is used, and what is kept prepared
        good, wrong = rows_of(session, name, size)
        rows = [wrong if refused and place % 2 else row for place, row in enumerate(good)]
        with count_statements() as sent[size]:
            found = program.post(f"/{name}/create", {"items": rows})
        assert [refusal is None for refusal in refusals(found)] == [row is not wrong for row in rows]
    assert len(sent[40]) == len(sent[2]), "\n".join(sent[40])


@EACH_KIND
def test_many_rows_that_are_sent_again_are_made_once(session, program, name):
    good, wrong = rows_of(session, name, 2)
    body = {"items": [*good, wrong]}
    first = program.post(f"/{name}/create", body, key="many")
    made = number_of(session, name)
    assert program.post(f"/{name}/create", body, key="many") == first
    assert program.answer.headers["Idempotent-Replayed"] == "true"
    assert number_of(session, name) == made
    program.post(f"/{name}/create", {"items": good}, 422, key="many")


@EACH_KIND
def test_a_dry_run_makes_none_of_many_and_its_plan_makes_what_it_showed(session, program, name):
    good, wrong = rows_of(session, name, 2)
    before, body = number_of(session, name), {"items": [good[0], wrong, good[1]]}
    shown = program.post(f"/{name}/create?dry_run=true", body)
    assert refusals(shown["answer"]) == [None, KINDS[name].refusal, None]
    assert number_of(session, name) == before
    program.post(f"/{name}/create?plan={shown['plan']}", {"items": good}, 409)
    done = program.post(f"/{name}/create?plan={shown['plan']}", body)
    assert refusals(done) == refusals(shown["answer"])
    assert number_of(session, name) == before + 2


def test_a_plan_of_many_is_refused_whole_where_one_row_would_now_be_refused(session, program):
    good, _ = rows_of(session, "products", 2)
    plan = program.post("/products/create?dry_run=true", {"items": good})["plan"]
    program.post("/products", good[1], 201)
    before = number_of(session, "products")
    refused = program.post(f"/products/create?plan={plan}", {"items": good}, 409)
    assert refused["type"] == "urn:erp:refusal:PlanChanged"
    assert number_of(session, "products") == before


@EACH_KIND
def test_many_rows_are_made_only_with_the_right_to_make_one(session, program_of, name):
    good, _ = rows_of(session, name, 1)
    before = number_of(session, name)
    auditor = program_of("Auditor")
    assert auditor.get(f"/{name}")["items"] is not None
    assert auditor.post(f"/{name}/create", {"items": good}, 403)["facts"]["permission"]
    assert number_of(session, name) == before


@EACH_KIND
def test_of_two_programs_that_send_the_same_rows_at_once_nobody_fails(app, session, program, name):
    good, _ = rows_of(session, name, 6)
    before, answers = number_of(session, name), []
    session.commit()

    def sending(key, rows):
        def send(_session):
            headers = {"Authorization": f"Bearer {program.secret}", "Idempotency-Key": key}
            answers.append(program.client.post(f"/api/v1/{name}/create", json={"items": rows}, headers=headers))

        return send

    # The rows come in the other order, so that each waits for what the other has.
    together(app, sending("one", good), sending("two", good[::-1]))
    assert [answer.status_code for answer in answers] == [200, 200]
    found = [each for answer in answers for each in answer.get_json()["items"]]
    made = [each["id"] for each in found if each["status"] == 200]
    assert {each["problem"]["status"] for each in found if each["problem"]} <= {409, 422}
    if name in ("products", "customers", "suppliers"):
        assert len(made) == len(set(made)) == number_of(session, name) - before == len(good)
        assert {each["problem"]["type"] for each in found if each["problem"]} == {"urn:erp:refusal:RecordTaken"}
    else:
        assert len(made) == 2 * len(good)
    session.rollback()
    assert list(checks.breaches(session)) == []


def test_a_row_is_refused_by_what_the_rows_before_it_take(session, program):
    make_location(session)
    bought = make_purchase_order(session).lines[0]
    session.commit()
    row = {"line_id": bought.id, "location": "WH/STOCK", "lot": "L1"}
    rows = [{**row, "quantity": quantity} for quantity in ("99", "6", "5", "4")]
    found = program.post("/receipts/create", {"items": rows})
    assert refusals(found) == ["OverReceipt", None, "OverReceipt", None]
    assert session.scalars(select(PurchaseOrderLine.received)).all() == [10]


def test_purchase_allocations_of_one_pair_are_added_as_far_as_the_line_waits(session, program):
    product = make_product(session)
    line, other = (make_order(session, [(product, 5)]).lines[0] for _ in range(2))
    hold_lines(session, [line.id, other.id], True)
    bought = make_purchase_order(session, [(product, 9)]).lines[0]
    session.commit()
    row = {"line_id": line.id, "purchase_line_id": bought.id}
    rows = [{**row, "quantity": quantity} for quantity in ("3", "3", "2")]
    rows += [{**row, "line_id": other.id, "quantity": "5"}, {**row, "line_id": 10**6, "quantity": "1"}]
    found = program.post("/purchase-allocations/create", {"items": rows})
    assert refusals(found) == [None, "NotWaiting", None, "NotEnoughIncoming", "UnknownName"]
    assert found["items"][0]["id"] == found["items"][2]["id"]
    assert session.scalars(select(PurchaseAllocation.quantity)).all() == [5]
    held = dict(session.execute(select(OrderLine.id, OrderLine.hold_allocation)).all())
    assert held == {line.id: False, other.id: True}, "the line of a refused row stays as it was"


def test_each_count_has_its_own_reason(session, program):
    (first, second), _ = rows_of(session, "stock", 2)
    program.post("/stock/create", {"items": [first, second]})
    reasons = session.scalars(select(StockMove.reason).order_by(StockMove.id)).all()
    assert reasons == [first["why"], second["why"]]


def test_the_same_stock_is_counted_once_and_a_count_of_nothing_makes_none(session, program):
    (first, second), _ = rows_of(session, "stock", 2)
    untracked = make_product(session, tracking="none").sku
    session.commit()
    nothing = {"sku": untracked, "location": "WH/STOCK", "quantity": "0"}
    found = program.post("/stock/create", {"items": [first, second, {**first, "quantity": "4"}, nothing]})
    assert refusals(found) == [None, None, "CountedTwice", "UnknownName"]
    assert session.scalars(select(Balance.on_hand).order_by(Balance.id)).all() == [3, 3]


def test_wrong_addresses_settings_and_prices_are_refused_by_row(session, program):
    rows = [{"code": "C1", "name": "x", "email": "no address"}, {"code": "C2", "name": "x"}]
    found = program.post("/customers/create", {"items": rows})
    assert refusals(found) == ["BadAddress", None]
    rows = [{"sku": "P1", "name": "x", "tracking": "serial", "unit_decimals": 1}, {"sku": "P2", "name": "x"}]
    rows += [{"sku": "P3", "name": "x", "list_price": "-1"}, {"sku": "p2", "name": "x"}]
    found = program.post("/products/create", {"items": rows})
    assert refusals(found) == ["SerialDecimals", None, "NegativePrice", "RecordTaken"]
