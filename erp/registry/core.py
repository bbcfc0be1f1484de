"""The one object through which a module's `setup` reaches the core."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from inspect import isclass
from types import ModuleType
from typing import Any, TypeVar

import click
from sqlalchemy import Table
from sqlalchemy.orm import Session

from erp import core
from erp.db import Model, key_columns, wrong_keys
from erp.errors import ModuleError
from erp.manifest import Module
from erp.options import Duration
from erp.registry.entries import (
    Alarm,
    Contribution,
    Endpoint,
    Extension,
    JobEntry,
    Owned,
    Queue,
    ResourceExtension,
    ViewEntry,
    job_name,
)
from erp.registry.registered import Registered
from erp.registry.requirements import NAME, require_answer, require_callable, require_event, require_screen
from erp.search import Searchable, SearchSource, wrong_words

T = TypeVar("T")


class Core:
    """What a module's `setup` may call. All that it adds belongs to the module and is live only while that is on."""

    def __init__(self, registered: Registered, module: Module) -> None:
        self._registered = registered
        self._module = module

    def add_models(self, models: ModuleType) -> None:
        """Register the tables of `models`, each named `<module>_...`.

        Those that are Searchable are kept in step with the search. The keys of identifiers and the words of the search
        are checked with the invariants.
        """
        for model in (model for model in _own_models(models) if issubclass(model, Searchable)):
            self._registered.searchable[self._module.name].append(model)
            self.add_check(partial(wrong_words, model=model))
        for table in _tables(models):
            if not table.name.startswith(f"{self._module.name}_"):
                raise ModuleError(f"Table {table.name} must be named {self._module.name}_...", table=table.name)
            if table.name == f"{self._module.name}_version":
                raise ModuleError(f"Table {table.name} cannot be called so: the revision of the tables is kept there.")
            self._registered.tables[self._module.name].append(table)
            if key_columns(table):
                self.add_check(partial(wrong_keys, table=table))

    def add_view(self, view: type[Any], *, menu: str, permission: str) -> None:
        """Add a screen (a subclass of the bases in `erp.admin`) below the menu entry `menu`."""
        require_screen(view, self._module.name)
        if permission not in {declared.name for declared in self._module.permissions}:
            raise ModuleError(f"Module {self._module.name} declares no permission {permission!r}.", name=permission)
        self._registered.views.append(self._own(ViewEntry(view, menu, permission)))

    def extend_view(
        self,
        name: str,
        *,
        columns: Sequence[Any] = (),
        fields: Sequence[Any] = (),
        panels: Sequence[Any] = (),
        actions: Sequence[Any] = (),
        line_columns: Sequence[Any] = (),
        line_actions: Sequence[Any] = (),
        notes: Sequence[Any] = (),
        filters: Sequence[Any] = (),
        quick_filters: Sequence[Any] = (),
        list_actions: Sequence[Any] = (),
        paper_sections: Sequence[Any] = (),
    ) -> None:
        """Add parts, as `erp.admin` declares them, to the screen `name` (`<module>.<noun>`) of another module."""
        of_row = (columns, fields, panels, actions, line_columns, line_actions, notes)
        parts = (*of_row, filters, quick_filters, list_actions, paper_sections)
        self._registered.owners.update((id(part), self._module.name) for each in parts for part in each)
        self._registered.contributions[name].append(self._own(Contribution(*map(tuple, parts))))

    def add_endpoint(self, endpoint: Endpoint) -> None:
        """Answer all requests below an address: it is for programs, which no cookie signs in."""
        require_callable(endpoint.answer, "an answer", 0)
        require_callable(endpoint.failed, "an answer to what fails", 3)
        self._registered.endpoints.append(self._own(endpoint))

    def add_resource(self, *resources: Any) -> None:
        """Add resources and reports (`erp.api.Resource`, `Report`) to the HTTP interface."""
        self._add(self._registered.resources, "resource", *resources)

    def extend_resource(
        self,
        name: str,
        *,
        fields: Sequence[Any] = (),
        line_fields: Sequence[Any] = (),
        writes: Sequence[Any] = (),
    ) -> None:
        """Add fields and writes, as `erp.api` declares them, to another module's resource `name`."""
        added = ResourceExtension(tuple(fields), tuple(line_fields), tuple(writes))
        self._registered.resource_extensions[name].append(self._own(added))

    def add_effect(self, *effects: Any) -> None:
        """Let dry runs show what writes change besides their own row (`erp.api.Effect`)."""
        self._add(self._registered.effects, "effect", *effects)

    def add_job(self, job: Callable[[Session], str | None], *, every: str) -> None:
        """Run `job(session)` every `every`, the name of a Duration option (`section.option`).

        The job is called what its function is called, with hyphens.
        """
        require_callable(job, "a job", 1)
        name = job_name(job)
        if not isinstance(self._registered.option_table.option(every), Duration):
            raise ModuleError(f"Job {name}: option {every} is no length of time; a Duration is allowed.", name=name)
        self._add(self._registered.jobs, "job", JobEntry(name, job, every))

    def add_command(self, *commands: click.Command) -> None:
        """Add commands to `erp`."""
        for command in commands:
            if not isinstance(command, click.Command):
                raise ModuleError(f"{command!r} is no command: a function under @click.command is allowed.")
            if command.name in core.COMMANDS:
                raise ModuleError(f"Command {command.name} belongs to the core.", name=command.name)
        self._add(self._registered.commands, "command", *commands)

    def add_import(self, *kinds: Any) -> None:
        """Add kinds of CSV files to import (`erp.exchange.ImportKind`)."""
        self._add(self._registered.imports, "import kind", *kinds)

    def add_export(self, *kinds: Any) -> None:
        """Add kinds of CSV files to export (`erp.exchange.ExportKind`)."""
        self._add(self._registered.exports, "export kind", *kinds)

    def extend_import(
        self,
        kind: str,
        columns: Sequence[Any],
        apply: Callable[..., Any],
        *,
        maps: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Add columns to another module's import kind; `apply(session, rows, errors)` stores them.

        `maps` adds to the kind's maps of files of other systems: by the name of the map, the sources of these columns.
        """
        require_callable(apply, "a function that stores columns", 3)
        self._registered.import_extensions[kind].append(self._own(Extension(tuple(columns), apply, maps or {})))

    def extend_export(self, kind: str, columns: Sequence[str], values: Callable[..., Any]) -> None:
        """Add columns to another module's export kind; `values(session)` gives them by the first value of a row."""
        require_callable(values, "a function that gives columns", 1)
        self._registered.export_extensions[kind].append(self._own(Extension(tuple(columns), values)))

    def add_check(self, check: Callable[[Session], Iterable[str]]) -> None:
        """Add an invariant to `erp check`: yields a sentence for each breach."""
        require_callable(check, "a check", 1)
        self._registered.checks.append(self._own(check))

    def add_queue(self, *queues: Queue) -> None:
        """Watch queues: administrators hear of an entry that stays too long in one."""
        self._add(self._registered.queues, "queue", *queues)

    def add_alarm(self, send: Callable[[Sequence[str], Alarm], None]) -> None:
        """Let `send(addresses, alarm)` bring a message to administrators; no transaction is open meanwhile."""
        require_callable(send, "an alarm", 2)
        self._registered.alarms.append(self._own(send))

    def add_dashboard(self, card: Any) -> None:
        """Add a card (`erp.admin.Card`) to the dashboard."""
        self._registered.cards.append(self._own(card))

    def add_chart(self, *charts: Any) -> None:
        """Add charts (`erp.admin.Chart`) to the dashboard."""
        self._add(self._registered.charts, "chart", *charts)

    def add_work_queue(self, *queues: Any) -> None:
        """Add work queues (`erp.admin.WorkQueue`): lists of what is to do, with their sizes on the dashboard."""
        self._add(self._registered.work_queues, "work queue", *queues)

    def add_demo(self, load: Callable[[Session], None]) -> None:
        """Add this module's part of the demo company."""
        require_callable(load, "a part of the demo company", 1)
        self._registered.demos.append(self._own(load))

    def add_search(self, *sources: SearchSource) -> None:
        """Let the search over all documents find rows of this module's screens."""
        self._registered.searches.extend(map(self._own, sources))

    def subscribe(self, event: type, handler: Callable[[Session, Any], None]) -> None:
        """Call `handler(session, event)` in the transaction that publishes `event`."""
        require_event(event)
        require_callable(handler, f"a handler of {event.__name__}", 2)
        self._registered.subscribers[event].append(self._own(handler))

    def implement(self, hook: Callable[..., Any], answer: Callable[..., Any]) -> None:
        """Answer another module's question."""
        require_answer(hook, answer)
        self._registered.hook_answers[hook].append(self._own(answer))

    def on_enable(self, catch_up: Callable[[Session], None]) -> None:
        """Call `catch_up(session)` when the module is switched on."""
        require_callable(catch_up, "what catches up", 1)
        self._registered.catch_ups[self._module.name].append(catch_up)

    def before_disable(self, guard: Callable[..., None]) -> None:
        """Call `guard(session, release=bool)` before the module is switched off; it may refuse."""
        require_callable(guard, "a guard", 1, "release")
        self._registered.guards[self._module.name].append(self._own(guard).thing)

    def _own(self, thing: T) -> Owned[T]:
        self._registered.owners[id(thing)] = self._module.name
        return Owned(self._module.name, thing)

    def _add(self, things: dict[str, Owned[Any]], kind: str, *added: Any) -> None:
        """Register things by names that no other module uses; a third party's gives way to one that ships."""
        for name, thing in ((getattr(thing, "name", None), thing) for thing in added):
            if not isinstance(name, str) or not NAME.fullmatch(name):
                raise ModuleError(f"A {kind} cannot be called {name!r}.", name=str(name))
            if name in things:
                first = things[name].module
                error = ModuleError(f"Two modules add a {kind} {name}: {first} and {self._module.name}.", name=name)
                if self._module.name not in self._registered.found.shipped:
                    raise error
                self._registered.mark_broken(first, error)
            things[name] = self._own(thing)


def _tables(models: ModuleType) -> list[Table]:
    """Return the tables that `models`, a file or a folder of them, makes; what it imports belongs to others."""
    return [model.__table__ for model in _own_models(models) if isinstance(model.__table__, Table)]


def _own_models(models: ModuleType) -> list[type[Model]]:
    made = [thing for thing in vars(models).values() if isclass(thing) and issubclass(thing, Model)]
    return [model for model in made if f"{model.__module__}.".startswith(f"{models.__name__}.")]
