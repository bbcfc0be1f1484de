"""`erp modules`: install, switch, upgrade and uninstall modules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from flask import current_app
from sqlalchemy import select

from erp import clock, history, migrations
from erp.cli.module_test import test
from erp.cli.skeleton import new
from erp.cli.table import show_table
from erp.cli.wrapping import why_option, with_core_tables, with_screens
from erp.db import commit, db
from erp.errors import NameNotConfirmed
from erp.manifest import Module
from erp.models import InstalledModule
from erp.registry import current_registry

_dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")


@click.group()
def modules() -> None:
    """Install, switch, upgrade and remove add-on modules, or begin one."""


modules.add_command(new)
modules.add_command(test)


@modules.command("list")
@with_core_tables
def list_modules() -> None:
    """List every module that was found, with its state."""
    registry = current_registry()
    installed = {row.name: row for row in db.session.scalars(select(InstalledModule))}
    rows = [_line(module, installed.get(module.name)) for module in registry.modules.values()]
    broken = [(name, "", "broken", "", " ".join(error.split())) for name, error in registry.found.broken.items()]
    away = [
        (name, row.version, f"{row.state}, not found", "", "")
        for name, row in installed.items()
        if name not in registry.modules and name not in registry.found.broken
    ]
    show_table(("MODULE", "VERSION", "STATE", "NEEDS", "SUMMARY"), [*rows, *broken, *away])


def _line(module: Module, row: InstalledModule | None) -> tuple[str, str, str, str, str]:
    state = row.state.value if row is not None else "available"
    notes = (current_registry().other_version(row), row.error) if row is not None else ()
    note = " ".join(filter(None, notes)) or module.summary
    return module.name, row.version if row is not None else module.version, state, " ".join(module.depends), note


@modules.command()
@click.argument("name")
@click.option("--from", "folder", type=click.Path(path_type=Path), help="Bring its rows back from CSV files.")
@why_option
@_dry_run
@with_screens
def install(name: str, folder: Path | None, why: str, dry_run: bool) -> None:
    """Make a module's tables, give its rights to the shipped roles, and enable it."""
    if dry_run:
        return _print_lines(migrations.plan_install(name))
    with history.because(db.session(), why):
        steps = migrations.install(name, rows_from=folder)
    return _print_lines([*steps, f"Module {name} is installed and enabled."])


@modules.command()
@click.argument("name")
@why_option
@_dry_run
@with_screens
def enable(name: str, why: str, dry_run: bool) -> None:
    """Switch an installed module on."""
    if dry_run:
        return _print_lines(migrations.plan_enable(name))
    with history.because(db.session(), why):
        migrations.enable(name)
    return _print_lines([f"Module {name} is enabled."])


@modules.command()
@click.argument("name")
@click.option("--release", is_flag=True, help="Release what the module holds for documents.")
@why_option
@_dry_run
@with_screens
def disable(name: str, release: bool, why: str, dry_run: bool) -> None:
    """Switch a module off, keeping its data."""
    if dry_run:
        return _print_lines(migrations.plan_disable(name, release=release))
    with history.because(db.session(), why):
        commit(lambda session: current_registry().disable(session, name, release=release))
    return _print_lines([f"Module {name} is disabled."])


@modules.command()
@click.argument("name")
@why_option
@_dry_run
@with_core_tables
@with_screens
def upgrade(name: str, why: str, dry_run: bool) -> None:
    """Bring a module's tables to its version; also finishes a step that broke off."""
    if dry_run:
        return _print_lines(migrations.plan_upgrade(name))
    with history.because(db.session(), why):
        steps = migrations.upgrade(name)
    return _print_lines([*steps, f"Module {name} is upgraded." if steps else f"Module {name} is up to date."])


@modules.command()
@click.argument("name")
@click.option("--yes", "confirmed", metavar="NAME", help="The module's name once more, instead of being asked.")
@click.option("--export", "folder", type=click.Path(path_type=Path), help="Where its tables are written first.")
@why_option
@_dry_run
@with_core_tables
@with_screens
def uninstall(name: str, confirmed: str | None, folder: Path | None, why: str, dry_run: bool) -> None:
    """Drop a disabled module's tables, after writing each as a CSV file."""
    plan = migrations.plan_uninstall(name)
    if dry_run:
        return _print_lines(plan)
    _confirm(name, confirmed, plan)
    folder = folder or Path(current_app.instance_path) / "exports" / f"{name}-{clock.now():%Y%m%dT%H%M%SZ}"
    with history.because(db.session(), why):
        files = migrations.uninstall(name, folder)
    return _print_lines([f"{len(files)} tables were written to {folder}.", f"Module {name} is uninstalled."])


def _confirm(name: str, confirmed: str | None, plan: Sequence[str]) -> None:
    if confirmed is None:
        _print_lines(plan)
        db.session.rollback()  # hold no lock while the user is asked
        confirmed = click.prompt(f"Type {name} to destroy this", default="", show_default=False)
    if confirmed != name:
        raise NameNotConfirmed(name)


def _print_lines(sentences: Sequence[str]) -> None:
    for sentence in sentences:
        click.echo(sentence)
