"""A third party's module that is broken is listed with its reason, and everything else goes on."""

from __future__ import annotations

import pytest

from erp import migrations
from erp.db import Model, db
from erp.errors import MigrationFailed
from erp.jobs import overview
from erp.registry import current_registry
from modules.sales.models import Order
from tests.conftest import browser_of, make_app
from tests.core.broken_modules import BROKEN, MODELS, REVISION, TABLE, Broken
from tests.support.databases import TEMPLATES

SHIPPED = ["api", "inventory_lots", "procurement", "sales", "preorder", "returns", "backorder_email"]

EXITS = REVISION.format(text="A", number="0001", before=None, body="raise SystemExit(7)")
STUMBLING = Broken("", revisions={"0001_a.py": EXITS})


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def installation(request, all_databases, tmp_path_factory, worker_name):
    """An application that finds every broken module at once, and a sound one."""
    folder = tmp_path_factory.mktemp("broken")
    for name, module in BROKEN.items():
        module.write(folder / "modules", name)
    Broken("", models=TABLE.format(name="sound_thing").replace("Thing", "Order")).write(folder / "modules", "sound")
    Broken("").write(folder / "modules", "sales")
    STUMBLING.write(folder / "modules", "stumbling")
    url = TEMPLATES[request.param](all_databases.shared, all_databases.install).copy(folder, f"broken_{worker_name}")
    app = make_app(url, folder, folder / "modules")
    with app.app_context():
        yield app
        registered = {table.name for tables in app.extensions["erp"].tables.values() for table in tables}
        assert {name for name in Model.metadata.tables if not name.startswith("erp_")} == registered
        assert "sound_thing" in registered
        current_registry().mark_broken("sound", ValueError("It was for this test."))
        db.session.remove()
        db.engine.dispose()


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_module_is_listed_with_its_reason(installation, name):
    assert BROKEN[name].reason in installation.extensions["erp"].found.broken.get(name, "It is not broken.")


def test_nothing_but_the_broken_modules_is_left_out(installation):
    registry = installation.extensions["erp"]
    clash = next(name for name in registry.found.broken if name.endswith("/sales"))
    assert registry.found.broken[clash].startswith("Two modules are called sales: modules.sales and ")
    assert registry.found.broken.keys() - {clash} == BROKEN.keys()
    assert [name for name in registry.modules if name not in ("sound", "stumbling")] == SHIPPED


def test_two_modules_may_have_a_class_of_the_same_name(installation):
    assert "sound" in installation.extensions["erp"].modules
    assert db.session.query(Order).count() == 0
    assert MODELS.startswith("\nfrom sqlalchemy")


def test_every_shipped_screen_job_and_check_goes_on(installation, command):
    registry = installation.extensions["erp"]
    browser = browser_of(installation, "Administrator")
    for owned in registry.views:
        assert browser.get(f"{owned.thing.view.url}/").status_code == 200, owned.thing.view.view_name
    listed = browser.get("/settings/modules/").text
    assert "SystemExit: 3 (exits/module.py, line 1)" in listed
    assert [status.module for status in overview(db.session())] and command(installation, "check")[0] == 0
    code, printed, _ = command(installation, "modules", "list")
    assert code == 0 and printed.count("broken") > len(BROKEN)


def test_a_module_whose_revision_exits_is_not_installed_and_the_others_go_on(installation):
    with pytest.raises(MigrationFailed, match=r"stumbling.*0001_a.py, line"):
        migrations.install("stumbling")
    db.session.rollback()
    assert "stumbling" not in current_registry().enabled() and set(SHIPPED) <= current_registry().enabled()
    page = browser_of(installation, "Administrator").get("/settings/modules/")
    assert (page.status_code, "0001_a.py, line" in page.text) == (200, True)
