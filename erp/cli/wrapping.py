"""What every command gets: the application, a check of its tables, a run, and a commit at the end."""

from __future__ import annotations

import copy
import gc
import getpass
from collections.abc import Callable, Mapping
from functools import partial, wraps
from typing import Any, TypeVar

import click
from flask import Flask
from sqlalchemy.exc import DataError, DBAPIError, OperationalError

from erp import events, logs, migrations
from erp.app import create_app
from erp.db import as_refusal, db, is_duplicate
from erp.models import RunKind
from erp.registry import Owned, Registry

# Python searches for cycles after each 700 new objects. A run makes none worth a search: searching less often lets a
# long allocation end a sixth sooner.
COLLECT_AFTER = 50_000

F = TypeVar("F", bound=Callable[..., Any])

why_option = click.option("--why", default="", help="The reason, for the history.")


def current_app_of(ctx: click.Context, *, screens: bool = False, modules: bool = True) -> Flask:
    """Return the application of this command line, made when it is first needed, without screens unless asked for."""
    root = ctx.find_root()
    # To find a module's command no screens were needed.
    if root.obj is None or (screens and "erp_site" not in root.obj.extensions):
        root.obj = create_app(screens=screens, modules=modules)
        _collect_garbage_of_work()
        root.call_on_close(partial(_close_connections, root.obj))
    app: Flask = root.obj
    return app


def _collect_garbage_of_work() -> None:
    """Search for cycles of objects among those that are made from now on alone.

    What an application consists of stays as long as its process, and the processes of a server share it while nothing
    looks at it.
    """
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    gc.enable()


def _close_connections(app: Flask) -> None:
    with app.app_context():
        db.engine.dispose()


def live_names(ctx: click.Context, things: Mapping[str, Owned[Any]]) -> set[str]:
    """Return the names of what belongs to modules that are on; raise ErpError without a usable database."""
    app = current_app_of(ctx)
    registry: Registry = app.extensions["erp"]
    with app.app_context():
        return {name for name, owned in things.items() if registry.is_live(owned.module)}


def without_tables(command: F) -> F:
    """Mark a command's function that also works on a database that is empty, old or missing."""
    command.__dict__["require"] = _nothing
    return command


def with_core_tables(command: F) -> F:
    """Mark a command's function that also works while the tables of modules are old."""
    command.__dict__["require"] = migrations.require_core
    return command


def with_screens(command: F) -> F:
    """Mark a command's function that shows screens, or says what is registered for them."""
    command.__dict__["screens"] = True
    return command


def without_modules(command: F) -> F:
    """Mark a command's function that needs of the modules only what they declare, such as their options."""
    command.__dict__["modules"] = False
    return command


def _nothing() -> None:
    """Ask nothing of the database."""


def wrapped(command: click.Command) -> click.Command:
    """Return a command, or a group with its commands, that works inside the application."""
    around = copy.copy(command)
    if isinstance(around, click.Group):
        around.commands = {name: wrapped(below) for name, below in around.commands.items()}
    elif command.callback is not None:
        around.callback = _inside(command.callback)
    return around


def _inside(callback: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(callback)
    def work(*args: Any, **kwargs: Any) -> Any:
        ctx = click.get_current_context()
        screens, modules = hasattr(callback, "screens"), getattr(callback, "modules", True)
        with current_app_of(ctx, screens=screens, modules=modules).app_context():
            try:
                getattr(callback, "require", migrations.require_current)()
                with logs.within(ctx.command_path), events.run(RunKind.command, ctx.command_path, os_user_name()):
                    result = callback(*args, **kwargs)
                    db.session.commit()
                return result
            except DBAPIError as error:
                if _is_refusal(error):
                    raise as_refusal(error) from error
                raise

    return work


def _is_refusal(error: DBAPIError) -> bool:
    """Say whether the database, a value or another transaction is the cause, and not this program."""
    return isinstance(error, OperationalError | DataError) or error.statement is None or is_duplicate(error)


def os_user_name() -> str:
    """Return the operating system's user, as the history shows it."""
    try:
        return f"{getpass.getuser()} at the command line"
    except (KeyError, OSError):  # a container may run as a number without a name
        return "command line"
