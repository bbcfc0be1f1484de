"""`make pictures`: takes the pictures of docs/clerk.md from the running product, on the demo company of a fixed day."""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from flask import Flask
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from werkzeug.serving import make_server

from erp import cli, clock
from erp.app import create_app
from erp.db import commit, db
from erp.options import store_option
from erp.registry import current_registry
from erp.security import find_user, set_password

FOLDER = Path(__file__).parents[2] / "docs/pictures"
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
FLAGS = "--headless --no-sandbox --disable-gpu --force-color-profile=srgb --hide-scrollbars"
WIDTH, HIGHEST, COLOURS = 1280, 860, 200
PASSWORD = "a password for pictures"
ORDER, PURCHASES = "/sales/orders/{}/", "/procurement/purchase-orders/{}/"


class Picture(NamedTuple):
    """A picture: who sees the page, at which address, and what is done there before it is taken."""

    name: str
    path: str
    steps: Callable[[Page], None] = lambda page: None
    user: str = "admin"


def _press(label: str) -> Callable[[Page], None]:
    def press(page: Page) -> None:
        main = page.locator("main")
        main.get_by_role("button", name=label, exact=True).or_(
            main.get_by_role("link", name=label, exact=True)
        ).first.click()
        page.wait_for_load_state()

    return press


def _on_line(action: str, *, asks: bool = False, number: int = 1) -> Callable[[Page], None]:
    def choose(page: Page) -> None:
        actions = page.get_by_role("group", name=f"Actions of line {number}", exact=True)
        actions.get_by_role("link", name=action, exact=True).click()
        if asks:
            page.get_by_role("dialog").get_by_role("button", name="Yes", exact=True).click()
        page.wait_for_load_state()

    return choose


def _tick_all(page: Page) -> None:
    page.locator("main thead input.pick-all").first.check()


def _steps(*steps: Callable[[Page], None]) -> Callable[[Page], None]:
    def run(page: Page) -> None:
        for step in steps:
            step(page)

    return run


def _search(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.keyboard.type("so00007")
    page.get_by_role("option", name="SO00007").first.wait_for()


def _allocate_the_earlier(page: Page) -> None:
    page.goto(ORDER.format(1))
    _press("Allocate Order")(page)
    page.goto(ORDER.format(9))


PICTURES = (
    Picture("work", "/work/", user="sales-clerk"),
    Picture("search", "/work/", _search, user="sales-clerk"),
    Picture("sales-order", ORDER.format(6)),
    Picture("earlier-orders", ORDER.format(9), _press("Allocate Order")),
    Picture("allocate-order", ORDER.format(9), _steps(_allocate_the_earlier, _press("Allocate Order"))),
    Picture("pack-allocated-order", ORDER.format(9), _press("Pack Allocated Order")),
    Picture("remove-allocation-lines", ORDER.format(2), _steps(_press("Remove Allocation Lines"), _tick_all)),
    Picture("allocate-to-purchase-order", ORDER.format(7), _on_line("Allocate Sales Order")),
    Picture("edit-promise-date", ORDER.format(12), _on_line("Edit")),
    Picture("order-item-change-history", ORDER.format(8), _on_line("Order Item Change History")),
    Picture("allocate-sales-orders", PURCHASES.format(2), _on_line("Allocate Sales Order", asks=True)),
    Picture("review-allocations", PURCHASES.format(2), _on_line("Review Allocations", number=2)),
    Picture("sync-date-with-so", PURCHASES.format(2), _on_line("Sync Date with SO", asks=True, number=2)),
    Picture("remove-allocation", PURCHASES.format(2), _on_line("Remove Allocation", number=2)),
    Picture("receive", PURCHASES.format(1), _press("Receive")),
    Picture("pending-emails", "/emails/pending/"),
    Picture("preorder-product", "/inventory/products/11/edit/"),
    Picture("available-to-promise", "/preorder/atp/9/"),
)


@contextmanager
def _company() -> Iterator[str]:
    """Serve the demo company, as it is on the fixed day, and give its address."""
    folder = Path(tempfile.mkdtemp())
    os.environ |= {"ERP_INSTANCE": str(folder), "ERP_ADMIN_PASSWORD": PASSWORD, "LOGNAME": "admin"}
    os.environ.pop("ERP_DATABASE_URL", None)
    clock._read = lambda: NOW  # type: ignore[assignment]
    try:
        assert cli.run(("init", "--demo")) == 0
        app = create_app()
        _prepare(app)
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
    finally:
        shutil.rmtree(folder)


def _prepare(app: Flask) -> None:
    """Let the clerk sign in, name the company, and bring in screws that no order has yet."""
    from modules.inventory_lots import queries, services

    with app.app_context():
        table = current_registry().option_table
        options = {"erp.company_name": "Northwind Trading", "sales.allocate_on_arrival": "no"}
        for name, value in options.items():
            commit(lambda session, name=name, value=value: store_option(session, table, name, value, user_name="admin"))
        commit(lambda session: set_password(session, find_user(session, "sales-clerk"), PASSWORD))
        product = queries.products_by_sku(db.session(), ["SCR-TAP-35X25"])["SCR-TAP-35X25"].id
        shelf = queries.locations_by_path(db.session(), ["WH/SHELF-A"])["WH/SHELF-A"].id
        count = services.Count(product, shelf, Decimal(300), "TS-2602", NOW.date() - timedelta(days=1))
        commit(lambda session: services.adjust(session, count, reason="Counted"))
        db.session.remove()


def _signed_in(browser, address: str, user: str) -> Page:
    context = browser.new_context(base_url=address, viewport={"width": WIDTH, "height": HIGHEST}, color_scheme="light")
    page = context.new_page()
    page.goto("/login")
    page.get_by_label("Name").fill(user)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_load_state()
    return page


def _take(page: Page, picture: Picture) -> None:
    page.set_viewport_size({"width": WIDTH, "height": HIGHEST})
    page.goto(picture.path)
    picture.steps(page)
    bottom = page.evaluate(
        "Math.ceil(document.querySelector('main').lastElementChild.getBoundingClientRect().bottom) + 28"
    )
    height = HIGHEST if picture.name == "search" else min(HIGHEST, max(360, bottom))
    page.set_viewport_size({"width": WIDTH, "height": height})
    page.wait_for_timeout(150)
    image = Image.open(io.BytesIO(page.screenshot(animations="disabled", caret="hide"))).convert("RGB")
    image.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
        FOLDER / f"{picture.name}.png", optimize=True
    )


def main(names: list[str]) -> None:
    """Take the pictures of these names, of none all, in their order: some show what the one before has changed."""
    FOLDER.mkdir(exist_ok=True)
    with _company() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS.split())
        pages = {user: _signed_in(browser, address, user) for user in {picture.user for picture in PICTURES}}
        for picture in PICTURES:
            if not names or picture.name in names:
                _take(pages[picture.user], picture)
                print(picture.name)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
