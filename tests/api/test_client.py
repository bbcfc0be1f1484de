"""The client of the documents does what the documents say, with the OpenAPI document alone."""

from __future__ import annotations

import importlib.util
import threading
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_customer

pytestmark = pytest.mark.needs("preorder")
CLIENT = Path(__file__).parents[2] / "docs/api_client.py"


@pytest.fixture
def client_class():
    spec = importlib.util.spec_from_file_location("api_client", CLIENT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def address(app):
    server = make_server("127.0.0.1", 0, app)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def test_a_shop_asks_for_a_date_orders_and_sees_what_it_was_promised(session, program, client_class, address):
    make_customer(session, code="C1001")
    make_stock(session, make_product(session, sku="LAMP"), 5)
    session.commit()
    erp = client_class.Client(address, program.secret)
    (found,) = erp.call("list_ship_dates", query={"sku": "LAMP", "quantity": "3"})["items"]
    assert found["ship_date"] == "2026-11-23"
    body = {"customer": "C1001", "lines": [{"sku": "LAMP", "quantity": "3"}]}
    draft = erp.call("create_order", key="shop-1001", body=body)
    assert erp.call("create_order", key="shop-1001", body=body) == draft
    shown = erp.call("confirm_order", id=draft["id"], query={"dry_run": "true"})
    order = erp.call("confirm_order", id=draft["id"], query={"plan": shown["plan"]})
    (line,) = erp.every("list_order_lines", query={"order_number_is": order["number"]})
    assert (line["allocated"], line["promise_date"]) == ("3", "2026-11-23")
    with pytest.raises(client_class.Problem) as refused:
        erp.call("confirm_order", id=draft["id"])
    assert refused.value.status == 409
