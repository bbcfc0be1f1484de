"""The application and its settings."""

import os
import stat

import pytest

from erp.app import create_app
from erp.db import db
from erp.errors import ConfigError
from erp.options import options


def test_every_module_that_ships_is_on(app):
    registry = app.extensions["erp"]
    assert registry.found.broken == {}
    assert set(registry.modules) == registry.enabled()


def test_each_test_starts_with_a_fresh_database(session, set_option):
    assert options.erp.company_name == "My Company"
    set_option("erp.company_name", "Acme")


def test_each_test_starts_with_a_fresh_database_again(session, set_option):
    test_each_test_starts_with_a_fresh_database(session, set_option)


def test_a_secret_key_is_made_once_and_kept_for_the_owner_alone(tmp_path):
    first = create_app(environment={"ERP_INSTANCE": str(tmp_path)})
    second = create_app(environment={"ERP_INSTANCE": str(tmp_path)})
    assert first.secret_key == second.secret_key
    assert len(first.secret_key) >= 32
    assert stat.S_IMODE(os.stat(tmp_path / "secret_key").st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_a_short_secret_key_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="16 characters or more"):
        create_app(environment={"ERP_INSTANCE": str(tmp_path), "ERP_SECRET_KEY": "short"})


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgresql://clerk:secret@host/book", "postgresql+psycopg://clerk:secret@host/book"),
        ("postgres://host/book", "postgresql+psycopg://host/book"),
        ("postgresql+psycopg://host/book", "postgresql+psycopg://host/book"),
    ],
)
def test_a_plain_postgresql_address_gets_the_driver_that_is_installed(tmp_path, given, used):
    app = create_app(environment={"ERP_INSTANCE": str(tmp_path), "ERP_DATABASE_URL": given})
    with app.app_context():
        assert db.engine.url.render_as_string(hide_password=False) == used


@pytest.mark.parametrize("url", ["nonsense", "mysql://host/book", "postgresql://u:x@localhost:abc/db"])
def test_another_database_is_refused(tmp_path, url):
    with pytest.raises(ConfigError, match="ERP_DATABASE_URL"):
        create_app(environment={"ERP_INSTANCE": str(tmp_path), "ERP_DATABASE_URL": url})


def test_the_database_lies_in_the_instance_by_default(tmp_path):
    app = create_app(environment={"ERP_INSTANCE": str(tmp_path / "here")})
    with app.app_context():
        assert db.engine.url.database == str(tmp_path / "here" / "erp.sqlite")


@pytest.mark.parametrize(
    ("given", "used"), [("sqlite:///x.db", "{here}/x.db"), ("sqlite:////tmp/x.db", "/tmp/x.db"), ("sqlite://", None)]
)
def test_a_relative_database_lies_below_the_current_folder(tmp_path, monkeypatch, given, used):
    monkeypatch.chdir(tmp_path)
    app = create_app(environment={"ERP_INSTANCE": str(tmp_path / "instance"), "ERP_DATABASE_URL": given})
    with app.app_context():
        assert db.engine.url.database == (used and used.format(here=tmp_path))


def test_an_ini_file_that_is_named_must_be_there(tmp_path):
    with pytest.raises(ConfigError, match="There is no ini file"):
        create_app(environment={"ERP_INSTANCE": str(tmp_path), "ERP_CONFIG": str(tmp_path / "none.ini")})


@pytest.mark.parametrize("content", [b"", b"\n", b"short", b"\xff" * 64, b" " * 64])
def test_a_damaged_secret_key_is_refused_and_never_used(tmp_path, content):
    (tmp_path / "secret_key").write_bytes(content)
    with pytest.raises(ConfigError, match="secret_key cannot be used: .*Bring the file back, or delete it"):
        create_app(environment={"ERP_INSTANCE": str(tmp_path)})


def test_a_secret_key_that_cannot_be_read_is_refused_with_the_reason(tmp_path):
    (tmp_path / "secret_key").mkdir()
    with pytest.raises(ConfigError, match="Is a directory"):
        create_app(environment={"ERP_INSTANCE": str(tmp_path)})


def test_the_instance_and_its_database_are_for_their_owner_alone(tmp_path):
    before = os.umask(0)
    try:
        app = create_app(environment={"ERP_INSTANCE": str(tmp_path / "new")})
        with app.app_context():
            with db.engine.begin() as connection:
                connection.exec_driver_sql("CREATE TABLE t (a)")
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").iterdir()}
            db.engine.dispose()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert modes and set(modes.values()) == {0o600}, modes
