"""The client of the documents does what the documents say, with the OpenAPI document alone."""

from __future__ import annotations

import importlib.util
import re
import sys
import threading
from datetime import date
from http.server import HTTPServer
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from modules.api.delivery import deliver_due
from modules.api.models import Webhook
from modules.api.services import save_webhook
from modules.sales.models import Order
from modules.sales.services import set_promise_dates
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_customer

pytestmark = pytest.mark.needs("preorder")
DOCS = Path(__file__).parents[2] / "docs"
CLIENT = DOCS / "api_client.py"


@pytest.fixture
def client_module():
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


def test_a_shop_asks_for_a_date_orders_and_sees_what_it_was_promised(session, program, client_module, address):
    make_customer(session, code="C1001")
    make_stock(session, make_product(session, sku="LAMP"), 5)
    session.commit()
    erp = client_module.Client(address, program.secret)
    (found,) = erp.call("list_ship_dates", query={"sku": "LAMP", "quantity": "3"})["items"]
    assert found["ship_date"] == "2026-11-23"
    body = {"customer": "C1001", "lines": [{"sku": "LAMP", "quantity": "3"}]}
    draft = erp.call("create_order", key="shop-1001", body=body)
    assert erp.call("create_order", key="shop-1001", body=body) == draft
    shown = erp.call("confirm_order", id=draft["id"], query={"dry_run": "true"})
    order = erp.call("confirm_order", id=draft["id"], query={"plan": shown["plan"]})
    (line,) = erp.every("list_order_lines", query={"order_number_is": order["number"]})
    assert (line["allocated"], line["promise_date"]) == ("3", "2026-11-23")
    with pytest.raises(client_module.Problem) as refused:
        erp.call("confirm_order", id=draft["id"])
    assert refused.value.status == 409


def blocks_of_the_first_hour():
    """Return the two programs of docs/api.md: the shop, and the receiver that hears of a delay."""
    shop, receiver = re.findall(r"```python\n(.*?)```", (DOCS / "api.md").read_text(), re.DOTALL)
    return shop, receiver


@pytest.fixture
def webhook(session, set_option, monkeypatch):
    """A receiver that runs as the docs have it, and what it heard."""

    class Server(HTTPServer):
        def __init__(self, _address, handler):
            super().__init__(("127.0.0.1", 0), handler)

    heard: list[str] = []
    monkeypatch.setattr("http.server.HTTPServer", Server)
    namespace = {"print": heard.append}
    program, _, last = blocks_of_the_first_hour()[1].strip().rpartition("\n")
    exec(program.replace("the secret of the webhook", "s3cret"), namespace)
    server = eval(last.removesuffix(".serve_forever()"), namespace)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for name in ("webhooks", "allow_private_targets"):
        set_option(f"api.{name}", "yes")
    url = f"http://127.0.0.1:{server.server_port}/"
    save_webhook(session, Webhook(name="Shop", url=url, events="promise-date-changed", secret="s3cret"))
    session.commit()
    yield heard
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_first_hour_ends_with_news_of_a_delay(session, program, client_module, address, webhook, monkeypatch):
    make_customer(session, code="C1001")
    make_stock(session, make_product(session, sku="LAMP"), 5)
    session.commit()
    monkeypatch.setitem(sys.modules, "api_client", client_module)
    shop = blocks_of_the_first_hour()[0].replace("http://127.0.0.1:8069", address).replace("erp_...", program.secret)
    done = {}
    exec(shop, done)
    assert done["order"]["state"] == "confirmed"
    session.expire_all()
    order = session.query(Order).filter_by(number=done["order"]["number"]).one()
    set_promise_dates(session, {order.lines[0].id: date(2026, 12, 31)}, cause="edit", pin=True)
    session.commit()
    assert deliver_due() == "1 delivery made."
    assert webhook == [f"{order.number}, line 1: LAMP comes on 2026-12-31, not on 2026-11-23."]
