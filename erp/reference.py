"""The parts of the documents that the program itself knows best: commands, CSV kinds, options, events and hooks.

`python -m erp.reference` writes them again; a test fails while they differ from the program.
"""

from __future__ import annotations

import inspect
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import click
from flask import Flask

from erp.app import create_app
from erp.author_reference import author_api
from erp.cli import CORE_COMMANDS
from erp.module_reference import shipped_modules
from erp.options import Option, example_ini
from erp.registry import Owned, Registry

EXAMPLE = Path("config/erp.example.ini")
DOCUMENTS = tuple(
    Path("docs") / name for name in ("author-api.md", "command-line.md", "csv.md", "events.md", "shipped-modules.md")
)
PUBLISHING = re.compile(r"\bpublish\(\s*session,\s*(\w+)\(")


def commands(app: Flask) -> str:
    """Return a table of all commands with their arguments and what they do."""
    found = {**CORE_COMMANDS, **{name: owned.thing for name, owned in _registry(app).commands.items()}}
    rows = [row for name in sorted(found) for row in _leaves(found[name], f"erp {name}", app)]
    return _table(("command", "does"), rows)


def _registry(app: Flask) -> Registry:
    registry: Registry = app.extensions["erp"]
    return registry


def _leaves(command: click.Command, path: str, app: Flask) -> Iterator[tuple[str, str]]:
    if isinstance(command, click.Group):
        for name, below in sorted(command.commands.items()):
            yield from _leaves(below, f"{path} {name}", app)
        return
    ctx = click.Context(command, info_name=path, obj=app)
    given = [piece for parameter in command.get_params(ctx) for piece in _piece(parameter, ctx)]
    yield f"`{' '.join([path, *given])}`", command.get_short_help_str(limit=200)


def _piece(parameter: click.Parameter, ctx: click.Context) -> list[str]:
    """Return how a command line names a parameter."""
    if isinstance(parameter, click.Argument):
        return parameter.get_usage_pieces(ctx)
    assert isinstance(parameter, click.Option)
    if "--help" in parameter.opts:
        return []
    value = "" if parameter.is_flag else f" {_value(parameter, ctx)}"
    return [f"[{max(parameter.opts, key=len)}{value}{' ...' if parameter.multiple else ''}]"]


def _value(option: click.Option, ctx: click.Context) -> str:
    return "N" if isinstance(option.type, click.IntRange) else option.make_metavar(ctx)


def imports(app: Flask) -> str:
    """Return a table of the kinds of files that can be imported; a star marks what a file must have."""
    registry = _registry(app)
    rows = []
    for name, owned in sorted(registry.imports.items()):
        columns = [f"{column.name}{'*' * column.required}" for column in owned.thing.columns]
        for extension in registry.import_extensions[name]:
            columns += [f"{column.name} ({extension.module})" for column in extension.thing.columns]
        rows.append((f"`{name}`", ", ".join(columns), ", ".join(owned.thing.key)))
    return _table(("kind", "columns", "never twice in one file"), rows)


def exports(app: Flask) -> str:
    """Return a table of the kinds of files that can be exported, with their columns in order."""
    registry = _registry(app)
    rows = []
    for name, owned in sorted(registry.exports.items()):
        columns = list(owned.thing.columns)
        for extension in registry.export_extensions[name]:
            columns += [f"{column} ({extension.module})" for column in extension.thing.columns]
        rows.append((f"`{name}`", ", ".join(columns)))
    return _table(("kind", "columns"), rows)


def options(app: Flask) -> str:
    """Return a table of all options with their defaults and what they do."""
    rows = [
        (f"`{section}.{option.name}`", f"`{_default(option)}`" if _default(option) else "", option.help)
        for section, declared in _registry(app).option_table.by_section().items()
        for option in declared
    ]
    return _table(("option", "default", "does"), rows)


def _default(option: Option[object]) -> str:
    return option.format(option.default)


