"""`python -m erp.migrations revise MODULE "message"`: the maintainer's tool."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import click

from erp.app import create_app
from erp.errors import ErpError
from erp.migrations import authoring

T = TypeVar("T")


@click.group()
def main() -> None:
    """Write revisions from the models, against a scratch database."""


@main.command()
@click.argument("module")
@click.argument("message")
def revise(module: str, message: str) -> None:
    """Write MODULE's next revision (`erp` is the core)."""
    path = _on_scratch(lambda: authoring.revise(module, message, warn=lambda text: click.echo(text, err=True)))
    _print_paths([path] if path else [])


def _on_scratch(work: Callable[[], T]) -> T:
    """Do `work` with all modules that are found here, on a database that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = {"ERP_INSTANCE": folder, "ERP_DATABASE_URL": f"sqlite:///{folder}/scratch.sqlite"}
        try:
            with create_app(environment={**os.environ, **scratch}).app_context():
                return work()
        except ErpError as refused:
            raise click.ClickException(str(refused)) from None


def _print_paths(paths: list[Path]) -> None:
    if paths and find_spec("ruff"):
        subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", *paths], check=True)
    for path in paths:
        click.echo(path)
    if not paths:
        click.echo("The tables agree with the models.")


if __name__ == "__main__":
    main()
