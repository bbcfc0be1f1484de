"""`python -m erp.migrations revise MODULE "message"` and `rewrite`: the maintainer's tool."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import click
from flask import Flask

from erp.app import create_app
from erp.migrations import authoring


@click.group()
def main() -> None:
    """Write revisions from the models, against a scratch database."""


@main.command()
@click.argument("module")
@click.argument("message")
def revise(module: str, message: str) -> None:
    """Write MODULE's next revision (`erp` is the core)."""
    with tempfile.TemporaryDirectory() as folder, _scratch(Path(folder)).app_context():
        path = authoring.revise(module, message)
    _tell([path] if path else [])


@main.command()
def rewrite() -> None:
    """Write all initial revisions anew; only while nothing is released."""
    with tempfile.TemporaryDirectory() as folder, _scratch(Path(folder)).app_context():
        paths = authoring.rewrite()
    _tell(paths)


def _scratch(folder: Path) -> Flask:
    environment = {"ERP_INSTANCE": str(folder), "ERP_SECRET_KEY": "for this scratch database only"}
    return create_app(environment=environment)


def _tell(paths: list[Path]) -> None:
    if paths:
        subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", *paths], check=True)
    for path in paths:
        click.echo(path)
    if not paths:
        click.echo("The tables agree with the models.")


if __name__ == "__main__":
    main()
