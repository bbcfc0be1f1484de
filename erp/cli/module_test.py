"""`erp modules test`: a module against the rules for every module, on databases that are thrown away."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from flask import Flask, current_app
from sqlalchemy import (
    CheckConstraint,
    Connection,
    Date,
    Float,
    Numeric,
    Table,
    UniqueConstraint,
    inspect,
)

from erp import checks, migrations, security
from erp.app import create_app
from erp.cli import scratch
from erp.cli.made_rows import count_rows, fill
from erp.cli.wrapping import without_tables
from erp.db import UtcDateTime, commit, db
from erp.errors import ErpError
from erp.manifest import ADMINISTRATOR
from erp.migrations import revisions
from erp.registry import Registry, current_registry
from erp.text import plural

# What one module may import of another that it needs.
PUBLIC = {"events", "hooks", "errors", "states", "domain", "models", "queries", "services"}
CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time")}
PASSWORD = "a password for a scratch database"


class RulesBroken(ErpError):
    """A module breaks some of the rules for every module."""

    def __init__(self, name: str, count: int) -> None:
        super().__init__(f"Module {name} breaks {plural(count, 'rule')}; each is printed above.")


@click.command("test")
@click.argument("name")
@click.option("--db", "server", default="", help="A PostgreSQL server on which a scratch database may be made.")
@without_tables
def test(name: str, server: str) -> None:
    """Try a module on scratch databases of both kinds: its files, tables, revisions, screens, and its life with rows.

    PostgreSQL is the server that --db names, or one that is installed here and started for it.
    """
    registry = current_registry()
    registry.module(name)
    found, tried = 0, ["SQLite"]
    for sentence in findings(registry, name, server, tried):
        click.echo(sentence)
        found += 1
    if found:
        raise RulesBroken(name, found)
    click.echo(f"Tried on {' and '.join(tried)}{'' if len(tried) > 1 else ' alone'}.")
    click.echo(f"Module {name} keeps to the rules.")


def findings(registry: Registry, name: str, server: str, tried: list[str]) -> Iterator[str]:
    """Yield a sentence for each rule that a module breaks; say on the error output what could not be tried.

    The module is tried on SQLite always; PostgreSQL is added to `tried` where it was tried there too.
    """
    home = registry.found.home(name)
    for path in sorted(home.rglob("*.py")):
        if "migrations" not in path.relative_to(home).parts:
            yield from _of_file(path, registry, name)
    if not (home / "README.md").is_file():
        yield "README.md: it is not there; it says what the module is for."
    if (home / "templates").is_dir() and [path.name for path in (home / "templates").iterdir()] != [name]:
        yield f"templates: only the folder templates/{name} is allowed there."
    for table in registry.tables[name]:
        yield from _of_table(table)
    with scratch.sqlite() as url:
        yield from _of_life(registry, name, url)
    with ExitStack() as stack:
        try:
            url = stack.enter_context(scratch.postgres(server))
        except scratch.NoServer as refusal:
            if server:
                raise
            click.echo(f"PostgreSQL was not tried: {refusal}", err=True)
            return
        if url:
            tried.append("PostgreSQL")
            yield from (f"On PostgreSQL: {sentence}" for sentence in _of_life(registry, name, url))
        else:
            click.echo("PostgreSQL was not tried: none is installed here, and --db names no server.", err=True)


def _of_file(path: Path, registry: Registry, name: str) -> Iterator[str]:
    """Yield what a file imports that it may not, and where it reads a clock that a test cannot set."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if not ast.get_docstring(tree) and tree.body:
        yield f"{path.name}: it has no docstring."
    for node in ast.walk(tree):
        where = f"{path.name}, line {getattr(node, 'lineno', 0)}"
        for other, part in _imported(node):
            if other != name and other not in _needed(registry, name):
                yield f"{where}: it imports from {other}, which is not in depends."
            elif other != name and part not in PUBLIC:
                yield f"{where}: it imports {part or 'all'} of {other}; {', '.join(sorted(PUBLIC))} are allowed."
        if isinstance(node, ast.Attribute) and (ast.unparse(node.value), node.attr) in CLOCKS:
            yield f"{where}: it reads {ast.unparse(node)}; erp.clock is allowed."


