"""Commands of backorder email."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from erp.db import db
from modules.backorder_email import queries
from modules.backorder_email.delivery import send_pending


@click.command("send-emails")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Send at most N emails.")
def send_emails(limit: int | None) -> None:
    """Send the emails that are pending and due, whatever `send_after` and `sending` say."""
    click.echo(str(send_pending(limit=limit, report=_progress(limit))))


def _progress(limit: int | None) -> Callable[[int], None] | None:
    """Return the function that shows progress, or None where there is no terminal."""
    if not sys.stderr.isatty():
        return None
    total = queries.count_due(db.session())
    db.session.rollback()
    total = total if limit is None else min(limit, total)

    def show(done: int) -> None:
        click.echo(f"\r{done} of {total} emails", nl=done >= total, err=True)

    return show
