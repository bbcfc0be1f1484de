"""A walk over the screens: at three widths and in both colours nothing is wrong with any of them.

`ERP_TEST_WALK=full` opens each page as every role that has it: lists, first rows, forms, the pages of actions on the
first row and on its first line, and a user's own pages; axe-core is asked all that it knows at each width in the light
and for the contrast in the dark, once for each content. Left out are answers to what is sent.

By default each list, first row and form is opened once, by the first role that has it, and axe-core is asked once in
the light and, of the first page of each template, for the contrast in the dark: pages of actions, pages as the other
roles see them, and axe-core at narrower widths are left to the full walk. `ERP_TEST_WALK_ROLE` names the one role,
`ERP_TEST_WALK_LANGUAGE` the language of the pages.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from flask import g, request
from sqlalchemy import event, select

from erp.admin import Screen
from erp.admin.site import current_site
from erp.db import commit, db
from erp.models import Role
from erp.options import store_option
from erp.registry import current_registry
from erp.security import add_user, find_user
from tests.browser.conftest import PASSWORD, TIMEOUT

AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
IS_FULL = os.environ.get("ERP_TEST_WALK") == "full"
ONLY_ROLE = os.environ.get("ERP_TEST_WALK_ROLE", "")
ROLES = ("Warehouse clerk", "Sales clerk", "Merchandiser", "Auditor", "Administrator")
LANGUAGE = os.environ.get("ERP_TEST_WALK_LANGUAGE", "en")
WIDTHS = (1280, 768, 390)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", *(["best-practice"] if IS_FULL else [])]
OWN_PAGES = ("/", "/language", "/password", "/second-factor")
MOST_QUERIES = 30
# What a person could not see or read: a page or a table that is wider than its place, text that is cut off, and words
# of a table that are broken.
UNSEEN = """async () => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));  // the page fits its new width
  const wrong = [], root = document.documentElement;
  const isBroken = (cell) => {  // a short word of its text stands on more than one line
    const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT), range = document.createRange();
    for (let text = walker.nextNode(); text; text = walker.nextNode())
      for (const word of text.data.matchAll(/[A-Za-z]{2,12}/g)) {
        range.setStart(text, word.index);
        range.setEnd(text, word.index + word[0].length);
        if (new Set(Array.from(range.getClientRects(), (line) => Math.round(line.top))).size > 1) return true;
      }
    return false;
  };
  if (root.scrollWidth > root.clientWidth + 1) wrong.push(`the page is ${root.scrollWidth} wide`);
  for (const each of document.querySelectorAll("main *")) {
    const style = getComputedStyle(each), box = each.getBoundingClientRect();
    if (!box.width || style.visibility === "hidden" || each.closest(".sr-only, svg, iframe, template")) continue;
    const name = each.tagName.toLowerCase() + (each.id ? "#" + each.id : "") + "." + each.className;
    if (each.matches("input, select, textarea, pre")) continue;
    const hides = ["hidden", "clip", "auto", "scroll"].includes(style.overflowX);
    const hidden = each.scrollWidth - each.clientWidth, beyond = Math.round(box.right - root.clientWidth);
    if (hides && hidden > 1) wrong.push(`${name} hides ${hidden}`);
    if (beyond > 1 && !each.closest(".dropdown-menu")) wrong.push(`${name} ends ${beyond} beyond the page`);
    if (each.matches("td, th") && isBroken(each)) wrong.push(`${name} breaks ${each.innerText.slice(0, 20)}`);
  }
  return wrong.slice(0, 3);
}"""
# The content of a page without what differs each time: its tokens and versions.
CONTENT = """() => {
  const copy = (document.querySelector("main") || document.body).cloneNode(true);
  copy.querySelectorAll("input[type=hidden], script").forEach((each) => each.remove());
  return copy.innerHTML;
}"""
ASK_AXE = """async (rules) => {
  const found = await axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
  return found.violations.filter((each) => ["serious", "critical"].includes(each.impact))
    .map((each) => each.id + ": " + each.nodes.slice(0, 2).map((node) => node.target.join(" ")).join(", "));
}"""


class Stop(NamedTuple):
    """A page of the walk, what it is made with, and who opens it."""

    path: str
    template: str
    roles: tuple[str, ...]


@pytest.fixture
def demo(shop):
    """The shop with the demo company and a user of each role; it counts the statements of each page."""
    statements: Counter[str] = Counter()
    with shop.app_context():
        registry = current_registry()
        for load in registry.live(registry.demos):
            commit(load)
        store_option(db.session(), registry.option_table, "erp.second_factor", "yes", user_name="admin")
        for role in ROLES[:-1]:
            add_user(db.session(), role.replace(" ", "-").lower(), PASSWORD, roles=[role], must_change=False)
        db.session.commit()

        @event.listens_for(db.engine, "before_cursor_execute")
        def count(*_args):
            if g and request:
                g.statements = g.get("statements", 0) + 1

    @shop.after_request
    def keep(response):
        statements[request.path] = max(statements[request.path], g.get("statements", 0))
        return response

    return shop, statements


def stops(app) -> list[Stop]:
    """Return the pages to open: each screen's list, its first row, its forms and actions, in the order of the menu."""
    with app.app_context(), app.test_request_context():
        g._login_user = find_user(db.session(), "admin")  # whether a row may be edited is asked for a user
        rights = {role.name: {each.permission for each in role.rights} for role in db.session.scalars(select(Role))}
        found = {path: Stop(path, template, _who(rights, right)) for path, right, template in _pages()}
        return [stop for stop in found.values() if stop.roles]


