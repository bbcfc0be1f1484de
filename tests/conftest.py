"""What all tests share: an application on both databases, users who sign in, a fixed clock, no network."""

from __future__ import annotations

import atexit
import contextvars
import logging
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from sqlalchemy import event, select, update

from erp import clock, migrations, sessions
from erp.app import create_app
from erp.db import commit, db
from erp.models import Role, User
from erp.options import store_option
from erp.registry import current_registry
from erp.sign_in_models import SignedIn
from tests.support import databases, disabled_modules, numbering, shown_options

NOW = "2026-11-23T12:00:00Z"
# A machine that is busy with other work draws examples slowly: that says nothing of the code.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

LOCAL = {"localhost", "127.0.0.1", "::1", "", None}


def pytest_configure(config):
    config.addinivalue_line("markers", "real_clock: the test lives in real time instead of the fixed instant")
    config.addinivalue_line("markers", "browser: the test drives a real browser")
    config.addinivalue_line("markers", "needs(name): the test is about that module too, which stands above its own")
    config.addinivalue_line("markers", "option(key, *values): the test shows what the option governs")
    if not hasattr(config, "workerinput"):
        folder = os.environ["ERP_TEST_FOLDER"] = tempfile.mkdtemp(prefix="erp-test-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)  # after the server has stopped


def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        databases.stop_server(Path(os.environ["ERP_TEST_FOLDER"]))


@pytest.fixture(scope="session")
def shared_folder():
    """A folder of this run of the tests, the same for all its processes."""
    return Path(os.environ["ERP_TEST_FOLDER"])


@pytest.fixture(autouse=True)
def the_log_as_it_was():
    """Undo what a command does to the log: it sets it up for a process of its own."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.fixture(scope="session", autouse=True)
def no_network():
    """Refuse connections to anywhere but this machine."""
    connect, find_first = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self, address):
        if isinstance(address, tuple) and address[0] not in LOCAL:
            raise RuntimeError(f"a test opened a connection to {address}")
        return connect(self, address)

    def guarded_search(host, *args, **kwargs):
        if host not in LOCAL and host != socket.gethostname():
            raise RuntimeError(f"a test looked up {host}")
        return find_first(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket, "getaddrinfo", guarded_search)
        yield


@pytest.fixture
def at(monkeypatch):
    """Return a function that sets the clock: `at("2026-11-23T12:00:00Z")`."""

    def fix(text):
        instant = datetime.fromisoformat(text).astimezone(UTC)
        monkeypatch.setattr(clock, "_read", lambda: instant)

    return fix


@pytest.fixture(autouse=True)
def fixed_clock(request, at):
    """Let every test happen at the same instant."""
    if not request.node.get_closest_marker("real_clock"):
        at(NOW)


@pytest.fixture(autouse=True)
def modules_as_they_were_written_last(monkeypatch):
    """Compile what a test writes twice in a second again: Python compares whole seconds and sizes of files."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)


@pytest.fixture(autouse=True)
def numbers_from_one():
    """Let names and times of what a test makes depend on that test alone."""
    numbering.start_again()


@pytest.fixture(autouse=True)
def marked_options_are_read(request):
    """Check that a test reads the options that its marks name."""
    marked = [mark.args for mark in request.node.iter_markers("option")]
    if not marked:
        yield
        return
    with shown_options.noted() as read:
        yield
    assert shown_options.unread(marked, read) == [], "the mark names what the code under test did not ask for"


class OtherProcessClient(FlaskClient):
    """A browser whose requests share nothing with the test: as if another process answered them.

    What the test prepared is committed first, and the test reads everything again afterwards.
    """

    def open(self, *args, **kwargs):
        db.session.commit()
        kwargs.setdefault("buffered", True)  # an answer that is streamed is read where it is made
        try:
            return contextvars.Context().run(super().open, *args, **kwargs)
        finally:
            db.session.expire_all()
            current_registry().refresh()


def more_modules():
    """Return the folders of modules that are tested in addition to those that ship: ERP_TEST_MODULES names them."""
    return [Path(folder).absolute() for folder in os.environ.get("ERP_TEST_MODULES", "").split(os.pathsep) if folder]


def _hurry(connection, _record):
    connection.execute("PRAGMA synchronous=OFF")  # tests lose nothing with the power


def make_app(url, instance, *folders):
    """Return an application on a database of its own, untouched by this machine's settings."""
    app = create_app(
        database_url=url,
        environment={"ERP_INSTANCE": str(instance)},
        module_folders=[*more_modules(), *folders],
        testing=True,
    )
    if url.startswith("sqlite"):
        with app.app_context():
            event.listen(db.engine, "connect", _hurry)
    app.config["WTF_CSRF_ENABLED"] = False
    app.test_client_class = OtherProcessClient
    return app


def install_everything(app):
    """Make the tables and switch every module on, as `erp init` does, and add the administrator.

    Every module has been uninstalled and installed again: all tests show that this leaves nothing behind.
    """
    with app.app_context():
        migrations.install_core()
        modules = list(current_registry().modules)
        for name in modules:
            migrations.install(name)
        for name in reversed(modules):
            commit(partial(current_registry().disable, name=name))
            migrations.uninstall(name, Path(app.instance_path) / "exports" / name)
        for name in modules:
            migrations.install(name)
        add_user("admin", "Administrator")
        db.session.commit()


def add_user(username, role):
    """Return the user of that name, who has one role."""
    session = db.session()
    user = session.scalar(select(User).where(User.username == username))
    if user is None:
        roles = [session.scalars(select(Role).where(Role.name == role)).one()]
        user = User(username=username, password_hash="!", roles=roles)
        session.add(user)
        session.flush()
    return user


class Databases:
    """The databases of this process: each test gets a fresh copy of the installed one, under the same address."""

    def __init__(self, shared: Path, own: Path, worker: str) -> None:
        self.shared, self.own, self.worker = shared, own, worker
        self.apps = {}

    def app(self, kind):
        """Return the application on `kind` of database, as new."""
        template = databases.TEMPLATES[kind](self.shared, self.install)
        known = self.apps.get(kind)
        if known is not None:
            _forget(known)
        url = template.copy(self.own, self.worker)
        if known is None:
            known = self.apps[kind] = make_app(url, self.own / kind)
        return known

    def install(self, url):
        app = make_app(url, self.own / "template")
        install_everything(app)
        _forget(app)


def _forget(app):
    with app.app_context():
        db.engine.dispose()
    app.extensions["erp"].forget()


@pytest.fixture(scope="session")
def all_databases(shared_folder, tmp_path_factory, worker_name):
    """The databases of this process, closed at its end."""
    every = Databases(shared_folder, tmp_path_factory.mktemp("erp"), worker_name)
    yield every
    for app in every.apps.values():
        _forget(app)


@pytest.fixture(scope="session")
def worker_name():
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


def pytest_generate_tests(metafunc):
    chosen = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "app" in metafunc.fixturenames and not any(names == "app" or "app" in tuple(names) for names in chosen):
        metafunc.parametrize("app", disabled_modules.parameters(metafunc.definition), indirect=True)


@pytest.fixture
def app(request, all_databases) -> Iterator:
    """The application with its context pushed, once on each database; disabled_modules.py says what is on."""
    kind, disabled = request.param if isinstance(request.param, tuple) else (request.param, ())
    app = all_databases.app(kind)
    with app.app_context():
        if disabled:
            disabled_modules.switch_off(disabled)
        yield app
        db.session.remove()


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database(request, all_databases, worker_name, tmp_path):
    """The address of a database without tables, once on each database."""
    template = databases.TEMPLATES[request.param](all_databases.shared, all_databases.install)
    return template.empty(tmp_path, f"empty_{worker_name}")


@pytest.fixture
def session(app):
    """The session of the test."""
    return db.session()


def browser_of(app, role):
    """Return a browser in which somebody with that role is signed in."""
    user = add_user(role.lower().replace(" ", "-") if role != "Administrator" else "admin", role)
    user_id = sessions.start(db.session(), user, place="127.0.0.1", device="test").get_id()
    # Tests may set the clock on by years, and their browsers stay signed in.
    db.session.execute(update(SignedIn).values(started_at=datetime(2900, 1, 1, tzinfo=UTC)))
    db.session.commit()
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"], cookie["_fresh"] = user_id, True
    return client


@pytest.fixture
def sign_in(app) -> Callable[[str], FlaskClient]:
    """Return a function that gives a browser in which somebody with that role is signed in."""
    return partial(browser_of, app)


@pytest.fixture
def client(sign_in):
    """A browser in which the administrator is signed in."""
    return sign_in("Administrator")


@pytest.fixture
def set_option(session):
    """Return a function that sets an option as an administrator would: `set_option("sales.backorders", "no")`."""

    def set_to(key, text):
        store_option(session, current_registry().option_table, key, text, user_name="admin")
        session.commit()

    return set_to


class Statements(list):
    """The SQL statements that were sent."""


@pytest.fixture
def count_statements(app):
    """Return a context manager that gives the list of statements sent inside.

    What the test has loaded is forgotten first: it must not spare the counted work a statement a row.
    """

    @contextmanager
    def counting():
        db.session.flush()
        db.session.expire_all()
        sent = Statements()

        def note(_connection, _cursor, statement, *_more):
            sent.append(statement)

        event.listen(db.engine, "before_cursor_execute", note)
        try:
            yield sent
        finally:
            event.remove(db.engine, "before_cursor_execute", note)

    return counting
