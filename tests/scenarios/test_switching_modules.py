"""Modules and options are switched while four processes serve the screens, and no answer is stale."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

import pytest

from erp.app import create_app
from erp.db import commit, db
from erp.options import store_option
from erp.registry import current_registry
from erp.security import find_user, set_password
from tests.backorder_email.servers import free_port
from tests.support import databases
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_order

PASSWORD = "a-password-for-tests"
SWITCHES = 50
# `erp serve`, with the process that answered in a header.
SERVE = """
import os
from erp.cli import main, serve

load = serve.Server.load

def signed(server):
    app = load(server)
    def answer(environ, start):
        return app(environ, lambda status, headers, *more: start(status, [*headers, ("X-Process", f"{os.getpid()}")]))
    return answer

serve.Server.load = signed
main()
"""

pytestmark = pytest.mark.real_clock


class Visitor:
    """Opens addresses, each time over a new connection, so that any process may answer."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self.processes: set[str] = set()

    def open(self, path: str, **form: str) -> tuple[int, str]:
        """Return the status and the text of a page."""
        data = urllib.parse.urlencode(form).encode() if form else None
        try:
            with self.opener.open(self.base + path, data, timeout=30) as answer:
                self.processes.add(answer.headers["X-Process"])
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def sign_in(self) -> None:
        """Sign in as the administrator."""
        _, page = self.open("/login")
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
        status, page = self.open("/login", username="admin", password=PASSWORD, csrf_token=token)
        assert (status, "Dashboard" in page) == (200, True)


@pytest.fixture(params=["sqlite", "postgres"])
def shop(request, all_databases, tmp_path, worker_name):
    """An application in this process, and the URL of its database for other processes."""
    template = databases.TEMPLATES[request.param](all_databases.shared, all_databases.install)
    url = template.copy(tmp_path, f"shop_{worker_name}")
    app = create_app(database_url=url, environment={"ERP_INSTANCE": str(tmp_path)})
    with app.app_context():
        set_password(db.session(), find_user(db.session(), "admin"), PASSWORD)
        db.session.commit()
        yield app, url
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def visitor(shop, tmp_path):
    """A signed-in visitor of a server of four processes."""
    port = free_port()
    environment = {"ERP_DATABASE_URL": shop[1], "ERP_INSTANCE": str(tmp_path), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-c", SERVE, "serve", "--port", str(port), "--workers", "4"]
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    somebody = Visitor(port)
    try:
        for _ in range(300):
            try:
                somebody.sign_in()
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.2)
        yield somebody
    finally:
        server.terminate()
        server.wait(30)


def switch(name: str, on: bool) -> None:
    registry = current_registry()
    commit(lambda session: (registry.enable if on else registry.disable)(session, name))
    registry.refresh()


def test_no_process_gives_a_stale_answer_over_a_hundred_switches(shop, visitor):
    table = current_registry().option_table
    for number in range(SWITCHES):
        is_on = number % 2 == 1
        switch("backorder_email", is_on)
        name = f"Company {number}"
        commit(lambda session, name=name: store_option(session, table, "erp.company_name", name, user_name="admin"))
        for _ in range(4):
            status, page = visitor.open("/emails/pending/")
            assert status == (200 if is_on else 404)
        status, page = visitor.open("/")
        assert name in page
        assert ("Pending Emails" in page) is is_on
    assert len(visitor.processes) > 1


def test_a_module_that_is_switched_off_is_gone_everywhere_at_once_and_comes_back(shop, visitor):
    session = db.session()
    product = make_product(session)
    make_stock(session, product, 3)
    order = make_order(session, [(product, 5)])
    address = f"/sales/orders/{order.id}/"
    traces = ("Order Item Change History", "Purchase allocations", "On purchase orders")
    _, page = visitor.open(address)
    assert all(trace in page for trace in traces)

    switch("backorder_email", False)
    switch("preorder", False)
    assert visitor.open("/preorder/atp/")[0] == 404
    assert visitor.open(f"{address}lines/{order.lines[0].id}/history/")[0] == 404
    status, page = visitor.open(address)
    assert status == 200
    assert not any(trace in page for trace in traces)
    assert "/preorder/" not in visitor.open("/")[1]
    assert "launch-preorders" not in visitor.open("/settings/jobs/")[1]
    assert "preorder_eligible" not in visitor.open("/inventory/products/new/")[1]

    # Allocation still works with lots alone.
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    make_stock(session, product, 1)
    status, page = visitor.open(f"{address}allocate/", csrf_token=token)
    assert status == 200
    session.expire_all()
    assert order.lines[0].allocated == 4

    switch("preorder", True)
    _, page = visitor.open(address)
    assert all(trace in page for trace in traces)
    assert visitor.open("/preorder/atp/")[0] == 200