def _table(heading: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    def line(cells: Iterable[str]) -> str:
        return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"

    heading = list(heading)
    return "\n".join([line(heading), f"|{'---|' * len(heading)}", *(line(row) for row in rows)])


def announced(app: Flask) -> dict[type, list[str]]:
    """Return every event, the core's first, with the names of those that publish it."""
    packages = _packages(app)
    publishers = {name: _published(package) for name, package in packages.items()}
    declared = [thing for thing in _declared(packages, "events") if isinstance(thing, type) and is_dataclass(thing)]
    found = {event: [name for name, names in publishers.items() if event.__name__ in names] for event in declared}
    return {event: names for event, names in found.items() if names or event in _registry(app).subscribers}


def asked(app: Flask) -> list[Callable[..., Any]]:
    """Return every hook."""
    return [thing for thing in _declared(_packages(app), "hooks") if hasattr(thing, "__wrapped__")]


def _packages(app: Flask) -> dict[str, str]:
    """Return the Python packages of the core and of each module, by its name."""
    return {"erp": "erp"} | {
        module.name: module.setup.__module__.rpartition(".")[0] for module in _registry(app).modules.values()
    }


def _declared(packages: Mapping[str, str], file: str) -> Iterator[Any]:
    """Yield what the packages define in their files of that name, in order."""
    for package in packages.values():
        for thing in getattr(sys.modules.get(f"{package}.{file}"), "__dict__", {}).values():
            if getattr(thing, "__module__", "") == f"{package}.{file}":
                yield thing


def _published(package: str) -> set[str]:
    """Return the names of the events that a package's source publishes."""
    folder = Path(sys.modules[package].__path__[0])
    return {name for path in folder.rglob("*.py") for name in PUBLISHING.findall(path.read_text(encoding="utf-8"))}


def events(app: Flask) -> str:
    """Return a section for each event: what it says, who publishes it and who reacts."""
    return "\n\n".join(
        _section(
            event,
            f"`{event.__name__}({', '.join(field.name for field in fields(event))})`",
            f"Published by {' and '.join(names) or 'nobody'}.",
            _registry(app).subscribers.get(event, ()),
        )
        for event, names in announced(app).items()
    )


def hooks(app: Flask) -> str:
    """Return a section for each hook: its signature, how the answers combine, who asks and who answers."""
    return "\n\n".join(
        _section(
            hook,
            f"`{hook.__name__}{_signature(hook)}`",
            f"Asked by {_owner(hook)}.",
            _registry(app).hook_answers.get(hook, ()),
        )
        for hook in asked(app)
    )


def _signature(hook: Callable[..., Any]) -> str:
    """Return what a hook is given and what an answer is, as they are written in its file."""
    return re.sub(r"'([^']*)'", r"\1", str(inspect.signature(hook)))


def _owner(thing: Any) -> str:
    """Return the name of the package, a module or the core, that a class or a function is from."""
    name: str = thing.__module__.split(".")[-2]
    return name


def _section(thing: Any, signature: str, source: str, reactions: Iterable[Owned[Any]]) -> str:
    answers = [f"- **{owned.module}**: {_first_line(owned.thing)}" for owned in reactions]
    parts = [
        f"### {_owner(thing)}: {thing.__name__}",
        signature,
        inspect.getdoc(thing) or "",
        source,
        "\n".join(answers),
    ]
    return "\n\n".join(part for part in parts if part)


def _first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0]


PARTS: dict[str, Callable[[Flask], str]] = {
    "commands": commands,
    "imports": imports,
    "exports": exports,
    "options": options,
    "events": events,
    "hooks": hooks,
    "author-api": author_api,
    "shipped-modules": shipped_modules,
}


def current(app: Flask, document: str) -> str:
    """Return a document with each part between `<!-- NAME -->` and `<!-- end of NAME -->` brought up to date."""
    for name, part in PARTS.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        if begin in document:
            before, _, remainder = document.partition(begin)
            document = f"{before}{begin}{part(app)}\n{end}{remainder.partition(end)[2]}"
    return document


def write() -> None:
    """Bring the example file and the documents in line with the program."""
    with tempfile.TemporaryDirectory() as instance:
        app = create_app(environment={"ERP_INSTANCE": instance})
    EXAMPLE.write_text(example_ini(_registry(app).option_table.by_section()), encoding="utf-8")
    for path in DOCUMENTS:
        path.write_text(current(app, path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write()
