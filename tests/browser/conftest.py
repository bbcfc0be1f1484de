"""A real browser before a real server: what a user does and sees."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from playwright.sync_api import Error, Locator, Page, expect, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from erp.app import create_app
from erp.db import db
from erp.jobs.worker import Worker
from erp.options import store_option
from erp.registry import current_registry
from erp.security import find_user, set_password
from tests.backorder_email.servers import mail_server
from tests.support import databases

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
PASSWORD = "a-password-for-tests"
TIMEOUT = 60_000
CELLS = "rows => rows.map(row => [...row.querySelectorAll('td')].map(cell => cell.innerText))"


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.real_clock)


@pytest.fixture(scope="session")
def chromium():
    """The browser of this process."""
    path = shutil.which("chromium")
    if path is None and os.environ.get("ERP_TEST_BROWSER") != "required":
        pytest.skip("no chromium is installed")
    assert path is not None, "chromium must be installed where the browser tests are required"
    expect.set_options(timeout=TIMEOUT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture
def shop(all_databases, tmp_path):
    """The application with every module on, on a fresh database; its context is not pushed."""
    url = databases.TEMPLATES["sqlite"](all_databases.shared, all_databases.install).copy(tmp_path, "shop")
    app = create_app(database_url=url, environment={"ERP_INSTANCE": str(tmp_path)})
    with app.app_context():
        set_password(db.session(), find_user(db.session(), "admin"), PASSWORD)
        db.session.commit()
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def behind(shop):
    """Return a context manager for changes without the screens: it yields a session and commits."""

    @contextmanager
    def session() -> Iterator:
        with shop.app_context():
            yield db.session()
            db.session.commit()

    return session


@pytest.fixture
def worker(shop):
    """Return a context manager in which a worker runs the jobs of the shop."""

    @contextmanager
    def running() -> Iterator:
        one = Worker(shop, poll_seconds=0.2)
        thread = threading.Thread(target=one.run)
        thread.start()
        try:
            yield
        finally:
            one.stop()
            thread.join()

    return running


class Handler(WSGIRequestHandler):
    """Ends a connection on which the browser asks for nothing."""

    timeout = 2


@pytest.fixture
def address(shop):
    """The address of a server that runs while the test does, and has closed every file when it ends."""
    server = make_server("127.0.0.1", 0, shop, threaded=True, request_handler=Handler)
    server.daemon_threads = False  # closing the server waits for the requests that are being answered
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Clerk:
    """A user of the screens, who reads labels and presses what they name."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def sign_in(self, username: str = "admin", password: str = PASSWORD) -> None:
        """Sign in."""
        self.page.goto("/login")
        self.page.get_by_label("Name").fill(username)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("navigation", name="Menu")).to_be_visible()

    def go(self, address: str) -> None:
        """Open an address."""
        self.page.goto(address)

    def press(self, label: str, *, inside: str = "main") -> None:
        """Press the button or the link of that name."""
        place = self.page.locator(inside)
        place.get_by_role("button", name=label, exact=True).or_(
            place.get_by_role("link", name=label, exact=True)
        ).first.click()
        self.page.wait_for_load_state()

    def submit(self) -> None:
        """Press the main button of the form and wait for its answer."""
        self.page.locator("main form button.btn-primary").click()
        self.page.wait_for_load_state()

    def answer(self, label: str) -> None:
        """Answer the question in the dialog."""
        dialog = self.page.get_by_role("dialog")
        expect(dialog).to_be_visible()
        dialog.get_by_role("button", name=label, exact=True).click()
        expect(dialog).to_be_hidden()

    def sees(self, text: str) -> None:
        """Find a text on the page."""
        expect(self.page.get_by_text(text).first).to_be_visible()

    def rows(self, table: str) -> list[list[str]]:
        """Return the cells of a table by its id."""
        rows = self.page.locator(f"#{table} tbody tr:not(.line-menu)").evaluate_all(CELLS)
        return [[" ".join(cell.split()) for cell in row] for row in rows]

    def reads(self, reading: Callable[[], object], expected: object) -> None:
        """Read the page until it shows what is expected: the answer to the last press may be on its way."""
        until = time.monotonic() + TIMEOUT / 1000
        while time.monotonic() < until:
            with suppress(IndexError, Error):  # no such row yet, or the page is being replaced
                if reading() == expected:
                    return
            self.page.wait_for_timeout(50)
        assert reading() == expected

    def choose(self, field: Locator, text: str) -> None:
        """Choose in a field that searches while one types."""
        field.click()
        field.press_sequentially(text, delay=20)
        self.page.get_by_role("option", name=text).first.click()

    def choose_on_line(self, line: int, action: str) -> None:
        """Choose an action of a document's line."""
        actions = self.page.get_by_role("group", name=f"Actions of line {line}", exact=True)
        actions.get_by_role("link", name=action, exact=True).click()

    def open_menu(self, entry: str) -> None:
        """Choose an entry of the menu."""
        self.page.get_by_role("navigation", name="Menu").get_by_role("link", name=entry, exact=True).click()
        expect(self.page.get_by_role("heading", name=entry, exact=True)).to_be_visible()

    def set_option(self, section: str, name: str, value: str) -> None:
        """Set an option on its screen."""
        self.go(f"/settings/options/?section={section}")
        self.page.locator(f"[name='{section}.{name}']").select_option(value)
        self.press("Save")


@pytest.fixture
def clerk(chromium, address):
    """The administrator, signed in; a script error or a request to elsewhere fails the test."""
    context = chromium.new_context(base_url=address, viewport={"width": 1360, "height": 900})
    context.set_default_timeout(TIMEOUT)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda request: None if request.url.startswith((address, "data:", "about:")) else wrong.append(request.url),
    )
    user = Clerk(page)
    user.sign_in()
    yield user
    context.close()
    assert wrong == []


@pytest.fixture
def mailbox(behind):
    """The mailbox of a mail server that the shop sends to."""
    with mail_server() as (box, port):
        with behind() as session:
            for name, value in {"transport": "smtp", "host": "127.0.0.1", "port": str(port)}.items():
                table = current_registry().option_table
                store_option(session, table, f"backorder_email.{name}", value, user_name="admin")
        yield box
