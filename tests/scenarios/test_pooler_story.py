"""A clerk's day through PgBouncer in transaction mode: screens, commands and workers share a few connections."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import select

from erp import cli, jobs, sessions
from erp.app import create_app
from erp.db import db
from erp.jobs import locks
from erp.jobs.worker import Worker
from erp.models import JobRunState, User
from modules.sales.models import Order
from modules.sales.states import OrderState
from tests.support import databases, programs

pytestmark = pytest.mark.real_clock

# The leading worker keeps one for its lock, and one for each of the four jobs that it runs at once.
CONNECTIONS = 8
SETTINGS = """
[databases]
* = host={socket} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 200
query_wait_timeout = 30
"""
PRODUCTS = "sku,name,tracking\nSCREW,Brass screw,none\n"
STOCK = "sku,location,quantity\nSCREW,WH/A,60\n"
CUSTOMERS = "code,name\nC1,Anna\n"
ORDERS = "number,customer,sku,quantity\n" + "".join(f"S{number:02},C1,SCREW,10\n" for number in range(1, 9))


@pytest.fixture(scope="module")
def pooled_url(all_databases, worker_name):
    """The address, through a pooler, of a database of its own with every module on."""
    path = programs.program("pgbouncer")
    template = databases.TEMPLATES["postgres"](all_databases.shared, all_databases.install)
    direct = template.copy(all_databases.own, f"pooled_{worker_name}")
    name = psycopg.conninfo.conninfo_to_dict(direct)["dbname"]
    socket = psycopg.conninfo.conninfo_to_dict(direct)["host"]
    with programs.open_folder() as folder:
        port = programs.free_port()
        settings = folder / "pgbouncer.ini"
        settings.write_text(SETTINGS.format(socket=socket, port=port, size=CONNECTIONS))
        settled = {"user": template.server.system_user} if os.geteuid() == 0 else {}  # it refuses to run as root
        with programs.running([path, settings], port, folder / "log", **settled):
            yield f"postgresql://postgres@127.0.0.1:{port}/{name}"


@pytest.fixture
def make_host(pooled_url, tmp_path):
    """Return a function that gives the application as on a host of its own."""
    made = []

    def make(name):
        settings = {"ERP_INSTANCE": str(tmp_path / name), "ERP_SECRET_KEY": "the same on every host"}
        app = create_app(database_url=pooled_url, environment=settings, testing=True)
        app.config["WTF_CSRF_ENABLED"] = False
        made.append(app)
        return app

    yield make
    for app in made:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def host(make_host):
    """The application on one host, its context pushed."""
    app = make_host("one")
    with app.app_context():
        yield app


def browser_at(app):
    """Return a browser of the administrator at that host."""
    user = db.session.scalars(select(User).where(User.username == "admin")).one()
    token = sessions.start(db.session(), user, place="127.0.0.1", device="test").get_id()
    db.session.commit()
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"], cookie["_fresh"] = token, True
    return client


class WorkingHost:
    """A worker on a host of its own."""

    def __init__(self, app):
        self.worker = Worker(app, poll_seconds=0.1)
        self.thread = threading.Thread(target=self.worker.run)
        self.thread.start()

    def leads(self):
        return self.worker._lock.is_held()

    def stop(self):
        self.worker.stop()
        self.thread.join(programs.PATIENCE_SECONDS)


def test_screens_commands_and_workers_do_a_clerks_day_through_a_few_connections(
    host, make_host, pooled_url, tmp_path, monkeypatch, capsys
):
    def erp(*arguments):
        monkeypatch.setattr("erp.cli.wrapping.create_app", lambda **_: make_host("command"))
        assert cli.run([str(argument) for argument in arguments]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    for kind, text in (("products", PRODUCTS), ("stock", STOCK), ("customers", CUSTOMERS), ("sales_orders", ORDERS)):
        path = tmp_path / f"{kind}.csv"
        path.write_text(text)
        erp("import", kind, path)
    workers = [WorkingHost(make_host(f"worker {number}")) for number in range(2)]
    try:
        programs.wait_until(lambda: not locks.is_free("worker"))
        hosts = [make_host(f"web {number}") for number in range(2)]
        browsers = [browser_at(hosts[number % 2]) for number in range(8)]
        ids = list(db.session.scalars(select(Order.id).order_by(Order.id)))
        db.session.rollback()

        # More clerks than connections, on two hosts: each allocates another order.
        def serve(position):
            client, address = browsers[position], f"/sales/orders/{ids[position]}/"
            codes = [client.get("/sales/orders/").status_code, client.post(f"{address}allocate/").status_code]
            return [*codes, client.get(address).status_code]

        with ThreadPoolExecutor(8) as clerks:
            for codes in clerks.map(serve, range(8)):
                assert set(codes) <= {200, 302}
        erp("pack", "S01")
        allocations = erp("export", "allocations").splitlines()
        assert len(allocations) == 1 + 6  # 60 pieces for 8 orders of 10
        assert erp("jobs", "run", "allocate-backorders")
        assert "no breach" in erp("check").lower()
        db.session.rollback()
        assert db.session.scalars(select(Order.state).where(Order.number == "S01")).one() is OrderState.done
    finally:
        for each in workers:
            each.stop()
    db.session.rollback()
    assert locks.is_free("worker")


def test_one_worker_leads_and_the_other_takes_over_through_the_pooler(host, make_host):
    one, other = (WorkingHost(make_host(name)) for name in ("first", "second"))
    try:
        programs.wait_until(lambda: one.leads() != other.leads())
        leader, follower = (one, other) if one.leads() else (other, one)
        leader.stop()
        programs.wait_until(follower.leads)
        done = jobs.run("check-invariants")
        assert done.state is JobRunState.done, done.error
    finally:
        one.stop()
        other.stop()


def test_a_leader_whose_connection_the_pooler_drops_stops_leading(host, make_host, pooled_url):
    lock, other = locks.lock("story"), locks.lock("story")
    assert lock.take() and not other.take()
    pid = lock._connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    db.session.execute(db.text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    db.session.rollback()
    programs.wait_until(lambda: not lock.is_held())
    programs.wait_until(other.take)
    lock.release()
    other.release()
