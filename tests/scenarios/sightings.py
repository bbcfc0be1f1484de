"""What of each module is visible from outside: on pages, in commands, and to spies in place of what it registered.

A thing is a pair of a module's name and a description of what the module has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest
from sqlalchemy import select

from erp.admin.site import current_site
from erp.db import commit, db
from erp.events import publish
from erp.history import Subject
from erp.registry import Owned, Queue, current_registry
from erp.security import find_user
from erp.watch.reports import report_troubles
from erp.watch.troubles import FAILED_JOBS, Trouble, queues
from modules.api.services import add_token
from tests.core.addresses import gated

MOST_ROWS = 40
ROW_PARTS = ("panels", "actions", "line_columns", "line_actions")
LIST_PARTS = ("columns", "filters", "quick_filters", "list_actions")
PARTS = ("fields", *LIST_PARTS, *ROW_PARTS)

# Each extension point, and the kinds of things by which it is observed. Those without one show nothing: tables are
# kept, and what is called when a module is switched is tested with the switch.
POINTS = {
    "add_view": {"menu"},
    "extend_view": set(PARTS),
    "add_job": {"job"},
    "add_command": {"command"},
    "add_import": {"import"},
    "add_export": {"export"},
    "extend_import": {"import column"},
    "extend_export": {"export column"},
    "add_check": {"check"},
    "add_queue": {"queue"},
    "add_alarm": {"alarm"},
    "add_search": {"search"},
    "add_dashboard": {"card"},
    "add_work_queue": {"work queue"},
    "add_chart": {"chart"},
    "add_demo": {"demo"},
    "subscribe": {"handler"},
    "implement": {"answer"},
    "add_endpoint": {"endpoint"},
    "add_resource": {"resource"},
    "add_effect": {"effect"},
    "extend_resource": {"resource part"},
    "add_models": set(),
    "on_enable": set(),
    "before_disable": set(),
}

# What shows only on occasion: an offer, where there is something to gain.
OCCASIONAL = {"procurement.purchase_order.Rebalance", "inventory_lots.product.Held for quotes"}

Thing = tuple[str, str]


def name_of(function):
    """Return the name of a function, which may have some of its arguments already."""
    return getattr(function, "func", function).__name__


class Pages:
    """Pages as an administrator sees them, each fetched once."""

    def __init__(self, client):
        self.client = client
        self.texts = {}

    def __getitem__(self, path):
        if path not in self.texts:
            answer = self.client.get(path)
            self.texts[path] = answer.text if answer.status_code == 200 else ""
        return self.texts[path]

    def headings(self, path):
        """Return the heads of a page's tables."""
        return {strip(head) for head in re.findall(r"<th\b[^>]*>(.*?)</th>", self[path], re.S)}

    def titles(self, path):
        """Return the heads of a page's cards."""
        return {strip(head) for head in re.findall(r"<h2\b[^>]*>(.*?)</h2>", self[path], re.S)}


def strip(html):
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


