"""`erp options`: what administrators set, and where each effective value comes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click
from sqlalchemy.orm import Session

from erp import history
from erp.cli.files import read, replace
from erp.cli.wrapping import os_user_name, why_option, without_modules, without_tables
from erp.db import commit
from erp.errors import OptionError
from erp.options import as_ini, example_ini, store_ini, store_option, store_options
from erp.registry import current_registry
from erp.text import plural

T = TypeVar("T")


@click.group()
def options() -> None:
    """Read and set options: each is named SECTION.OPTION; switches are yes and no."""


@options.command("list")
@without_modules
def list_options() -> None:
    """Print every option with its effective value and where it comes from."""
    values = _values()
    width = max(len(key) + len(text) + 3 for key, (text, _) in values.items())
    for key, (text, source) in values.items():
        click.echo(f"{f'{key} = {text}':{width}}  {source}")


@options.command("get")
@click.argument("option")
@without_modules
def get(option: str) -> None:
    """Print the effective value of one OPTION."""
    current_registry().option_table.option(option)
    click.echo(_values()[option][0])


@options.command("set", context_settings={"ignore_unknown_options": True})
@click.argument("option")
@click.argument("value")
@why_option
def set_(option: str, value: str, why: str) -> None:
    """Set one OPTION; it acts at once in every process."""
    table = current_registry().option_table
    _because(why, lambda session: store_option(session, table, option, value, user_name=os_user_name()))


@options.command("unset")
@click.argument("option")
@why_option
def unset(option: str, why: str) -> None:
    """Forget what was set, so that the ini file or the default applies again."""
    table = current_registry().option_table
    _because(why, lambda session: store_options(session, table, {option: None}, user_name=os_user_name()))


@options.command("export")
@click.argument("file", required=False)
@without_modules
def export(file: str | None) -> None:
    """Write every option with its effective value as ini text to FILE, or to standard output."""
    text = as_ini({key: text for key, (text, _) in _values().items()})
    if file is None:
        click.echo(text, nl=False)
    else:
        replace(file, [text])


@options.command("import")
@click.argument("file")
@why_option
def import_(file: str, why: str) -> None:
    """Set what differs in an ini FILE (- is standard input), all or nothing."""
    try:
        text = read(file).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise OptionError("file", file, "UTF-8 text is allowed") from None
    table = current_registry().option_table
    changed = _because(why, lambda session: store_ini(session, table, text, user_name=os_user_name()))
    count = plural(len(changed), "option")
    click.echo(f"{count} changed: {', '.join(changed)}." if changed else f"{count} changed.")


@options.command("example")
@without_modules
@without_tables
def print_example() -> None:
    """Print an ini file with every option, its help and its default, commented out."""
    click.echo(example_ini(current_registry().option_table.by_section()), nl=False)


def _because(why: str, work: Callable[[Session], T]) -> T:
    def reasoned(session: Session) -> T:
        with history.because(session, why):
            return work(session)

    return commit(reasoned)


def _values() -> dict[str, tuple[str, str]]:
    """Return every option's effective value as text, and where it comes from."""
    registry = current_registry()
    table = registry.option_table
    effective = registry.state().options
    return {key: (table.option(key).format(found.value), found.source) for key, found in effective.items()}
