"""Every version upgrades the databases of every release before it: their dumps are kept in tests/releases."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import inspect, text

from erp.db import db
from tests.support import dump

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"


def counts():
    """Return how many rows each table has."""
    db.session.rollback()
    names = inspect(db.session.connection()).get_table_names()
    found = {name: db.session.scalar(text(f'SELECT count(*) FROM "{name}"')) for name in names}
    db.session.rollback()
    return found


def upgraded(app, command):
    """Upgrade a database that was just loaded; return what `erp init` said."""
    with app.app_context():
        before = counts()
        code, out, err = command(app, "init")
        assert (code, err) == (0, ""), out + err
        after = counts()
        assert {name: (count, after[name]) for name, count in before.items() if after.get(name, count) < count} == {}
        assert command(app, "check")[0] == 0
        db.session.remove()
        return out


def test_a_dump_is_loaded_and_found_up_to_date(app, make_empty_app, command):
    assert command(app, "demo")[0] == 0
    db.session.rollback()
    kind = "sqlite" if db.engine.dialect.name == "sqlite" else "postgres"
    elsewhere = make_empty_app(kind, "elsewhere")
    with elsewhere.app_context():
        url = db.engine.url.render_as_string(hide_password=False)
        db.engine.dispose()
    dump.load(dump.dump(app.config["SQLALCHEMY_DATABASE_URI"]), url)
    assert "The database is up to date." in upgraded(elsewhere, command)


def test_every_release_is_upgraded(make_empty_app, command):
    for number, path in enumerate(dump.kept()):
        kind = re.search(r"-(sqlite|postgres)\.", path.name)[1]
        app = make_empty_app(kind, f"release{number}")
        with app.app_context():
            url = db.engine.url.render_as_string(hide_password=False)
            db.engine.dispose()
        dump.load(dump.read(path), url)
        upgraded(app, command)


def test_the_dumps_of_every_release_are_kept():
    released = re.findall(r"^## \[?(\d+\.\d+\.\d+)", CHANGELOG.read_text(), re.M)
    wanted = {f"{version}-{kind}.sql.xz" for version in released if version >= "1" for kind in ("sqlite", "postgres")}
    assert wanted <= {path.name for path in dump.kept()}, "python -m tests.support.dump keeps those of this version"
