"""`erp backup` and `erp restore`."""

from __future__ import annotations

from pathlib import Path

import click

from erp import backup, migrations
from erp.cli.company import show_breaches
from erp.cli.files import FileProblem
from erp.cli.wrapping import with_core_tables, without_tables
from erp.progress import step
from erp.text import plural


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@with_core_tables
def backup_command(file: Path) -> None:
    """Write the database and the instance's files to one file, while everything runs."""
    try:
        with step("Copying the database"):
            manifest, files = backup.make(file)
    except OSError as error:
        raise FileProblem(str(file), error) from None
    rows, tables = manifest.contents.rows, len(manifest.contents.tables)
    size = f"{file.stat().st_size / 1000:,.0f} kB"
    click.echo(f"{file}: {plural(rows, 'row')} of {tables} tables and {plural(files, 'file')}, {size}.")


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--yes", "overwrite", is_flag=True, help="Destroy what the database has now.")
@without_tables
def restore_command(file: Path, overwrite: bool) -> None:
    """Bring back a backup into the configured database, which must be empty, and check it.

    The database is replaced in one transaction, so that a file that cannot be restored changes nothing.
    """
    try:
        with step("Restoring"):
            manifest, files = backup.restore(file, overwrite=overwrite)
    except OSError as error:
        raise FileProblem(str(error.filename or file), error) from None
    rows = plural(manifest.contents.rows, "row")
    click.echo(f"Restored {rows} and {plural(files, 'file')} as of {manifest.made_at}.")
    if behind := migrations.pending():
        click.echo(f"The tables of {', '.join(behind)} are older than this program: run `erp init`, then `erp check`.")
        return
    show_breaches()
