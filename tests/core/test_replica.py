"""Lists and exports read from a standby, and from the primary where that is away, behind or older than one's change."""

from __future__ import annotations

import re
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import event

from erp import clock
from erp.app import create_app
from erp.db import db, on_replica
from erp.db.replica import EXTENSION, URL
from erp.errors import ConfigError
from erp.options import store_option
from erp.registry import current_registry
from tests.conftest import browser_of
from tests.support import databases, programs
from tests.support.inventory_lots import make_product
from tests.support.standby import Standby

pytestmark = pytest.mark.real_clock

LISTS = ("/inventory/products/", "/inventory/products/export/csv/", "/settings/export/products.csv")
SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def standby(all_databases):
    """A standby of the tests' server, which a test may stop and start."""
    template = databases.TEMPLATES["postgres"](all_databases.shared, all_databases.install)
    with programs.open_folder() as folder:
        made = Standby(template, folder)
        with made.running():
            yield made


@pytest.fixture
def site(standby, worker_name, tmp_path):
    """An application with a database of its own and its standby, which runs."""
    name = psycopg.conninfo.conninfo_to_dict(standby.template.copy(tmp_path, f"followed_{worker_name}"))["dbname"]
    settings = {"ERP_INSTANCE": str(tmp_path), URL: standby.url(name)}
    site = create_app(database_url=standby.template.url(name), environment=settings, testing=True)
    site.config["WTF_CSRF_ENABLED"] = False
    standby.catch_up()
    with site.app_context():
        yield site
        db.session.remove()
        db.engine.dispose()
        site.extensions[EXTENSION].engine.dispose()


def add_product(sku):
    make_product(db.session(), sku=sku)
    db.session.commit()


class Reads:
    """How many statements about products the standby has answered."""

    def __init__(self, site):
        self.count = 0
        event.listen(site.extensions[EXTENSION].engine, "before_cursor_execute", self._note)

    def _note(self, _connection, _cursor, statement, *_):
        self.count += bool(re.search(r"\binventory_lots_product\b", statement))


@pytest.mark.parametrize("path", LISTS)
def test_lists_and_exports_are_read_from_the_standby(site, standby, path):
    client, reads = browser_of(site, "Administrator"), Reads(site)
    add_product("FOLLOWED")
    standby.catch_up()
    assert "FOLLOWED" in client.get(path).text
    assert reads.count > 0


def test_everything_else_is_read_from_the_primary(site, standby):
    client, reads = browser_of(site, "Administrator"), Reads(site)
    add_product("FOLLOWED")
    standby.catch_up()
    for path in ("/", "/inventory/products/1/", "/inventory/products/new/"):
        assert client.get(path).status_code == 200
    assert reads.count == 0


@pytest.mark.option("erp.replica_lag", "10 s")
def test_a_browser_that_changed_something_reads_the_primary_until_the_standby_must_have_it(site, standby, at):
    client, reads = browser_of(site, "Administrator"), Reads(site)
    standby.run("SELECT pg_wal_replay_pause()")
    try:
        form = {"sku": "MINE", "name": "Mine", "unit": "pcs", "unit_decimals": "0", "tracking": "lot", "is_active": "y"}
        client.post("/inventory/products/new/", data=form)
        assert "MINE" in client.get("/inventory/products/").text
        assert reads.count == 0
    finally:
        standby.run("SELECT pg_wal_replay_resume()")
    standby.catch_up()
    at((clock.now() + timedelta(seconds=12)).isoformat())
    assert "MINE" in client.get("/inventory/products/").text
    assert reads.count > 0


@pytest.mark.option("erp.replica_lag", "1 s")
def test_a_standby_that_is_further_behind_than_the_option_allows_is_not_read(site, standby):
    client, reads = browser_of(site, "Administrator"), Reads(site)
    add_product("BEFORE")
    standby.catch_up()
    standby.run("SELECT pg_wal_replay_pause()")
    try:
        add_product("BEHIND")
        replica = site.extensions[EXTENSION]
        assert replica.is_usable(timedelta(hours=1))
        programs.wait_until(lambda: not replica.is_usable(SECOND))
        store_option(db.session(), current_registry().option_table, "erp.replica_lag", "1 s", user_name="admin")
        db.session.commit()
        assert "BEHIND" in client.get("/inventory/products/").text
        assert reads.count == 0
    finally:
        standby.run("SELECT pg_wal_replay_resume()")


def test_a_standby_that_is_away_or_dies_within_a_list_is_replaced_by_the_primary_and_read_again_later(
    standby, site, monkeypatch
):
    client, replica = browser_of(site, "Administrator"), site.extensions[EXTENSION]
    add_product("FOLLOWED")
    standby.catch_up()

    def end_it(connection, _cursor, statement, *_):
        if "inventory_lots_product" in statement:
            connection.connection.driver_connection.close()

    event.listen(replica.engine, "before_cursor_execute", end_it)
    assert "FOLLOWED" in client.get("/inventory/products/").text
    event.remove(replica.engine, "before_cursor_execute", end_it)
    reads = Reads(site)
    assert "FOLLOWED" in client.get("/inventory/products/").text and reads.count == 0
    replica._away_until = 0.0
    assert "FOLLOWED" in client.get("/inventory/products/").text and reads.count > 0


def test_a_standby_that_is_away_from_the_start_stops_nothing(app, tmp_path):
    if db.engine.dialect.name != "postgresql":
        pytest.skip("this is about PostgreSQL alone")
    url = db.engine.url.render_as_string(hide_password=False)
    settings = {"ERP_INSTANCE": str(tmp_path), URL: f"postgresql://postgres@127.0.0.1:{programs.free_port()}/gone"}
    site = create_app(database_url=url, environment=settings, testing=True)
    with site.app_context():
        client = browser_of(site, "Administrator")
        for path in LISTS:
            assert client.get(path).status_code == 200
        db.session.remove()
        db.engine.dispose()


def test_a_replica_that_is_no_standby_is_not_read(app, tmp_path):
    if db.engine.dialect.name != "postgresql":
        pytest.skip("this is about PostgreSQL alone")
    url = db.engine.url.render_as_string(hide_password=False)
    settings = {"ERP_INSTANCE": str(tmp_path), URL: url}
    site = create_app(database_url=url, environment=settings, testing=True)
    with site.app_context():
        with on_replica(SECOND) as is_used:
            assert not is_used
        db.session.remove()
        db.engine.dispose()
        site.extensions[EXTENSION].engine.dispose()


def test_nothing_is_written_at_the_replica(site):
    with on_replica(SECOND) as is_used:
        assert is_used
        assert db.session.scalar(db.text("SHOW transaction_read_only")) == "on"
    assert db.session.scalar(db.text("SHOW transaction_read_only")) == "off"


@pytest.mark.parametrize("url", ["postgresql://h:x/", "sqlite:///x", "postgresql://h/name"])
def test_a_replica_of_another_kind_is_refused_at_the_start(tmp_path, url):
    with pytest.raises(ConfigError, match=URL):
        create_app(environment={"ERP_INSTANCE": str(tmp_path), URL: url}, testing=True)