class Watch:
    """Observes a company again and again."""

    def __init__(self, client, command):
        self.client, self.command = client, command
        self.registry = current_registry()
        self.rounds = count()
        self.rows = {name: self._rows_that_show_all(name) for name in self.registry.contributions}
        self.pages = Pages(client)
        user = find_user(db.session(), "admin")
        secret = commit(lambda session: add_token(session, session.merge(user), "watch")[1])
        self.signed = {"Authorization": f"Bearer {secret}"}

    def everything(self) -> set[Thing]:
        """Return all that any module registered, on or off."""
        return {(module, f"{kind} {name}") for kind, module, name, _ in self._all()}

    def seen(self) -> set[Thing]:
        """Return what is there now."""
        return {(module, f"{kind} {name}") for kind, module, name, is_seen in self._all() if is_seen}

    def kinds(self) -> set[str]:
        """Return the kinds of things that any module registered."""
        return {kind for kind, *_ in self._all()}

    def _all(self) -> Iterator[tuple[str, str, str, bool]]:
        db.session.rollback()
        self.registry.refresh()
        pages = self.pages = Pages(self.client)
        yield from self._own(pages)
        yield from self._of_files(pages)
        for name, parts in self.registry.contributions.items():
            for owned in parts:
                yield from self._contributed(pages, name, owned)
        yield from self._of_programs()
        yield from self._heard()

    def _of_programs(self):
        for owned in self.registry.endpoints:
            answer = self.client.get(f"{owned.thing.url}/openapi.json", headers=self.signed)
            yield "endpoint", owned.module, owned.thing.url, answer.status_code != 404
        document = self.client.get("/api/v1/openapi.json", headers=self.signed).get_data(as_text=True)
        for name, owned in self.registry.resources.items():
            yield "resource", owned.module, name, f'"/api/v1/{name}"' in document
        for name, owned in self.registry.effects.items():
            yield "effect", owned.module, name, f'"{name}": {{' in document
        for name, extensions in self.registry.resource_extensions.items():
            for owned in extensions:
                part = owned.thing
                for each in (*part.fields, *part.line_fields):
                    yield "resource part", owned.module, f"{name}.{each.name}", f'"{each.name}": {{' in document
                for write in part.writes:
                    is_seen = re.search(rf'"/api/v1/{name}/[^"]*{write.name}"', document) is not None
                    yield "resource part", owned.module, f"{name}.{write.name}", is_seen

    def _own(self, pages):
        for owned in self.registry.views:
            yield "menu", owned.module, owned.thing.view.view_name, f'href="{owned.thing.view.url}/"' in pages["/"]
        for owned in self.registry.cards:
            yield "card", owned.module, owned.thing.title, owned.thing.title in pages.titles("/")
        for name, owned in self.registry.work_queues.items():
            yield "work queue", owned.module, name, f"<span>{owned.thing.title}</span>" in pages["/"]
        for name, owned in self.registry.charts.items():
            yield "chart", owned.module, name, owned.thing.title in pages.titles("/")
        for name, owned in self.registry.jobs.items():
            yield "job", owned.module, name, f'id="job-{name}"' in pages["/settings/jobs/"]
        for module in self.registry.modules.values():
            if module.options:
                yield "options", module.name, "", f"?section={module.name}" in pages["/settings/options/"]
        listed = self.command("--help")[1]
        for name, owned in self.registry.commands.items():
            yield "command", owned.module, name, re.search(rf"^  {name}\b", listed, re.M) is not None

    def _of_files(self, pages):
        for kind in ("import", "export"):
            page = pages[f"/settings/{kind}/"]
            for name, owned in getattr(self.registry, f"{kind}s").items():
                yield kind, owned.module, name, re.search(rf'(value="|/){name}(\.csv)?"', page) is not None
            for name, extensions in getattr(self.registry, f"{kind}_extensions").items():
                for owned in extensions:
                    for column in owned.thing.columns:
                        column_name = getattr(column, "name", column)
                        is_seen = re.search(rf"\b{column_name}\b", page) is not None
                        yield f"{kind} column", owned.module, f"{name}.{column_name}", is_seen

    # What is added to the screens of others

    def _rows_that_show_all(self, view_name):
        """Return the addresses of rows whose pages together show everything that is added to a screen."""
        view, pages = current_site().view(view_name), Pages(self.client)
        wanted = [(kind, thing) for kind in ROW_PARTS for thing in self._parts(view_name, kind)]
        ids = db.session.scalars(select(view.model.id).order_by(view.model.id).limit(MOST_ROWS)).all()
        chosen = []
        for path in (f"{view.url}/{id_}/" for id_ in ids):
            found = [each for each in wanted if shows(pages, path, view, *each)]
            wanted = [each for each in wanted if each not in found]
            chosen += [path] if found or not chosen else []
        return chosen

    def _parts(self, view_name, kind):
        return [thing for owned in self.registry.contributions[view_name] for thing in getattr(owned.thing, kind)]

    def _contributed(self, pages, view_name, owned):
        view = current_site().view(view_name)
        form = f"{view.url}/new/" if view.can_create else f"{self.rows[view_name][0]}edit/"
        where = {"fields": [form, self.rows[view_name][0]], **{kind: [f"{view.url}/"] for kind in LIST_PARTS}}
        for kind in PARTS:
            for thing in getattr(owned.thing, kind):
                name = f"{view_name}.{label_of(thing)}"
                if name not in OCCASIONAL:
                    paths = where.get(kind, self.rows[view_name])
                    yield kind, owned.module, name, any(shows(pages, path, view, kind, thing) for path in paths)

    # What acts in the background

    def _heard(self):
        """Replace what is called by spies, and call them as the core does."""
        heard: set[Thing] = set()
        places: list[Thing] = []

        def spy(kind, owned, name):
            thing = (owned.module, f"{kind} {name}")
            places.append(thing)
            return Owned(owned.module, lambda *_, **__: heard.add(thing) or ())

        with pytest.MonkeyPatch.context() as patch:
            for name, owned in self.registry.queues.items():
                queue = Queue(name, spy("queue", owned, name).thing)
                patch.setitem(self.registry.queues, name, Owned(owned.module, queue))
            searches = [
                Owned(owned.module, replace(owned.thing, find=spy("search", owned, owned.thing.name).thing))
                for owned in self.registry.searches
            ]
            patch.setattr(self.registry, "searches", searches)
            for kind, place in (("check", "checks"), ("demo", "demos"), ("alarm", "alarms")):
                spies = [spy(kind, owned, name_of(owned.thing)) for owned in getattr(self.registry, place)]
                patch.setattr(self.registry, place, spies)
            for kind, place in (("handler", "subscribers"), ("answer", "hook_answers")):
                for asked, owned_things in getattr(self.registry, place).items():
                    name = asked.__name__
                    spies = [spy(kind, owned, f"{owned.thing.__name__} to {name}") for owned in owned_things]
                    patch.setitem(getattr(self.registry, place), asked, spies)
            self._call(patch)
        for thing in places:
            kind, _, name = thing[1].partition(" ")
            yield kind, thing[0], name, thing in heard

    def _call(self, patch):
        number = next(self.rounds)
        patch.setattr("erp.cli.company.DEMO", Subject(f"erp.demo{number}", None, "Demo company"))
        queues(db.session())
        assert self.client.get("/search/?q=words").status_code == 200
        patch.setattr("erp.watch.reports.troubles", lambda _: [Trouble(FAILED_JOBS, f"Something failed {number}.")])
        report_troubles(db.session())
        assert self.command("check")[0] == self.command("demo")[0] == 0
        for event in list(self.registry.subscribers):
            publish(db.session(), object.__new__(event))
        for ask in list(self.registry.hook_answers):
            ask(db.session())
        db.session.rollback()

    # Every entry point of a disabled module

    def open_entry_points(self, module: str) -> Iterator[str]:
        """Yield what of a disabled module still answers."""
        nobody = self.client.application.test_client()
        for path, methods, view in gated(self.client.application):
            if view.module == module:
                for who, browser in (("administrator", self.client), ("nobody", nobody)):
                    for method in methods:
                        if (status := browser.open(path, method=method).status_code) != 404:
                            yield f"{method} {path} gives {who} {status}"
        for view in [owned.thing.view for owned in self.registry.views if owned.module == module]:
            yield from (f"{path} refers to {view.url}" for path, text in self.pages.texts.items() if view.url in text)
        yield from self._open_commands(module)
        yield from self._open_actions(module)

    def _open_commands(self, module):
        calls = [[name] for name in mine(self.registry.commands, module)]
        calls += [["import", name, "-"] for name in mine(self.registry.imports, module)]
        calls += [["export", name] for name in mine(self.registry.exports, module)]
        calls += [["jobs", verb, name] for name in mine(self.registry.jobs, module) for verb in ("run", "pause")]
        for call in calls:
            code, out, err = self.command(*call)
            if (code, out) != (1, "") or f"belongs to module {module}, which is off." not in err:
                yield f"erp {' '.join(call)} says {code} {out} {err}"
        for kind in ("import", "export"):
            help_text = self.command(kind, "--help")[1]
            listed = [name for name in mine(getattr(self.registry, f"{kind}s"), module) if f"  {name} " in help_text]
            yield from (f"the help of erp {kind} lists {name}" for name in listed)
        for name in mine(self.registry.jobs, module):
            if (status := self.client.post(f"/settings/jobs/{name}/run/").status_code) != 404:
                yield f"job {name} is asked for with {status}"
        yield from self._open_columns(module)

    def _open_columns(self, module):
        for name, extensions in self.registry.import_extensions.items():
            for column in [column for owned in extensions if owned.module == module for column in owned.thing.columns]:
                err = self.command("import", name, "-", stdin=f"{column.name}\n")[2]
                if self.registry.is_live(self.registry.imports[name].module) and (
                    f"column {column.name} belongs to module {module}, which is off" not in err
                ):
                    yield f"import column {name}.{column.name} says {err}"
        for name, extensions in self.registry.export_extensions.items():
            header = self.command("export", name)[1].partition("\n")[0].split(",")
            for column in [column for owned in extensions if owned.module == module for column in owned.thing.columns]:
                if column in header:
                    yield f"export {name} has the column {column}"

    def _open_actions(self, module):
        for name, parts in self.registry.contributions.items():
            view = current_site().view(name)
            for contribution in [owned.thing for owned in parts if owned.module == module]:
                paths = [f"{self.rows[name][0]}{action.name}/" for action in contribution.actions]
                line = first_line(view, self.rows[name][0]) if contribution.line_actions else 0
                paths += [f"{self.rows[name][0]}lines/{line}/{each.name}/" for each in contribution.line_actions]
                for path in paths:
                    for method in ("GET", "POST"):
                        if (status := self.client.open(path, method=method).status_code) != 404:
                            yield f"{method} {path} gives {status}"


