"""Everything that the modules registered, and leaving out a module that cannot be used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy.orm import Session

from erp.discovery import Found
from erp.errors import MissingDependency
from erp.manifest import Module
from erp.options import OptionTable
from erp.registry.entries import (
    CORE,
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
from erp.search import SearchSource


class Registered:
    """The found modules in dependency order, and all that they registered."""

    def __init__(self, found: Found, modules: list[Module], option_table: OptionTable) -> None:
        self.found = found
        self.modules = {module.name: module for module in modules}
        self.option_table = option_table
        # The module of each thing that was registered, by the id of the thing.
        self.owners: dict[int, str] = {}
        self.tables: dict[str, list[Any]] = defaultdict(list)
        self.searchable: dict[str, list[type[Any]]] = defaultdict(list)
        self.searches: list[Owned[SearchSource]] = []
        self.views: list[Owned[ViewEntry]] = []
        self.endpoints: list[Owned[Endpoint]] = []
        self.resources: dict[str, Owned[Any]] = {}
        self.effects: dict[str, Owned[Any]] = {}
        self.resource_extensions: dict[str, list[Owned[ResourceExtension]]] = defaultdict(list)
        self.contributions: dict[str, list[Owned[Contribution]]] = defaultdict(list)
        self.jobs: dict[str, Owned[JobEntry]] = {}
        self.commands: dict[str, Owned[Any]] = {}
        self.imports: dict[str, Owned[Any]] = {}
        self.exports: dict[str, Owned[Any]] = {}
        self.import_extensions: dict[str, list[Owned[Extension]]] = defaultdict(list)
        self.export_extensions: dict[str, list[Owned[Extension]]] = defaultdict(list)
        self.checks: list[Owned[Callable[[Session], Iterable[str]]]] = []
        self.queues: dict[str, Owned[Queue]] = {}
        self.alarms: list[Owned[Callable[[Sequence[str], Alarm], None]]] = []
        self.cards: list[Owned[Any]] = []
        self.work_queues: dict[str, Owned[Any]] = {}
        self.charts: dict[str, Owned[Any]] = {}
        self.demos: list[Owned[Callable[[Session], None]]] = []
        self.subscribers: dict[type, list[Owned[Callable[..., None]]]] = defaultdict(list)
        self.hook_answers: dict[Callable[..., Any], list[Owned[Callable[..., Any]]]] = defaultdict(list)
        self.catch_ups: dict[str, list[Callable[[Session], None]]] = defaultdict(list)
        self.guards: dict[str, list[Callable[..., None]]] = defaultdict(list)

    def add_core_job(self, job: Callable[[Session], str | None], *, every: str) -> None:
        """Run `job(session)` of the core every `every`, the name of a Duration option of `[erp]`."""
        name = job_name(job)
        self.jobs[name] = Owned(CORE, JobEntry(name, job, f"{CORE}.{every}"))

    def mark_broken(self, name: str, error: BaseException) -> None:
        """List a third party's module as broken, and those that need it; raise the error of one that ships."""
        if name in self.found.shipped:
            raise error
        self._drop(name, error)
        for module in list(self.modules.values()):
            if name in module.depends:
                self.mark_broken(module.name, MissingDependency(module.name, {name}))

    def _drop(self, name: str, error: BaseException) -> None:
        """Forget what a module registered before it failed."""
        self.found.mark_broken(name, error)
        del self.modules[name]
        by_modules: tuple[dict[str, list[Any]], ...] = (self.tables, self.searchable, self.catch_ups, self.guards)
        for by_module in by_modules:
            by_module.pop(name, None)
        by_names: tuple[dict[str, Owned[Any]], ...] = (
            self.jobs,
            self.commands,
            self.imports,
            self.exports,
            self.resources,
            self.effects,
            self.queues,
            self.work_queues,
            self.charts,
        )
        for by_name in by_names:
            for key in [key for key, owned in by_name.items() if owned.module == name]:
                del by_name[key]
        lists: tuple[list[Owned[Any]], ...] = (
            self.views,
            self.endpoints,
            self.searches,
            self.checks,
            self.alarms,
            self.cards,
            self.demos,
        )
        groups: tuple[dict[Any, list[Owned[Any]]], ...] = (
            self.contributions,
            self.resource_extensions,
            self.import_extensions,
            self.export_extensions,
            self.subscribers,
            self.hook_answers,
        )
        for owned_things in (*lists, *(things for group in groups for things in group.values())):
            owned_things[:] = [owned for owned in owned_things if owned.module != name]
