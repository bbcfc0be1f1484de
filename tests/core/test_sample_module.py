"""The sample uses everything that a module can declare and register."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from erp import discovery, migrations
from erp.db import commit, db
from erp.options import Option, types
from erp.registry import Core
from modules.sales import services as sales
from tests.conftest import make_app
from tests.support import databases
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_draft

TESTS = Path(__file__).parents[1]


class Notes:
    """A `Core` that notes what it is asked for."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        return lambda *args, **kwargs: self.calls.append((name, inspect.signature(getattr(Core, name)), args, kwargs))


@pytest.fixture(scope="module")
def sample():
    found = discovery.find(folders=[TESTS])
    assert found.broken == {}
    return found.manifests["sample_module"]


@pytest.fixture(scope="module")
def calls(sample):
    notes = Notes()
    sample.setup(notes)
    sample.screens(notes)
    return notes.calls


def test_the_sample_uses_every_extension_point_once(calls):
    points = {name for name in vars(Core) if not name.startswith("_")}
    used = [name for name, *_ in calls]
    assert set(used) == points
    # A document's screen, and another; what happens to an order, one event after the other; two questions.
    assert {name for name in used if used.count(name) > 1} == {"extend_view", "implement", "subscribe"}


def test_the_sample_gives_every_argument_that_there_is(calls):
    known, given = set(), set()
    for name, signature, args, kwargs in calls:
        known |= {(name, parameter) for parameter in list(signature.parameters)[1:]}
        given |= {(name, parameter) for parameter in list(signature.bind(None, *args, **kwargs).arguments)[1:]}
    assert known - given == set()


def test_the_sample_has_an_option_of_every_type(sample):
    kinds = {kind for kind in vars(types).values() if inspect.isclass(kind) and issubclass(kind, Option)}
    assert {type(option) for option in sample.options} == kinds - {Option}


def test_the_sample_says_everything_that_a_manifest_can_say(sample):
    assert [name for name, value in vars(sample).items() if not value] == []


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_the_sample_follows_an_order_that_is_confirmed_packed_reversed_and_cancelled(
    database, all_databases, tmp_path, worker_name
):
    url = databases.TEMPLATES[database](all_databases.shared, all_databases.install)
    app = make_app(url.copy(tmp_path, f"sample_{worker_name}"), tmp_path, TESTS)
    with app.app_context():
        migrations.install("sample_module")
        from modules.sample_module import services as sample  # its folder is known once the application is made
        from modules.sample_module.queries import waiting

        product = make_product(db.session())
        make_stock(db.session(), product, 2)
        order = make_draft(db.session(), [(product, 2)])
        wish = commit(lambda session: sample.make_wish(session, order, "Gift paper"))
        commit(lambda session: sample.grant(session, [wish]))
        commit(lambda session: sales.confirm(session, order.id))
        assert wish.granted_at is None
        commit(lambda session: sample.grant(session, [wish]))
        (pack,) = commit(lambda session: sales.pack_order(session, order.id))
        assert wish.granted_at is not None
        commit(lambda session: sales.reverse_pack(session, pack.id, why="Wrong paper"))
        assert wish.granted_at is None
        commit(lambda session: sales.cancel_order(session, order.id))
        assert waiting(db.session()) == []
        db.session.remove()
        db.engine.dispose()


def test_a_module_is_tried_anywhere_by_a_command(all_databases, tmp_path, worker_name, command):
    url = databases.TEMPLATES["sqlite"](all_databases.shared, all_databases.install)
    app = make_app(url.copy(tmp_path, f"tried_{worker_name}"), tmp_path, TESTS)
    with app.app_context():
        printed = "Tried on SQLite and PostgreSQL.\nModule sample_module keeps to the rules.\n"
        assert command(app, "modules", "test", "sample_module") == (0, printed, "")
        db.session.remove()
        db.engine.dispose()


def test_the_command_names_each_rule_that_a_module_breaks(all_databases, tmp_path, worker_name, command):
    place = tmp_path / "more" / "sloppy"
    place.mkdir(parents=True)
    (place / "module.py").write_text(SLOPPY)
    url = databases.TEMPLATES["sqlite"](all_databases.shared, all_databases.install)
    app = make_app(url.copy(tmp_path, f"sloppy_{worker_name}"), tmp_path, tmp_path / "more")
    with app.app_context():
        code, printed, refusal = command(app, "modules", "test", "sloppy")
        app.extensions["erp"].mark_broken("sloppy", ValueError("It was for this test."))
        db.session.remove()
        db.engine.dispose()
    assert printed.splitlines() == [
        "module.py: it has no docstring.",
        "module.py, line 4: it imports from preorder, which is not in depends.",
        "module.py, line 5: it imports jobs of sales; " + PUBLIC_FILES,
        "module.py, line 9: it reads datetime.now; erp.clock is allowed.",
        "README.md: it is not there; it says what the module is for.",
        *["Screen sloppy.page answers with 500, not with 200."] * 2,
        *["On PostgreSQL: Screen sloppy.page answers with 500, not with 200."] * 2,
    ]
    assert (code, refusal) == (1, "Module sloppy breaks 9 rules; each is printed above.\n")


PUBLIC_FILES = "domain, errors, events, hooks, models, queries, services, states are allowed."
SLOPPY = """from datetime import datetime

from erp.manifest import Module, Permission
from modules.preorder import events
from modules.sales import jobs


def now():
    return datetime.now()


def setup(core):
    from flask_admin import expose

    from erp.admin import Page

    class Sloppy(Page):
        view_name, title, url = "sloppy.page", "Sloppy", "/sloppy"

        @expose("/")
        def index_view(self):
            raise ValueError

    core.add_view(Sloppy, menu="Sales", permission="sloppy.see")


MODULE = Module(
    name="sloppy",
    title="Sloppy",
    version="1.0",
    setup=setup,
    depends=("sales",),
    permissions=(Permission("sloppy.see", "See it"),),
)
"""