def _who(rights, right) -> tuple[str, ...]:
    """Return the roles that may open a page: all of them in a full walk, the first one else."""
    may = [name for name in ROLES if name == "Administrator" or not right or right in rights[name]]
    if ONLY_ROLE:
        return tuple(name for name in may if name == ONLY_ROLE)
    return tuple(may if IS_FULL else may[:1])


def _pages() -> Iterator[tuple[str, str, str]]:
    """Return the address, the right and the template of each page; an address may come twice."""
    yield from ((path, "", path) for path in OWN_PAGES)
    for view in (each for each in current_site()._views if each.url is not None and each.is_live()):
        base = "/" if view.url in ("", "/") else f"{view.url}/"
        yield base, view.permission, getattr(view, "list_template", view.view_name)
        if (model := getattr(view, "model", None)) is None:
            continue
        if view.can_create:
            yield f"{base}new/", view.edit_permission, view.create_template
        row = db.session.scalar(select(model).order_by(model.id).limit(1))
        if row is not None:
            has_own_page = type(view).details_url is Screen.details_url
            page = f"{base}{row.id}/" if has_own_page else view.details_url(row).partition("#")[0]
            yield page, view.permission, view.details_template
            yield from _pages_of_actions(view, base, row) if IS_FULL else ()


def _pages_of_actions(view, base: str, row) -> Iterator[tuple[str, str, str]]:
    if view.can_edit and view.may_edit(row):
        yield f"{base}{row.id}/edit/", view.edit_permission, view.edit_template
    actions = [*view.actions, *view.contributed("actions")]
    pages = [each for each in actions if each.page and each.name != "source" and each.allowed(row)]
    yield from ((f"{base}{row.id}/{each.name}/", each.permission, each.name) for each in pages)
    if line := next(iter(getattr(row, "lines", ())), None):
        actions = [*getattr(view, "line_actions", ()), *view.contributed("line_actions")]
        pages = [each for each in actions if each.page and each.allowed(line)]
        at = f"{base}{row.id}/lines/{line.id}"
        yield from ((f"{at}/{each.name}/", each.permission, each.name) for each in pages)


class Walker:
    """A user with a browser who notes what is wrong."""

    def __init__(self, chromium, address: str, role: str) -> None:
        context = chromium.new_context(
            base_url=address,
            viewport={"width": WIDTHS[0], "height": 900},
            reduced_motion="reduce",
            locale=LANGUAGE,
        )
        context.set_default_timeout(TIMEOUT)
        self.page, self.role, self.wrong, self.path = context.new_page(), role, [], ""
        self.page.on("pageerror", lambda error: self.note(str(error)))
        self.page.on("console", lambda said: self.note(said.text) if said.type == "error" else None)
        own = (address, "data:", "about:")
        self.page.on("request", lambda sent: None if sent.url.startswith(own) else self.note(f"asks {sent.url}"))
        username = "admin" if role == "Administrator" else role.replace(" ", "-").lower()
        self.page.goto("/login")
        self.page.locator("input[name=username]").fill(username)
        self.page.locator("input[name=password]").fill(PASSWORD)
        self.page.locator("input[name=password]").press("Enter")
        self.page.wait_for_load_state()

    def note(self, what: str) -> None:
        """Keep what is wrong with the page that is open."""
        self.wrong.append(f"{self.path} as {self.role}: {what}")

    def visit(self, stop: Stop, seen: set[str]) -> None:
        """Open a page, and see it at each width; `seen` has what axe was asked about, contents and templates."""
        self.path = stop.path
        self.page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        answer = self.page.goto(stop.path)
        if answer.status >= 400:
            self.note(f"answers {answer.status}")
        content = self.page.evaluate(CONTENT)
        is_new, is_new_template = content not in seen, stop.template not in seen
        seen |= {content, stop.template}
        if AXE.exists() and is_new:
            self.page.evaluate(AXE.read_text())
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 900})
            for found in self.page.evaluate(UNSEEN):
                self.note(f"at {width}: {found}")
            if is_new and (IS_FULL or width == WIDTHS[0]):
                self._ask_axe(width, "light", RULES)
            if is_new and (IS_FULL or (is_new_template and width == WIDTHS[-1])):
                self._ask_axe(width, "dark", ["color-contrast"])

    def _ask_axe(self, width: int, colour: str, rules: Sequence[str]) -> None:
        if not AXE.exists():
            return
        self.page.emulate_media(color_scheme=colour)
        for found in self.page.evaluate(ASK_AXE, rules):
            self.note(f"at {width}, {colour}: {found}")
        self.page.emulate_media(color_scheme="light")


def test_nothing_is_wrong_with_any_screen(demo, chromium, address):
    app, statements = demo
    wrong: list[str] = []
    seen: set[str] = set()
    found = stops(app)
    for role in ROLES:
        mine = [stop for stop in found if role in stop.roles]
        if not mine:
            continue
        walker = Walker(chromium, address, role)
        for stop in mine:
            walker.visit(stop, seen)
        walker.page.context.close()
        wrong += walker.wrong
    wrong += [f"{path} asks {count} queries" for path, count in statements.items() if count > MOST_QUERIES]
    assert len(found) > (40 if not ONLY_ROLE else 5)
    assert not wrong, "\n".join(wrong)


def test_axe_core_is_there_to_be_asked():
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm install --no-save axe-core@4.10.3 in the project's folder")
    assert "axe.run" in AXE.read_text()
