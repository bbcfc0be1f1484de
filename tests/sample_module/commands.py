"""Commands of the sample."""

from __future__ import annotations

import click

from erp.db import db
from modules.sample_module import queries


@click.command("wishes")
def wishes() -> None:
    """Print every wish that is not granted yet."""
    for wish in queries.waiting(db.session()):
        click.echo(f"{wish.order.name}: {wish.text}")
