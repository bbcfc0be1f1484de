"""What third parties' modules add to screens and files, checked when the application starts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from flask_admin.model.filters import BaseFilter

from erp.admin.dashboard_parts import Chart, WorkQueue
from erp.admin.declarations import (
    Action,
    ActionNotes,
    Card,
    ExtraColumn,
    ExtraColumns,
    ExtraField,
    ListAction,
    Panel,
    QuickFilter,
)
from erp.admin.papers import PaperSection
from erp.errors import ModuleError
from erp.exchange import ExportKind, ImportKind
from erp.registry import CORE, Registry, ViewEntry
from erp.search import SearchSource
from erp.third_parties import Raised, catching

_KINDS: dict[str, tuple[type, ...]] = {
    "columns": (ExtraColumn, ExtraColumns),
    "fields": (ExtraField,),
    "panels": (Panel,),
    "actions": (Action,),
    "line_columns": (ExtraColumn, ExtraColumns),
    "line_actions": (Action,),
    "notes": (ActionNotes,),
    "filters": (BaseFilter,),
    "quick_filters": (QuickFilter,),
    "list_actions": (ListAction,),
    "paper_sections": (PaperSection,),
}


def leave_out_unfit(registry: Registry, core_views: Iterable[ViewEntry]) -> None:
    """List each third party's module as broken that adds something which cannot be used."""
    known = {entry.view.view_name for entry in core_views}
    for name in list(registry.modules):
        if registry.is_foreign(name):
            try:
                with catching():
                    _require_fit(registry, name, known)
            except Raised as raised:
                registry.mark_broken(name, raised.error)


def _require_fit(registry: Registry, name: str, core_views: set[str]) -> None:
    """Raise ModuleError for the first thing of a module that cannot be used."""
    needed = _needed(registry, name)
    views = {owned.thing.view.view_name: owned.module for owned in registry.views}
    for view, parts in _parts(registry, name):
        owner = views.get(view, CORE if view in core_views else view.partition(".")[0])
        if owner not in needed:
            raise ModuleError(f"It adds to the screen {view} of {owner}, which it does not need: name it in depends.")
        if view not in views and view not in core_views:
            there = ", ".join(sorted(each for each, module in views.items() if module == owner))
            raise ModuleError(f"There is no screen {view}. {owner} has: {there}.")
        _require_parts(registry, view, name, parts)
    _require_kinds(registry, name)
    own = [owned.thing.view.view_name for owned in registry.views if owned.module == name]
    if twice := [each for each in own if own.count(each) > 1]:
        raise ModuleError(f"Two of its screens are called {twice[0]}.")
    for right in _rights(registry, name):
        if right and right not in registry.all_permissions():
            raise ModuleError(f"It asks for the right {right!r}, which no module declares.")


def leave_out_wrong_filters(registry: Registry, view_of: Callable[[str], Any]) -> None:
    """List each third party's module as broken whose quick filters or work queues name filters that are not there.

    `view_of` returns a screen by its name, None where there is none. The filters of a list are known once it is made.
    """
    for name in list(registry.modules):
        if registry.is_foreign(name) and name in registry.modules:
            try:
                with catching():
                    _require_filters(registry, name, view_of)
            except Raised as raised:
                registry.mark_broken(name, raised.error)


def _require_filters(registry: Registry, name: str, view_of: Callable[[str], Any]) -> None:
    """Raise ModuleError for the first filter that a module names and a screen does not have."""
    for view in (view_of(owned.thing.view.view_name) for owned in registry.views if owned.module == name):
        for each in getattr(view, "quick_filters", ()):
            what = f"{_file_of(view, registry.found.home(name))}: QuickFilter {each.label!r}"
            view.require_filter(what, each.argument, each.value)
    for view_name, parts in _parts(registry, name):
        for each in parts.quick_filters:
            view_of(view_name).require_filter(f"QuickFilter {each.label!r}", each.argument, each.value)
    for queue in (owned.thing for owned in registry.work_queues.values() if owned.module == name):
        view = view_of(queue.view)
        if view is not None and queue.argument:
            view.require_filter(f"WorkQueue {queue.title!r}", queue.argument, queue.value)


def _file_of(view: Any, folder: Path) -> str:
    """Return the file of a screen's class as messages name it: below the folder of its module."""
    path = Path(inspect.getfile(type(view)))
    return str(path.relative_to(folder.parent)) if path.is_relative_to(folder) else path.name


def _needed(registry: Registry, name: str) -> set[str]:
    """Return a module, those that it needs, directly or through others, and the core."""
    found, waiting = {CORE}, [name]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += registry.modules[each].depends if each in registry.modules else ()
    return found