def mine(things, module):
    return [name for name, owned in things.items() if owned.module == module]


def first_line(view, path):
    row = db.session.get(view.model, int(path.rstrip("/").rpartition("/")[2]))
    return getattr(row, view.lines)[0].id


def label_of(thing):
    """Return what a thing is called: by its name, its title or its label."""
    return next(filter(None, (getattr(thing, name, None) for name in ("name", "title", "label"))))


def shows(pages, path, view, kind, thing):
    """Say whether a page shows a thing that another module adds to it."""
    match kind:
        case "columns" | "line_columns":
            return thing.label in pages.headings(path)
        case "filters":
            return f'"{thing.name}"' in pages[path]
        case "list_actions":
            return f'name="action" value="{thing.name}"' in pages[path]
        case "quick_filters":
            return f">{thing.label} <span" in pages[path]
        case "panels":
            return thing.title in pages.titles(path)
        case "fields":
            label = f"<dt>{view.field_label(thing)}</dt>"
            return re.search(rf'name="{thing.name}["-]', pages[path]) is not None or label in pages[path]
        case "actions":
            return re.search(rf'{view.url}/\d+/{thing.name}/"', pages[path]) is not None
        case "line_actions":
            return re.search(rf'/lines/\d+/{thing.name}/"', pages[path]) is not None
    raise LookupError(kind)
