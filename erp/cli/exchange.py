"""`erp import` and `erp export`: CSV files in and out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click
from sqlalchemy.orm import Session

from erp import progress
from erp.cli.files import opened, replace, show
from erp.cli.wrapping import current_app_of, live_names
from erp.db import commit, db, reading
from erp.errors import ErpError
from erp.exchange import Map, export_csv, find_map, import_csv
from erp.registry import Registry, current_registry
from erp.sequence import trying


class _KindCommand(click.Command):
    """A command on a kind of CSV file: its help lists the kinds, and kinds may add flags of their own."""

    registered = ""

    def _kinds(self, ctx: click.Context) -> dict[str, Any]:
        registry: Registry = current_app_of(ctx).extensions["erp"]
        return {name: owned.thing for name, owned in sorted(getattr(registry, self.registered).items())}

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of kinds, without those of modules that are off."""
        live = self._live(ctx)
        if rows := [(name, kind.title) for name, kind in self._kinds(ctx).items() if name in live]:
            with formatter.section("Kinds"):
                formatter.write_dl(rows)

    def _live(self, ctx: click.Context) -> set[str]:
        registry: Registry = current_app_of(ctx).extensions["erp"]
        kinds: dict[str, Any] = getattr(registry, self.registered)
        try:
            return live_names(ctx, kinds)
        except ErpError:  # without a database, the help names all kinds
            return set(kinds)


class _ImportCommand(_KindCommand):
    registered = "imports"

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the flags, those of the kinds included."""
        flags = {step.name: step.help for kind in self._kinds(ctx).values() for step in kind.after}
        more = [click.Option([f"--{name}"], is_flag=True, help=text) for name, text in flags.items()]
        return [*super().get_params(ctx), *more]


class _ExportCommand(_KindCommand):
    registered = "exports"


@click.command("import", cls=_ImportCommand)
@click.argument("kind")
@click.argument("file")
@click.option("--map", "map_name", default="", metavar="NAME", help="Read another system's columns by this map.")
@click.option("--update", is_flag=True, help="Also change what exists and is different (sales and purchase orders).")
@click.option("--dry-run", is_flag=True, help="Check everything, say what would be done, and change nothing.")
def import_command(kind: str, file: str, *, map_name: str, update: bool, dry_run: bool, **flags: bool) -> None:
    """Store what a CSV FILE (- is standard input) says, all or nothing.

    UTF-8, a header row; errors name their row.
    """
    after = [name.replace("_", "-") for name, is_set in flags.items() if is_set]
    _check_kind(kind, current_registry().imports, after)
    if update and current_registry().imports[kind].thing.update is None:
        raise click.UsageError(f"--update is not for {kind}.")
    with opened(file) as data, progress.step(f"Importing {kind}"):

        def work(session: Session) -> str:
            data.seek(0)  # the work is done again where another transaction was faster
            return import_csv(session, kind, data, used=_map(session, kind, map_name), after=after, update=update)

        if dry_run:
            with trying(db.session()):
                summary = work(db.session())
            db.session.rollback()
        else:
            summary = commit(work)
    click.echo(f"{summary} Nothing was changed (dry run)." if dry_run else summary)


def _map(session: Session, kind_name: str, name: str) -> Map | None:
    registry = current_registry()
    kind = registry.live_thing(registry.imports, "import kind", kind_name)
    return find_map(session, kind, name) if name else None


def _check_kind(name: str, kinds: dict[str, Any], after: Iterable[str] = ()) -> None:
    """Raise UsageError for a kind that no module has, and for a flag that this kind does not have."""
    if name not in kinds:
        live = sorted(each for each, owned in kinds.items() if current_registry().is_live(owned.module))
        raise click.UsageError(f"There is no kind {name!r}. The kinds are {', '.join(live)}.")
    known = {step.name for step in getattr(kinds[name].thing, "after", ())}
    for flag in after:
        if flag not in known:
            raise click.UsageError(f"--{flag} is not for {name}.")


@click.command("export", cls=_ExportCommand)
@click.argument("kind")
@click.argument("file", required=False)
def export_command(kind: str, file: str | None) -> None:
    """Write a CSV FILE, replacing it, or standard output without one."""
    _check_kind(kind, current_registry().exports)
    with reading():
        pieces = export_csv(db.session(), kind)
        if file is None or file == "-":
            show(pieces)
            return
        with progress.step(f"Exporting {kind}"):
            replace(file, pieces)