def _parts(registry: Registry, name: str) -> Iterator[tuple[str, Any]]:
    for view, contributions in list(registry.contributions.items()):
        yield from ((view, owned.thing) for owned in contributions if owned.module == name)


def _require_parts(registry: Registry, view: str, name: str, parts: Any) -> None:
    """Raise ModuleError for a part of another kind, or with a name that another part of the screen has."""
    others = [owned for owned in registry.contributions[view] if owned.thing is not parts]
    for kind, allowed in _KINDS.items():
        for part in getattr(parts, kind):
            if not isinstance(part, allowed):
                words = " or ".join(each.__name__ for each in allowed)
                raise ModuleError(f"{view}: {part!r} is none of its {kind}; {words} is allowed.")
        if kind == "paper_sections":
            _require_papers(registry, view, parts)
        if kind in ("fields", "actions", "line_actions", "list_actions"):
            own = _own_of_screen(registry, view, kind)
            for other, names in [*((owned.module, _names(owned.thing, kind)) for owned in others), ("", own)]:
                if same := _names(parts, kind) & names:
                    raise ModuleError(f"{view} has {min(same)} already, of {other or view}: choose another name.")


def _require_papers(registry: Registry, view: str, parts: Any) -> None:
    """Raise ModuleError for a section of a paper that the screen does not have."""
    papers = _own_of_screen(registry, view, "actions")
    for section in parts.paper_sections:
        if section.paper not in papers:
            there = ", ".join(sorted(papers))
            raise ModuleError(f"{view} has no action {section.paper!r} that shows a paper; it has {there}.")


def _own_of_screen(registry: Registry, view: str, kind: str) -> set[str]:
    """Return the names of the actions or of the form's fields that a screen has itself."""
    own = next((owned.thing.view for owned in registry.views if owned.thing.view.view_name == view), None)
    if kind == "fields":
        return set(getattr(own, "form_columns", None) or ())
    return {action.name for action in getattr(own, kind, ())}


def _names(parts: Any, kind: str) -> set[str]:
    return {part.name for part in getattr(parts, kind)}


def _require_kinds(registry: Registry, name: str) -> None:
    """Raise ModuleError for a card or a kind of file that is none, and for columns of a kind that there is not."""
    things: tuple[tuple[Iterable[Any], type], ...] = (
        (registry.cards, Card),
        (registry.work_queues.values(), WorkQueue),
        (registry.charts.values(), Chart),
        (registry.imports.values(), ImportKind),
        (registry.exports.values(), ExportKind),
        (registry.searches, SearchSource),
    )
    for owned_things, kind in things:
        for thing in (owned.thing for owned in owned_things if owned.module == name):
            if not isinstance(thing, kind):
                raise ModuleError(f"{thing!r} is no {kind.__name__}.")
    for extensions, kinds in (
        (registry.import_extensions, registry.imports),
        (registry.export_extensions, registry.exports),
    ):
        for kind_name, owned_extensions in extensions.items():
            own = [owned.thing for owned in owned_extensions if owned.module == name]
            if own and kind_name not in kinds:
                raise ModuleError(f"There is no kind of file {kind_name} to add columns to: {', '.join(kinds)}.")
            for extension in own:
                _require_maps(kinds[kind_name].thing, extension)


def _require_maps(kind: Any, extension: Any) -> None:
    """Raise ModuleError for sources of a map that is not there, or of a column that the module does not add."""
    known = {each.name for each in getattr(kind, "maps", ())}
    added = {getattr(column, "name", column) for column in extension.columns}
    for name, columns in extension.maps.items():
        if name not in known:
            raise ModuleError(f"{kind.name} has no map {name!r}; it has {', '.join(sorted(known)) or 'none'}.")
        if strange := sorted(columns.keys() - added):
            raise ModuleError(f"The map {name} of {kind.name} gets {strange[0]!r}, which is no column that it adds.")


def _rights(registry: Registry, name: str) -> Iterator[str]:
    """Yield the rights that a module asks for."""
    for _, parts in _parts(registry, name):
        for kind in ("fields", "panels", "actions", "line_actions", "list_actions", "paper_sections"):
            yield from (part.permission for part in getattr(parts, kind))
    for owned in registry.views:
        if owned.module == name:
            yield str(getattr(owned.thing.view, "edit_permission", ""))
            for kind in ("actions", "line_actions", "list_actions", "panels"):
                yield from (part.permission for part in getattr(owned.thing.view, kind, ()))
    yield from (owned.thing.permission for owned in registry.cards if owned.module == name)
    for kinds in (registry.imports, registry.exports, registry.work_queues, registry.charts):
        yield from (owned.thing.permission for owned in kinds.values() if owned.module == name)
