"""`erp init`, `erp demo` and `erp check`: make a database, fill it and check it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import click
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from erp import checks, history, migrations, progress, security
from erp.cli.wrapping import without_tables
from erp.db import commit, db, is_duplicate, reading
from erp.errors import ErpError
from erp.manifest import Module
from erp.models import HistoryEntry, InstalledModule, Role, User
from erp.registry import current_registry
from erp.text import plural

ADMINISTRATOR = "admin"
DEMO = history.Subject("erp.demo", None, "Demo company")


class TablesDiffer(ErpError):
    """Tables that were changed otherwise than by a revision."""

    def __init__(self, count: int) -> None:
        super().__init__(
            f"{plural(count, 'part')} of the tables, printed above, is not as this program makes it. Change it back by"
            " hand, or restore a backup of an earlier time; `erp check` says when all agrees."
        )


class DemoRefused(ErpError):
    """Some codes or numbers of the demo company are in use already."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "The demo company was not loaded, nothing was changed: a code or a number of it is in use here"
            f" ({reason}). Load it into a new database."
        )


@click.command()
@click.option(
    "--demo", "with_demo", is_flag=True, help="Load the demo company, with a user of each role, into a new database."
)
@without_tables
def init(with_demo: bool) -> None:
    """Make or upgrade the tables.

    On an empty database the modules that are on by default are installed and enabled, with those that they need, and
    the administrator `admin` is made; the password is that of ERP_ADMIN_PASSWORD, else one is generated and printed
    once. Later, what is installed is upgraded, indexes and triggers that are missing are made again, and nothing that
    was disabled is enabled again.
    """
    given = os.environ.get("ERP_ADMIN_PASSWORD")
    if not _has_users():
        if given:
            security.hash_password(given)  # a bad password is refused before anything is made
        _install_modules()
        _tune()
        if with_demo:
            _load_demo()
        _add_administrator(given, with_demo)
        return
    done = migrations.upgrade_all()
    mended = migrations.mend()
    _tune()
    for sentence in [f"Upgraded: {', '.join(done)}."] * bool(done) + mended:
        click.echo(sentence)
    _require_agreement()
    if not done and not mended:
        click.echo("The database is up to date.")
    click.echo(f"A new password for {ADMINISTRATOR}: erp users password {ADMINISTRATOR}")


def _tune() -> None:
    if advice := migrations.tune():
        click.echo(advice)


def _require_agreement() -> None:
    """Print what of the tables is not as the revisions make it; raise TablesDiffer where anything is."""
    with reading():
        left = list(migrations.schema_breaches(db.session.connection()))
        db.session.rollback()
    for breach in left:
        click.echo(breach)
    if left:
        raise TablesDiffer(len(left))


def _has_users() -> bool:
    """Say whether an earlier `erp init` came to its end: the administrator is made last."""
    return migrations.is_initialized() and db.session.scalar(select(User.id).limit(1)) is not None


def _on_by_default(modules: Mapping[str, Module]) -> list[str]:
    """Return the modules that are on by default and those that they need, in dependency order."""
    chosen: set[str] = set()
    for name, module in reversed(list(modules.items())):  # those that need a module come before it
        if module.on_by_default or name in chosen:
            chosen.update({name, *module.depends})
    return [name for name in modules if name in chosen]


def _install_modules() -> None:
    migrations.install_core()
    registry = current_registry()
    installed = set(db.session.scalars(select(InstalledModule.name)))
    chosen = _on_by_default(registry.modules)
    for name in progress.each(chosen, "Installing modules"):
        if name in installed:
            migrations.upgrade(name)
        else:
            migrations.install(name)
    click.echo(f"Installed and enabled: {', '.join(chosen)}.")
    if waiting := [name for name in registry.modules if name not in chosen]:
        click.echo(f"Not installed: {', '.join(waiting)}. To install one: erp modules install NAME")
    for name, error in registry.found.broken.items():
        click.echo(f"Left out, broken: {name} ({error}).")


def _add_administrator(given: str | None, with_demo: bool) -> None:
    """Add the administrator, and the users of the demo company in the same transaction."""
    password = given or security.generate_password()

    def add(session: Session) -> list[NewUser]:
        security.add_user(session, ADMINISTRATOR, password, roles=[migrations.ADMINISTRATOR], must_change=not given)
        return _add_demo_users(session) if with_demo else []

    added = commit(add)
    if given:
        click.echo(f"Administrator: {ADMINISTRATOR}, with the password of ERP_ADMIN_PASSWORD")
    else:
        _print_users([NewUser("Administrator", ADMINISTRATOR, password)])
    _print_users(added)


class NewUser(NamedTuple):
    """A user whose password was generated."""

    role: str
    name: str
    password: str


def _add_demo_users(session: Session) -> list[NewUser]:
    """Add a user of each role but the administrator's: of `Sales clerk`, `sales-clerk`. A name that is taken stays."""
    taken = set(session.scalars(select(User.username)))
    roles = session.scalars(select(Role.name).where(Role.is_administrator.is_(False)).order_by(Role.id))
    wanted = [NewUser(role, role.lower().replace(" ", "-"), security.generate_password()) for role in roles]
    added = [each for each in wanted if each.name not in taken]
    for each in added:
        security.add_user(session, each.name, each.password, roles=[each.role], name=each.role)
    return added


def _print_users(added: Sequence[NewUser]) -> None:
    for role, name, password in added:
        click.echo(f"{role}: {name}, password: {password} (to be changed at the first sign-in)")


@click.command()
def demo() -> None:
    """Load the demo company, once, and add a user of each role, whose passwords are printed once."""
    if _load_demo():
        _print_users(commit(_add_demo_users))


def _load_demo() -> bool:
    """Load the demo company and say whether that was done now; raise DemoRefused."""
    if db.session.scalar(select(HistoryEntry.id).where(HistoryEntry.document == DEMO.document).limit(1)):
        click.echo("The demo company is there already.")
        return False
    try:
        commit(_load_all)
    except IntegrityError as error:
        if is_duplicate(error):
            raise DemoRefused(str(error.orig).strip().splitlines()[0]) from error
        raise
    click.echo("The demo company is loaded.")
    return True


def _load_all(session: Session) -> None:
    """Load every module's part in one transaction: one that was loaded in part could never be completed."""
    registry = current_registry()
    for load in progress.each(registry.live(registry.demos), "Loading the demo company"):
        with registry.blaming(load, "demo company"):
            load(session)
            session.flush()
        session.expire_all()  # the next part reads what statements for sets have written
    history.record(session, DEMO, "loaded")


@click.command()
def check() -> None:
    """Check the tables and the invariants of everything that is on.

    Prints a line for each breach, and ends with exit code 1 if there is any.
    """
    show_breaches()


def show_breaches() -> None:
    """Print a line for each breach; raise BreachesFound where there is any."""
    found = 0
    with reading():
        for breach in checks.breaches(db.session()):
            found += 1
            click.echo(breach)
    if found:
        raise checks.BreachesFound(found)
    click.echo(f"No breach found by {checks.count()} checks.")
