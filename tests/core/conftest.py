"""What the core's own tests share: databases without any table."""

from __future__ import annotations

import pytest

from erp import cli
from erp.db import db
from tests.conftest import make_app
from tests.core.small import small_app as small_app
from tests.support.databases import TEMPLATES


@pytest.fixture
def make_empty_app(shared_folder, tmp_path, worker_name, all_databases):
    """Return a function that gives an application on a database of its own without any table."""
    made = []

    def make(kind, name="empty"):
        template = TEMPLATES[kind](shared_folder, all_databases.install)
        app = make_app(template.empty(tmp_path, f"{name}_{worker_name}"), tmp_path / name)
        made.append(app)
        return app

    yield make
    for app in made:
        with app.app_context():
            db.engine.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def empty_app(request, make_empty_app):
    """An application on a database without any table, its context pushed, once on each database."""
    app = make_empty_app(request.param)
    with app.app_context():
        yield app
        db.session.remove()


@pytest.fixture
def command(monkeypatch, capsys):
    """Return a function that runs an `erp` command line: its exit code, what it printed, its refusal."""

    def carry_out(app, *arguments):
        monkeypatch.setattr("erp.cli.wrapping.create_app", lambda **_: app)
        db.session.rollback()
        capsys.readouterr()
        code = cli.run(arguments)
        db.session.expire_all()
        app.extensions["erp"].refresh()
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return carry_out
