"""Returns at the HTTP interface: a program expects, receives, inspects and replaces them."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from modules.sales.models import Pack
from tests.support.inventory_lots import make_location
from tests.support.returns import make_pack

pytestmark = pytest.mark.needs("returns")


def test_a_program_takes_goods_back_to_the_shelf(session, program):
    pack = make_pack(session)
    make_location(session, "WH/SHELF")
    session.commit()
    number, sku = pack.number, pack.lines[0].balance.product.sku
    goods = [{"pack": number, "sku": sku, "lot": "L1", "quantity": "5"}]
    made = program.post("/returns", {"reason": "Broken", "cause": "damaged", "goods": goods}, 201)
    assert (made["number"], made["state"], made["cause"], made["order"]) == (
        "RT00001", "draft", "damaged", pack.order.number
    )  # fmt: skip
    at = f"/returns/{made['id']}"
    received = program.post(f"{at}/receive", {"lines": [{"position": 1, "quantity": "4"}]})
    assert (received["state"], received["location"]) == ("received", "WH/RETURNS")
    assert [line["returned"] for line in program.get(f"/packs/{pack.id}")["lines"]] == ["4", "0"]
    closed = program.post(f"{at}/inspect", {"outcome": "restock", "location": "WH/SHELF"})
    assert (closed["state"], closed["lines"][0]["inspected"]) == ("closed", "4")
    replaced = program.post(f"{at}/replace")
    assert replaced["replacement"].startswith("SO")
    assert [each["number"] for each in program.get("/returns")["items"]] == ["RT00001"]


@pytest.mark.parametrize(
    ("goods", "status", "word"),
    [
        ({"lot": "L9"}, 422, "L9"),
        ({"quantity": "7"}, 422, "not returned yet"),
    ],
)
def test_what_makes_no_sense_is_refused(session, program, goods, status, word):
    pack = make_pack(session)
    session.commit()
    wanted = {"pack": pack.number, "sku": pack.lines[0].balance.product.sku, "lot": "L1", "quantity": "1"} | goods
    program.post("/returns", {"reason": "Broken", "goods": [wanted]}, status)
    assert word in program.answer.get_data(as_text=True)
    assert session.scalars(select(Pack.number)).all() == [pack.number]
