"""A process that dies in the middle of a write leaves a change that is done once when it is sent again.

It dies just before the commit or between the commit and the answer, in every kind of write that there is.
"""

from __future__ import annotations

import signal

import pytest
from sqlalchemy import select

from modules.preorder.models import PurchaseAllocation
from tests.support import forks
from tests.support.inventory_lots import make_product, make_stock
from tests.support.preorder import allocate_purchase
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_customer, make_draft, make_order
from tests.support.tables import tables_of

pytestmark = pytest.mark.needs("preorder")
# What each request notes, answered before or not.
NOTED = {"api_request_count", "api_token"}


def content(session):
    """Return every row of the database, by table, but those that each request writes."""
    session.rollback()
    tables = [table for table in tables_of(session.get_bind()) if table.name not in NOTED]
    found = {table.name: sorted(map(repr, session.execute(select(table)))) for table in tables}
    session.rollback()  # on SQLite nobody else could write
    return found


def writes(session):
    """Return the address and the body of one write of each kind, by its kind."""
    lamp, other = make_product(session, sku="LAMP"), make_product(session, sku="OTHER")
    make_customer(session, code="C1")
    make_stock(session, lamp, 9)
    drafts = [make_draft(session, [(lamp, 1)]) for _ in range(3)]
    order, late = make_order(session, [(lamp, 2)]), make_order(session, [(other, 4)])
    purchase = make_purchase_order(session, lines=[(other, 5)])
    allocate_purchase(session, late.lines[0], purchase.lines[0], 3)
    session.commit()
    (allocation,) = session.scalars(select(PurchaseAllocation.id))
    lines = [{"sku": "LAMP", "quantity": "1"}]
    new = {"customer": "C1", "lines": lines}
    csv = "sku,name,unit,unit_decimals,tracking\nNEW,New,pcs,0,lot\n"
    return {
        "create": ("/orders", new),
        "create many": ("/orders/create", {"items": [new, {**new, "customer": "nobody"}]}),
        "change": (f"/order-lines/{order.lines[0].id}/change-quantity", {"quantity": "3"}),
        "action": (f"/orders/{drafts[0].id}/confirm", {}),
        "many": ("/orders/confirm", {"ids": [drafts[1].id, drafts[2].id]}),
        "delete": (f"/purchase-allocations/{allocation}/remove", {}),
        "quote": ("/quotes", {"lines": lines}),
        "import": ("/imports", {"name": "p.csv", "kind": "products", "content": csv}),
        "export": ("/exports", {"kind": "customers"}),
        "option": ("/set-option", {"option": "sales.quote_minutes", "value": "20"}),
        "book": ("/allocate-book", {}),
    }


@pytest.mark.parametrize("dies", ["before the commit", "after the commit"])
def test_a_write_whose_process_dies_is_done_once(app, session, program, tmp_path, dies):
    asked = writes(session)
    before = content(session)
    tasks = [
        {"do": "send", "address": f"/api/v1{path}", "body": body, "dies": dies, "headers": headers_of(program, kind)}
        for kind, (path, body) in asked.items()
    ]
    assert forks.run(app, tmp_path, tasks) == [f"killed by {signal.SIGKILL.value}"] * len(tasks)
    killed = content(session)
    assert (killed == before) == (dies == "before the commit")
    answers = {kind: send(program, kind, *asked[kind]) for kind in asked}
    done = content(session)
    assert (done == killed) == (dies == "after the commit")
    for kind in asked:
        was_done = dies == "after the commit"
        assert answers[kind].headers.get("Idempotent-Replayed") == ("true" if was_done else None), kind
        again = send(program, kind, *asked[kind])
        assert (again.get_json(), again.headers["Idempotent-Replayed"]) == (answers[kind].get_json(), "true"), kind
    assert content(session) == done


def headers_of(program, kind):
    return {"Authorization": f"Bearer {program.secret}", "Idempotency-Key": kind.replace(" ", "-")}


def send(program, kind, path, body):
    answer = program.client.post(f"/api/v1{path}", json=body, headers=headers_of(program, kind))
    assert answer.status_code in (200, 201), (kind, answer.get_data(as_text=True))
    return answer
