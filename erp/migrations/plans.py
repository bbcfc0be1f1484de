"""What a step such as installing a module would do, in sentences; a plan is refused where the step would be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from erp.db import db
from erp.manifest import Module
from erp.migrations import revisions
from erp.migrations.lifecycle import enablable, installable, needs_upgrade, uninstallable, what_uninstall_destroys
from erp.models import InstalledModule, ModuleState
from erp.registry import Owned, Registry, current_registry
from erp.text import plural, say

# What a module may add to another's screen, in the words of its users.
_PARTS = {
    "columns": "column",
    "fields": "field",
    "panels": "panel",
    "actions": "button",
    "line_columns": "column of lines",
    "line_actions": "button of lines",
    "notes": "note on actions",
}


def plan_install(name: str) -> list[str]:
    """Return what installing the module would do."""
    module = installable(name)
    return [
        say("Module {name} {version} would be installed and enabled.", name=name, version=module.version),
        *_arrivals(module),
        *_belongings(name),
    ]


def _arrivals(module: Module) -> Iterator[str]:
    yield from _listed("Tables made", [table.name for table in revisions.tables(module.name)])
    for permission in module.permissions:
        yield say(
            "Right {permission}: {names}.",
            permission=permission.name,
            names=", ".join(("Administrator", *permission.roles)),
        )


def plan_upgrade(name: str) -> list[str]:
    """Return what upgrading the module would do."""
    row = _row(name)
    if not needs_upgrade(row):
        return [say("Module {name} is up to date.", name=name)]
    if row.state == ModuleState.installing:
        return plan_install(name)
    steps = [step.doc.rstrip(".") for step in revisions.ahead(db.session.connection(), name)]
    version = current_registry().module(name).version
    return [
        say(
            "Module {name} would be upgraded from {version} to {version_}.",
            name=name,
            version=row.version,
            version_=version,
        ),
        *_listed("Revisions", steps),
    ]


def plan_enable(name: str) -> list[str]:
    """Return what enabling the module would do."""
    row = enablable(name)
    if row.state == ModuleState.enabled:
        return [say("Module {name} is enabled already.", name=name)]
    return [say("Module {name} would be enabled.", name=name), *_belongings(name)]


def plan_disable(name: str, *, release: bool = False) -> list[str]:
    """Return what disabling the module would do; its own guard is asked unless it is to `release` what it holds."""
    registry = current_registry()
    row = registry.check_disable(db.session(), name)
    if row.state == ModuleState.disabled:
        return [say("Module {name} is disabled already.", name=name)]
    if not release:
        for guard in registry.guards[name]:
            registry.ask_guard(guard, db.session(), release=False)
    held = [say("What module {name} holds would be released.", name=name)] if release else []
    return [
        say("Module {name} would be disabled and its data kept. These would be off:", name=name),
        *_belongings(name),
        *held,
    ]


def plan_uninstall(name: str) -> list[str]:
    """Return what uninstalling the module would destroy."""
    uninstallable(name)
    destroyed = what_uninstall_destroys(name).items()
    rows = [say("{table}: {rows} destroyed.", table=table, rows=plural(count, "row")) for table, count in destroyed]
    return [
        say("Module {name} would be uninstalled, its tables written to CSV files first.", name=name),
        *rows,
        *_belongings(name),
    ]


def _row(name: str) -> InstalledModule:
    current_registry().module(name)
    return current_registry().installed(db.session(), name)


def _belongings(name: str) -> Iterator[str]:
    """Yield what is switched with a module."""
    registry = current_registry()
    yield from _listed("Screens", [entry.view.title for entry in _own(registry.views, name)])
    yield from _added(registry, name)
    yield from _listed("On the dashboard", [card.title for card in _own(registry.cards, name)])
    yield from _listed("Jobs", _names(registry.jobs, name))
    yield from _listed("Commands", _names(registry.commands, name))
    yield from _listed("Imports", _names(registry.imports, name))
    yield from _listed("Exports", _names(registry.exports, name))
    yield from _listed("Listens to", _heard(registry.subscribers, name))
    yield from _listed("Answers", _heard(registry.hook_answers, name))
    yield from _listed(say("Options of [{name}]", name=name), [option.name for option in registry.module(name).options])
    yield from _listed("Needs", registry.module(name).depends)
    yield from _listed("Modules that need it", registry.dependents(name, registry.modules))


def _added(registry: Registry, name: str) -> Iterator[str]:
    """Yield what the module adds to screens and files of others."""
    for view, contributions in sorted(registry.contributions.items()):
        parts = _own(contributions, name)
        words = [
            f"{word} {_called(thing)}"
            for kind, word in _PARTS.items()
            for part in parts
            for thing in getattr(part, kind)
        ]
        yield from _listed(say("Added to the screen {view}", view=view), words)
    for what, extensions in (("import", registry.import_extensions), ("export", registry.export_extensions)):
        for kind, extended in sorted(extensions.items()):
            columns = [column for extension in _own(extended, name) for column in extension.columns]
            yield from _listed(
                say("Added to the {what} {kind}", what=what, kind=kind),
                [getattr(column, "name", column) for column in columns],
            )


def _called(part: Any) -> str:
    """Return the label of a part of a screen: its label or title, else its name."""
    return str(getattr(part, "label", "") or getattr(part, "title", "") or part.name.replace("_", " "))


def _own(things: Iterable[Owned[Any]], name: str) -> list[Any]:
    return [owned.thing for owned in things if owned.module == name]


def _names(things: Mapping[str, Owned[Any]], name: str) -> list[str]:
    return sorted(thing for thing, owned in things.items() if owned.module == name)


def _heard(asked: Mapping[Any, Iterable[Owned[Any]]], name: str) -> list[str]:
    return sorted(what.__name__ for what, owned in asked.items() if _own(owned, name))


def _listed(what: str, names: Iterable[str]) -> Iterator[str]:
    if words := ", ".join(names):
        yield f"{what}: {words}."
