"""Lists have the filters of the screens, a cursor for the next part, and a fixed number of statements."""

from __future__ import annotations

import pytest

from erp.registry import current_registry
from modules.api.http.rows import view_of
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_draft, make_order

pytestmark = pytest.mark.needs("sales")


def ids(found):
    return [each["id"] for each in found["items"]]


def test_a_list_is_read_in_parts(session, program):
    orders = [make_order(session).id for _ in range(5)]
    session.commit()
    first = program.get("/orders?limit=2")
    second = program.get(f"/orders?limit=2&cursor={first['next']}")
    last = program.get(f"/orders?limit=2&cursor={second['next']}")
    assert ids(first) + ids(second) + ids(last) == orders
    assert last["next"] is None


def test_a_list_has_the_filters_of_its_screen_and_what_other_modules_add(session, program):
    draft, order = make_draft(session), make_order(session)
    session.commit()
    assert ids(program.get("/orders?state_is=draft")) == [draft.id]
    assert ids(program.get(f"/orders?search={order.number}")) == [order.id]
    assert ids(program.get(f"/order-lines?order_number_is={order.number}&open_is=yes")) == [order.lines[0].id]
    view = view_of(current_registry().resources["orders"].thing)
    for name in view.live_filters():
        assert name in program.get("/openapi.json")["paths"]["/api/v1/orders"]["get"]["parameters"].__repr__()


@pytest.mark.parametrize("query", ["state_is=nix", "colour_is=red", "limit=0", "limit=x", "cursor=x", "state_is=%00"])
def test_a_filter_that_is_not_there_or_a_value_that_it_does_not_take_is_refused(program, query):
    assert program.get(f"/orders?{query}", 422)["field"] == query.partition("=")[0]


def test_a_row_that_is_as_it_was_is_not_sent_again(session, program):
    order = make_order(session)
    session.commit()
    program.get(f"/orders/{order.id}")
    program.get(f"/orders/{order.id}", 304, headers={"If-None-Match": program.answer.headers["ETag"]})


def test_what_is_not_there_is_not_found(program):
    for path in ("/orders/999", "/orders/99999999999999999999", "/nothing", "/orders/x"):
        assert program.get(path, 404)["status"] == 404
    assert program.send("DELETE", "/orders", 405)["title"] == "Method Not Allowed"
    assert "POST" in program.answer.headers["Allow"]


def test_a_part_of_a_list_takes_the_same_statements_for_one_row_and_for_many(session, program, count_statements):
    product = make_product(session)
    make_stock(session, product, 50)

    def statements():
        session.commit()
        with count_statements() as sent:
            program.get("/orders")
            program.get("/order-lines")
            program.get("/stock")
        return len(sent)

    make_order(session, [(product, 1)])
    statements()
    few = statements()
    for number in range(9):
        make_order(session, [(product, 1), (product, 2)])
        make_stock(session, product, 1, lot=f"L{number}")
    assert statements() == few
