"""The `erp` command: the core's own commands and those of the modules that are on.

Exit codes: 0 done; 1 a problem, with one line on stderr; 2 called wrongly.
"""

from __future__ import annotations

import os
import sys
from collections import UserDict
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any

import click

from erp import logs
from erp.cli.wrapping import current_app_of, live_names, wrapped
from erp.errors import ErpError
from erp.registry import Registry

SHOWN_ERRORS = 10

# Other commands say what went wrong in a line of their own.
LOG_LEVELS = {"worker": "info", "serve": "warning"}


class CommandsByName(UserDict[str, click.Command]):
    """Commands, each imported when it is first asked for; what is stored is its module in `erp.cli` and its name there.

    So no command waits for what the others need.
    """

    def __init__(self, stored: Any) -> None:
        super().__init__()
        self.data.update(stored)

    def __getitem__(self, name: str) -> click.Command:
        stored: Any = self.data[name]
        if isinstance(stored, tuple):
            module, attribute = stored
            stored = self.data[name] = getattr(import_module(f"erp.cli.{module}"), attribute)
        command: click.Command = stored
        return command


CORE_COMMANDS = CommandsByName(
    {
        "backup": ("backup", "backup_command"),
        "check": ("company", "check"),
        "demo": ("company", "demo"),
        "export": ("exchange", "export_command"),
        "import": ("exchange", "import_command"),
        "init": ("company", "init"),
        "jobs": ("jobs", "jobs"),
        "modules": ("modules", "modules"),
        "options": ("options", "options"),
        "restore": ("backup", "restore_command"),
        "serve": ("serve", "serve"),
        "users": ("users", "users"),
        "worker": ("serve", "worker"),
    }
)


class Commands(click.Group):
    """The core's commands, and those of modules: a command of a module that is off says so."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands that may be called now; without a database, those of the core."""
        return sorted([*CORE_COMMANDS, *_live_commands(ctx)])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by name, which works inside the application and a run."""
        if cmd_name in CORE_COMMANDS:
            return wrapped(CORE_COMMANDS[cmd_name])
        app = current_app_of(ctx)
        registry: Registry = app.extensions["erp"]
        if cmd_name not in registry.commands:
            return None
        with app.app_context():
            return wrapped(registry.live_thing(registry.commands, "command", cmd_name))


def _live_commands(ctx: click.Context) -> set[str]:
    try:
        registry: Registry = current_app_of(ctx).extensions["erp"]
        return live_names(ctx, registry.commands)
    except ErpError:
        return set()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("modular-erp"), message="%(version)s")
def commands() -> None:
    """The order desk's ERP. `erp COMMAND --help` explains each command."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code; a refusal becomes one line on stderr."""
    try:
        commands.main(arguments, prog_name="erp", standalone_mode=False)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as wrong:
        wrong.show()
        return wrong.exit_code
    except click.Abort:
        return _problem("Stopped.")
    except ErpError as refused:
        return _problem(str(refused), *refused.lines(SHOWN_ERRORS))
    except OSError as error:  # a full disk, or a pipe whose reader has ended
        return _problem(f"{error.filename or 'The output'}: {error.strerror or error}.")
    return 0


def _problem(*lines: str) -> int:
    for line in lines:
        click.echo(" ".join(line.split()), err=True)
    return 1


def main() -> None:
    """Run the command line of this process."""
    try:
        logs.configure(os.environ, level=LOG_LEVELS.get("".join(sys.argv[1:2]), "error"))
    except ErpError as refused:
        sys.exit(_problem(str(refused)))
    sys.exit(run())
