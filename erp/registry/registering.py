"""What one module's `setup` sees of the registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import isclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Table
from sqlalchemy.orm import Session

from erp.db import Model
from erp.errors import (
    ModuleError,
)
from erp.module import Module
from erp.registry.entries import Contribution, Extension, JobEntry, Owned, ViewEntry

if TYPE_CHECKING:
    from erp.registry.registry import Registry

T = TypeVar("T")


class ModuleCore:
    """The `Core` that one module's setup sees: it stamps that module's name on all it adds."""

    def __init__(self, registry: Registry, module: Module) -> None:
        self._registry = registry
        self._module = module

    def add_models(self, models: ModuleType) -> None:
        """Register the tables of `models`."""
        for table in _tables(models):
            if not table.name.startswith(f"{self._module.name}_"):
                raise ModuleError(f"Table {table.name} must be named {self._module.name}_...", table=table.name)
            self._registry.tables[self._module.name].append(table)

    def add_view(self, view: type[Any], *, menu: str, permission: str) -> None:
        """Add a screen."""
        self._know(permission)
        self._registry.views.append(self._own(ViewEntry(view, menu, permission)))

    def extend_view(self, name: str, **parts: Sequence[Any]) -> None:
        """Contribute to another module's screen."""
        contribution = Contribution(**{kind: tuple(things) for kind, things in parts.items()})
        self._registry.contributions[name].append(self._own(contribution))

    def add_job(self, job: Callable[..., Any], *, every: str) -> None:
        """Add a scheduled job, named after its function with hyphens."""
        name = job.__name__.replace("_", "-")
        self._once(self._registry.jobs, "job", name)
        self._registry.option_table.option(every)
        self._registry.jobs[name] = self._own(JobEntry(name, job, every))

    def add_command(self, command: Any) -> None:
        """Add a command."""
        self._once(self._registry.commands, "command", command.name)
        self._registry.commands[command.name] = self._own(command)

    def add_import(self, kind: Any) -> None:
        """Add an import kind."""
        self._once(self._registry.imports, "import kind", kind.name)
        self._registry.imports[kind.name] = self._own(kind)

    def add_export(self, kind: Any) -> None:
        """Add an export kind."""
        self._once(self._registry.exports, "export kind", kind.name)
        self._registry.exports[kind.name] = self._own(kind)

    def extend_import(self, kind: str, columns: Sequence[Any], apply: Callable[..., Any]) -> None:
        """Add columns to an import kind."""
        self._registry.import_extensions[kind].append(self._own(Extension(tuple(columns), apply)))

    def extend_export(self, kind: str, columns: Sequence[str], values: Callable[..., Any]) -> None:
        """Add columns to an export kind."""
        self._registry.export_extensions[kind].append(self._own(Extension(tuple(columns), values)))

    def add_check(self, check: Callable[[Session], Iterable[str]]) -> None:
        """Add an invariant to `erp check`."""
        self._registry.checks.append(self._own(check))

    def add_dashboard(self, card: Any) -> None:
        """Add a card to the dashboard."""
        self._registry.cards.append(self._own(card))

    def add_demo(self, load: Callable[[Session], None]) -> None:
        """Add to the demo company."""
        self._registry.demos.append(self._own(load))

    def subscribe(self, event: type, handler: Callable[[Session, Any], None]) -> None:
        """Listen to an event."""
        self._registry.subscribers[event].append(self._own(handler))

    def implement(self, hook: Callable[..., Any], answer: Callable[..., Any]) -> None:
        """Answer a hook."""
        self._registry.hook_answers[hook].append(self._own(answer))

    def on_enable(self, catch_up: Callable[[Session], None]) -> None:
        """Catch up when switched on."""
        self._registry.catch_ups[self._module.name].append(catch_up)

    def before_disable(self, guard: Callable[..., None]) -> None:
        """Guard against being switched off."""
        self._registry.guards[self._module.name].append(guard)

    def _own(self, thing: T) -> Owned[T]:
        return Owned(self._module.name, thing)

    def _know(self, permission: str) -> None:
        if permission not in {declared.name for declared in self._module.permissions}:
            raise ModuleError(f"Module {self._module.name} declares no permission {permission!r}.", name=permission)

    def _once(self, things: Mapping[str, Owned[Any]], kind: str, name: str) -> None:
        if name in things:
            first = things[name].module
            error = ModuleError(f"Two modules add a {kind} {name}: {first} and {self._module.name}.", name=name)
            if self._module.name not in self._registry.found.shipped:
                raise error
            self._registry.give_up(first, error)  # a third party's gives way to one that ships


def _tables(models: ModuleType) -> list[Table]:
    """Return the tables that `models`, a file or a folder of them, makes; what it imports belongs to others."""
    made = [thing for thing in vars(models).values() if isclass(thing) and issubclass(thing, Model)]
    own = [model for model in made if f"{model.__module__}.".startswith(f"{models.__name__}.")]
    return [model.__table__ for model in own if isinstance(model.__table__, Table)]
