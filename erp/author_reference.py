"""The reference of what the author of a module may use: every class, function and argument, from the docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from types import ModuleType
from typing import Any

from flask import Flask

from erp import (
    admin,
    api,
    clock,
    db,
    errors,
    events,
    exchange,
    history,
    identity,
    manifest,
    migrations,
    models,
    numbers,
    options,
    registry,
    search,
    sequence,
    states,
    text,
)

LONGEST = 40

# What an author imports from each package of the core. Of the others an author needs nothing.
SURFACE: dict[ModuleType, tuple[str, ...]] = {
    manifest: ("Module", "Permission"),
    options: (
        "Switch",
        "Text",
        "Mailbox",
        "Integer",
        "Decimal",
        "Choice",
        "Duration",
        "options",
    ),
    registry: ("Core", "Endpoint", "Queue", "Waiting", "Alarm", "current_registry"),
    db: (
        "Model",
        "BigId",
        "Quantity",
        "Sentence",
        "Money",
        "UtcDateTime",
        "key_column",
        "partial_index",
        "commit",
        "commit_parts",
        "is_one_of",
        "contains",
        "lock_rows",
        "require_lock",
        "insert_rows",
        "total",
    ),
    history: ("Tracked", "Subject", "Change", "record", "record_all", "because"),
    states: ("StateMachine",),
    events: ("publish", "hook", "reading_hook", "current_run"),
    errors: ("ErpError", "NotFound", "SomeRefused", "StaleRecord"),
    models: ("enum_column",),
    sequence: ("next_number", "next_numbers"),
    clock: ("now", "today"),
    numbers: ("format_quantity",),
    text: ("Note", "joined", "plural", "say", "verb", "word"),
    identity: ("identity_key",),
    search: ("Searchable", "SearchSource", "Found", "Sought", "rows_by_number", "rows_by_words"),
    admin: tuple(name for name in admin.__all__ if name != "init_app"),
    api: (
        "Resource",
        "Field",
        "Computed",
        "Lines",
        "Create",
        "Change",
        "Report",
        "Task",
        "Effect",
        "Input",
        "Kind",
        "UnknownName",
        "Values",
        "make_many",
        "make_one",
        "all_but_refused",
        "name_in",
        "contact_inputs",
        "new_contact",
        "contact_data",
        "raise_only",
    ),
    exchange: (
        "ImportKind",
        "ExportKind",
        "Column",
        "Row",
        "AfterImport",
        "Errors",
        "Map",
        "LeaveOut",
        "take",
        "join",
        "rows_by_number",
        "in_parts",
        "code",
        "day",
        "email_address",
        "instant",
        "long_text",
        "money",
        "one_of",
        "quantity",
        "quantity_or_zero",
        "signed_quantity",
        "switch",
        "text",
        "whole_number",
    ),
    migrations: ("existing_keys", "write_keys"),
}


def author_api(_app: Flask) -> str:
    """Return a section for each package, with a part for each class and function of it."""
    return "\n\n".join(_package(package, names) for package, names in SURFACE.items())


def _package(package: ModuleType, names: tuple[str, ...]) -> str:
    parts = [f"### {package.__name__}", *(_thing(name, getattr(package, name)) for name in sorted(names))]
    return "\n\n".join(parts)


def _thing(name: str, thing: Any) -> str:
    text = "\n\n".join(_paragraphs(thing)) if callable(thing) else ""
    methods = list(_methods(thing)) if inspect.isclass(thing) else []
    return "\n\n".join(filter(None, (f"#### {name}", _call(name, thing), text, "\n".join(methods))))


def _paragraphs(thing: Any) -> Iterator[str]:
    yield inspect.cleandoc(thing.__doc__ or "")


def _call(name: str, thing: Any) -> str:
    """Return how a function or a class of values is called, as it is written in its file."""
    if inspect.isclass(thing) and is_dataclass(thing):
        arguments = [_argument(each) for each in fields(thing) if each.init]
        return f"`{name}({', '.join(arguments)})`"
    if inspect.isclass(thing) and issubclass(thing, tuple):
        kinds, defaults = thing.__annotations__, thing._field_defaults  # type: ignore[attr-defined]
        ends = {each: f" = {default!r}" for each, default in defaults.items()}
        arguments = [f"{each}: {kind.__forward_arg__}{ends.get(each, '')}" for each, kind in kinds.items()]
        return f"`{name}({', '.join(arguments)})`"
    return f"`{name}{signature_of(thing)}`" if inspect.isfunction(thing) else ""


def _argument(field: Any) -> str:
    """Return a field with its type and its default; a default that a function makes is left out."""
    default = "" if field.default is MISSING else f" = {field.default!r}"
    made = " = …" if field.default_factory is not MISSING or len(default) > LONGEST or "<" in default else default
    return f"{field.name}: {field.type}{made}"


def signature_of(function: Any) -> str:
    """Return the arguments and the answer of a function as they are written in its file."""
    text = re.sub(r"'([^']*)'", r"\1", str(inspect.signature(function)))
    return re.sub(r"\((self|cls)(, )?", "(", re.sub(r"<[^>]*>", "…", text))


def _methods(thing: Any) -> Iterator[str]:
    """Yield a line for each method that a class of the core itself has, those of its bases there included.

    Those of a base that has a part of its own stand there alone; the first line names that base.
    """
    described = {getattr(package, name) for package, names in SURFACE.items() for name in names if name != "options"}
    above = next((base for base in thing.__mro__[1:] if base in described), object)
    if above is not object:
        yield f"- What [{above.__name__}](#{above.__name__.lower()}) has."
    found: dict[str, Any] = {}
    for base in reversed(thing.__mro__):
        if base.__module__.startswith("erp.") and base not in above.__mro__:
            found |= {name: member for name, member in vars(base).items() if inspect.isfunction(member)}
    for name, member in sorted(found.items()):
        if not name.startswith("_") and member.__doc__:
            text = inspect.cleandoc(member.__doc__).partition("\n\n")[0].replace("\n", " ")
            yield f"- `{name}{signature_of(member)}`: {text}"
