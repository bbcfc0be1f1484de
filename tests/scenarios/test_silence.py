"""What a disabled module registered is gone everywhere, and everything that is on goes on: over all modules."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from erp import cli, migrations
from erp.db import commit, db
from erp.registry import CORE, Core, current_registry
from tests.conftest import browser_of, make_app
from tests.scenarios.sightings import POINTS, Watch
from tests.support import databases

TESTS = Path(__file__).parents[1]


@pytest.fixture(params=["sqlite", "postgres"])
def company(request, all_databases, tmp_path, worker_name):
    """The demo company with every module on, the sample included."""
    template = databases.TEMPLATES[request.param](all_databases.shared, all_databases.install)
    app = make_app(template.copy(tmp_path, f"silence_{worker_name}"), tmp_path, TESTS)
    with app.app_context():
        migrations.install("sample_module")
        registry = current_registry()
        for load in registry.live(registry.demos):
            commit(load)
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def command(company, monkeypatch, capsys):
    """Return a function that runs an `erp` command line and returns its exit code, its output and its refusal."""
    monkeypatch.setattr("erp.cli.wrapping.create_app", lambda **_: company)

    def run(*arguments, stdin=""):
        db.session.rollback()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        capsys.readouterr()
        code = cli.run(arguments)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def switch(name, *, on):
    registry = current_registry()
    if on:
        commit(lambda session: registry.enable(session, name))
    else:
        commit(lambda session: registry.disable(session, name, release=True))
    registry.refresh()


def test_every_extension_point_is_watched():
    assert set(POINTS) == {name for name in vars(Core) if not name.startswith("_")}


def test_what_is_off_is_silent_everywhere_and_what_is_on_goes_on(company, command):
    watch = Watch(browser_of(company, "Administrator"), command)
    everything, on = watch.everything(), {CORE, *current_registry().modules}
    assert set().union(*POINTS.values()) <= watch.kinds()
    assert everything - watch.seen() == set()
    for name in reversed(list(current_registry().modules)):
        switch(name, on=False)
        on.remove(name)
        assert watch.seen() == {(module, thing) for module, thing in everything if module in on}
        assert list(watch.open_entry_points(name)) == []
    for name in current_registry().modules:
        switch(name, on=True)
    assert watch.seen() == everything
