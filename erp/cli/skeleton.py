"""`erp modules new`: writes the files of a new module, which can be installed as it is."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

import click
from flask import current_app

from erp.cli.wrapping import without_tables
from erp.errors import BadModuleName, ModuleError
from erp.registry import CORE, current_registry

FILES = ("README.md", "__init__.py", "module.py", "models.py", "admin.py", "migrations/0001_initial_tables.py")
LONGEST_NAME = 30


@click.command("new")
@click.argument("name")
@click.argument("folder", default=".", type=click.Path(path_type=Path))
@without_tables
def new(name: str, folder: Path) -> None:
    """Write a new module to FOLDER/NAME: a table, a screen, two rights, its first migration."""
    place = folder / name
    _check(name, place)
    for file in FILES:
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        (place / file).write_text(_text(file, name), encoding="utf-8")
    click.echo(f"Module {name} is written to {place}.")
    click.echo(f"Name {folder} in option erp.module_path, then: erp modules install {name}")


def _check(name: str, place: Path) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name) or name == CORE:
        raise BadModuleName(name, "lower-case letters, digits and underscores, a letter first, are allowed")
    if len(name) > LONGEST_NAME:
        raise BadModuleName(name, f"at most {LONGEST_NAME} characters are allowed")
    found = current_registry().found
    if name in found.places:
        raise ModuleError(f"There is a module {name} already: {found.places[name]}.", name=name)
    if place.exists():
        raise ModuleError(f"{place} is there already.", name=name)


def _text(file: str, name: str) -> str:
    """Return a file of the skeleton, written for a module of that name."""
    if file == "__init__.py":
        return ""
    words = name.split("_")
    template = current_app.jinja_env.get_template(f"erp/skeleton/{file}.txt")
    title = " ".join(words).strip().capitalize()
    return template.render(name=name, title=title, prefix="".join(word.capitalize() for word in words)) + "\n"