def _imported(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield the module and the part of it that an import names."""
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    if isinstance(node, ast.ImportFrom) and not node.level:
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    for dotted in names:
        top, other, part, *_ = [*dotted.split("."), "", ""]
        if top == "modules" and other:
            yield other, part


def _needed(registry: Registry, name: str) -> set[str]:
    found: set[str] = set()
    for each in registry.modules[name].depends:
        found |= {each} | _needed(registry, each)
    return found


def _of_table(table: Table) -> Iterator[str]:
    leading = {index.columns[0].name for index in table.indexes if len(index.columns)}
    leading |= {key.columns[0].name for key in table.constraints if isinstance(key, UniqueConstraint) and key.columns}
    leading |= {table.primary_key.columns[0].name} if table.primary_key.columns else set()
    for key in table.foreign_keys:
        if key.parent.name not in leading:
            yield f"Table {table.name}: {key.parent.name} refers to another table and has no index."
    for constraint in table.constraints:
        if isinstance(constraint, CheckConstraint) and not constraint.name:
            yield f"Table {table.name}: a constraint has no name."
    for column in table.columns:
        if isinstance(column.type, Float | Numeric):
            yield f"{column}: it is not exact; Quantity or Money is allowed."
        if column.name.endswith("_at") != isinstance(column.type, UtcDateTime) and column.name != "at":
            yield f"{column}: instants, and only they, are called ..._at and are UtcDateTime."
        if column.name.endswith("_on") and not isinstance(column.type, Date):
            yield f"{column}: only dates are called ..._on."


def _of_life(registry: Registry, name: str, url: str) -> Iterator[str]:
    """Yield what goes wrong when the module is installed, used, switched, uninstalled and brought back."""
    places = registry.found.folders.items()
    folders = {folder.parent for each, folder in places if registry.found.places.get(each) == str(folder)}
    with TemporaryDirectory() as place:
        own = {"ERP_INSTANCE": place, "ERP_DATABASE_URL": url}
        app = create_app(environment={**current_app.config["ENVIRONMENT"], **own}, module_folders=sorted(folders))
        app.config["WTF_CSRF_ENABLED"] = False
        with app.app_context():
            try:
                yield from _lived(app, name, Path(place) / "exported")
            except ErpError as refusal:
                yield str(refusal)
            finally:
                db.session.remove()
                db.engine.dispose()


def _lived(app: Flask, name: str, exported: Path) -> Iterator[str]:
    migrations.install_core()
    needed = _needed(current_registry(), name)
    for each in [each for each in current_registry().modules if each in needed]:
        migrations.install(each)
    _load_demos(needed)
    yield from _moved_with_rows(name)
    migrations.install(name)
    _load_demos({name})
    roles = [ADMINISTRATOR]
    commit(lambda session: security.add_user(session, "tester", PASSWORD, roles=roles, must_change=False))
    yield from checks.breaches(db.session())
    with revisions.moving() as connection:
        fill(connection, revisions.tables(name))
    yield from _answers(app, name, 200)
    commit(lambda session: current_registry().disable(session, name, release=True))
    yield from _answers(app, name, 404)
    migrations.enable(name)
    commit(lambda session: current_registry().disable(session, name, release=True))
    before = migrations.what_uninstall_destroys(name)
    migrations.uninstall(name, exported)
    migrations.install(name, rows_from=exported if any(exported.glob("*.csv")) else None)
    after = migrations.what_uninstall_destroys(name)
    for table in (table for table, count in before.items() if after.get(table) != count):
        yield f"Table {table}: of {plural(before[table], 'row')} {after.get(table, 0)} came back."
    yield from _answers(app, name, 200)


def _load_demos(names: set[str]) -> None:
    """Load the demo company of these modules, so that there are rows."""
    for owned in [owned for owned in current_registry().demos if owned.module in names]:
        commit(owned.thing)


class _Undo(Exception):
    """Ends a transaction of which nothing is to stay."""


def _moved_with_rows(name: str) -> Iterator[str]:
    """Yield what goes wrong when each revision meets tables with rows; nothing of it stays."""
    known = revisions.script(name)
    numbers = [each.revision for each in reversed(list(known.walk_revisions()))] if known else []
    sentences: list[str] = []
    with suppress(_Undo), revisions.moving() as connection:
        for number in numbers:
            before = _counts(connection, name)
            try:
                revisions.move(connection, name, to=number)
                revisions.check_references(connection)
            except Exception as error:  # a revision may raise anything
                what = str(getattr(error, "orig", None) or error).strip().splitlines()
                sentences.append(f"Revision {number} fails on tables with rows: {what[0] if what else error!r}.")
                break
            after = _counts(connection, name)
            lost = (table for table, count in before.items() if after.get(table, 0) < count)
            sentences += [f"Revision {number}: rows of table {table} are lost." for table in lost]
            for sentence in fill(connection, revisions.tables(name)):
                click.echo(sentence, err=True)
        raise _Undo
    yield from sentences


def _counts(connection: Connection, name: str) -> dict[str, int]:
    existing = set(inspect(connection).get_table_names())
    found = (table for table in revisions.tables(name) if table.name in existing)
    return {table.name: count_rows(connection, table) for table in found}


def _answers(app: Flask, name: str, status: int) -> Iterator[str]:
    """Yield a sentence for each screen of the module that answers otherwise."""
    browser = app.test_client()
    browser.post("/login", data={"username": "tester", "password": PASSWORD})
    db.session.rollback()
    for entry in [owned.thing for owned in current_registry().views if owned.module == name]:
        current_registry().refresh()
        given = browser.get(f"{entry.view.url}/").status_code
        if given != status:
            yield f"Screen {entry.view.view_name} answers with {given}, not with {status}."
