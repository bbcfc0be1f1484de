"""The reference of what the shipped modules offer to others: tables, screens, queries and services."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from flask import Flask
from sqlalchemy import Column, Table

from erp.author_reference import signature_of
from erp.registry import Registry


def shipped_modules(app: Flask) -> str:
    """Return a section for each module that ships with the product, in the order in which they need each other."""
    registry: Registry = app.extensions["erp"]
    names = (name for name in registry.modules if name in registry.found.shipped)
    return "\n\n".join(part for name in names for part in _module(registry, name))


def _module(registry: Registry, name: str) -> Iterator[str]:
    module = registry.modules[name]
    needs = f" It needs {', '.join(module.depends)}." if module.depends else ""
    yield f"## {name}\n\n{module.summary}{needs}"
    classes = [each for each in _public(name, "models").values() if inspect.isclass(each)]
    models = {each.__table__: each for each in classes if hasattr(each, "__table__")}
    tables = [_table(table, models.get(table)) for table in registry.tables[name]]
    screens = [_screen(owned.thing.view) for owned in registry.views if owned.module == name]
    parts = {"Tables": tables, "Screens": screens, **{kind: _functions(name, kind) for kind in ("queries", "services")}}
    yield from (f"### {name}: {title.lower()}\n\n" + "\n".join(lines) for title, lines in parts.items() if lines)


def _table(table: Table, model: Any) -> str:
    """Return a line with a table, its class, what a row is, and its columns."""
    what = f" `{model.__name__}`: {_first_line(model)}" if model else ""
    return f"- `{table.name}`{what} {', '.join(map(_column, table.columns))}."


def _column(column: Column[Any]) -> str:
    """Return a column with its type and the table that it refers to: by itself, rather than with other columns."""
    keys = [each.constraint for each in column.foreign_keys if each.constraint is not None]
    targets = sorted((len(key.columns), key.referred_table.name) for key in keys)
    of = f" of {targets[0][1]}" if targets else ""
    return f"`{column.name}` ({type(column.type).__name__}{of}{', may be empty' if column.nullable else ''})"


def _screen(view: Any) -> str:
    model = getattr(view, "model", None)
    of = f", of rows of `{model.__name__}`" if model else ""
    return f"- `{view.view_name}`: {view.title}, at `{view.url}`{of}."


def _functions(module: str, kind: str) -> list[str]:
    """Return a line for each public function of a module's queries or services, by name."""
    found = {name: each for name, each in _public(module, kind).items() if inspect.isfunction(each)}
    return [f"- `{name}{signature_of(each)}`: {_first_line(each)}" for name, each in sorted(found.items())]


def _public(module: str, kind: str) -> dict[str, Any]:
    """Return what a file of a module, or the folder of that name, has of its own; nothing where it has no such file."""
    package = f"modules.{module}.{kind}"
    if find_spec(package) is None:
        return {}
    named = vars(import_module(package)).items()
    return {
        name: each for name, each in named if name[0] != "_" and getattr(each, "__module__", "").startswith(package)
    }


def _first_line(thing: Any) -> str:
    return inspect.cleandoc(thing.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
