"""What a step in a module's life would do, in sentences, shown before it is done; refused as the step would be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from erp.db import db
from erp.migrations import revisions
from erp.migrations.lifecycle import installable, needs_upgrade, uninstallable, what_uninstall_destroys
from erp.models import InstalledModule, ModuleState
from erp.module import Module
from erp.registry import Owned, Registry, current_registry


def plan_install(name: str) -> list[str]:
    """Return what installing the module would do."""
    module = installable(name)
    return [f"Module {name} {module.version} would be installed and enabled.", *_arrivals(module), *_belongings(name)]


def _arrivals(module: Module) -> Iterator[str]:
    yield from _listed("Tables made", [table.name for table in revisions.tables(module.name)])
    for permission in module.permissions:
        yield f"Right {permission.name}: {', '.join(('Administrator', *permission.roles))}."


def plan_upgrade(name: str) -> list[str]:
    """Return what upgrading the module would do."""
    row = _row(name)
    if not needs_upgrade(row):
        return [f"Module {name} is up to date."]
    if row.state == ModuleState.installing:
        return plan_install(name)
    steps = [step.doc.rstrip(".") for step in revisions.ahead(db.session.connection(), name)]
    version = current_registry().module(name).version
    return [f"Module {name} would be upgraded from {row.version} to {version}.", *_listed("Revisions", steps)]


def plan_enable(name: str) -> list[str]:
    """Return what enabling the module would do."""
    row = current_registry().check_enable(db.session(), name)
    if row.state == ModuleState.enabled:
        return [f"Module {name} is enabled already."]
    return [f"Module {name} would be enabled.", *_belongings(name)]


def plan_disable(name: str, *, release: bool = False) -> list[str]:
    """Return what disabling the module would do; its own guard is asked unless it is to release what it holds."""
    registry = current_registry()
    row = registry.check_disable(db.session(), name)
    if row.state == ModuleState.disabled:
        return [f"Module {name} is disabled already."]
    if not release:
        for guard in registry.guards[name]:
            guard(db.session(), release=False)
    held = [f"What module {name} holds would be released."] if release else []
    return [f"Module {name} would be disabled and its data kept. These would rest:", *_belongings(name), *held]


def plan_uninstall(name: str) -> list[str]:
    """Return what uninstalling the module would destroy."""
    uninstallable(name)
    rows = [f"{table}: {count} row{'' if count == 1 else 's'} destroyed." for table, count in _destroyed(name)]
    return [f"Module {name} would be uninstalled, its tables written to CSV files first.", *rows, *_belongings(name)]


def _destroyed(name: str) -> Iterable[tuple[str, int]]:
    return what_uninstall_destroys(name).items()


def _row(name: str) -> InstalledModule:
    current_registry().module(name)
    return current_registry().installed(db.session(), name)


def _belongings(name: str) -> Iterator[str]:
    """Say what comes and goes with a module."""
    registry = current_registry()
    yield from _listed("Screens", [entry.view.title for entry in _own(registry.views, name)])
    yield from _listed("Added to the screens", _extended(registry, name))
    yield from _listed("Jobs", _names(registry.jobs, name))
    yield from _listed("Commands", _names(registry.commands, name))
    yield from _listed("Imports", _names(registry.imports, name))
    yield from _listed("Exports", _names(registry.exports, name))
    yield from _listed(f"Options of [{name}]", [option.name for option in registry.module(name).options])
    yield from _listed("Modules that need it", registry.dependents(name, registry.modules))


def _own(things: Iterable[Owned[Any]], name: str) -> list[Any]:
    return [owned.thing for owned in things if owned.module == name]


def _names(things: dict[str, Owned[Any]], name: str) -> list[str]:
    return sorted(thing for thing, owned in things.items() if owned.module == name)


def _extended(registry: Registry, name: str) -> list[str]:
    return sorted(view for view, parts in registry.contributions.items() if _own(parts, name))


def _listed(what: str, names: Iterable[str]) -> Iterator[str]:
    if words := ", ".join(names):
        yield f"{what}: {words}."
