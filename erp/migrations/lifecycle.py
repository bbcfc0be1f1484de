"""Installing, upgrading, enabling and uninstalling modules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Table, delete, func, inspect, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from erp import core, history, search
from erp.db import carried, commit, db
from erp.errors import (
    AlreadyInstalled,
    ErpError,
    MigrationFailed,
    MissingDependency,
    ModuleError,
    NoMigrations,
    StillEnabled,
    StillNeeded,
    UpgradeNeeded,
)
from erp.events import Current, current_run
from erp.manifest import ADMINISTRATOR, SHIPPED_ROLES, Module, Permission
from erp.migrations import revisions, schema
from erp.models import SETTLED, InstalledModule, Job, ModuleState, OptionValue, Role, RoleRight
from erp.options import bump_revision
from erp.registry import CORE, current_registry
from erp.sequence import forget_sequences
from erp.text import plural, say
from erp.third_parties import place_of


def install_core() -> list[str]:
    """Make or upgrade the core's own tables; on an empty database also the roles that ship with the product."""
    with _storing_error(CORE, "upgrading", "erp init"), revisions.moving() as connection:
        is_new = revisions.revision(connection, CORE) is None
        steps = revisions.move(connection, CORE)
        if is_new:
            with _rows(connection) as session:
                session.add_all(Role(name=name, is_administrator=name == ADMINISTRATOR) for name in SHIPPED_ROLES)
                session.flush()
                grant(session, core.PERMISSIONS)
                bump_revision(session)
    current_registry().refresh()
    return steps


def install(name: str, *, rows_from: Path | None = None) -> list[str]:
    """Make a module's tables, give its rights to the shipped roles and switch it on; return what was done.

    With `rows_from`, a folder that an uninstallation wrote, its tables get their rows back. Raises MissingDependency
    while a module that it needs is off. One whose installation broke off is installed again.
    """
    module = installable(name)
    steps: list[str] = []
    if not _is_to_be_enabled(db.session.get(InstalledModule, name)):
        commit(partial(_begin, name=name, version=module.version))
        steps = _settle(module, "installing", partial(_after_install, module), rows_from)
    enable(name)
    return steps


def _is_to_be_enabled(row: InstalledModule | None) -> bool:
    """Say whether an installation broke off after its tables were made, and before the module was on."""
    return row is not None and row.state == ModuleState.disabled and row.is_wanted


def installable(name: str) -> Module:
    """Return the manifest of a module that may be installed now; raise the refusal otherwise."""
    registry = current_registry()
    module = registry.module(name)
    row = db.session.get(InstalledModule, name)
    if row is not None and row.state != ModuleState.installing and not _is_to_be_enabled(row):
        raise AlreadyInstalled(name, row.state)
    if missing := set(module.depends) - registry.enabled():
        raise MissingDependency(name, missing, say("enabled"))
    if registry.tables[name] and revisions.script(name) is None:
        raise NoMigrations(name)
    return module


def _begin(session: Session, name: str, version: str) -> None:
    row = session.get(InstalledModule, name) or InstalledModule(name=name)
    row.version, row.state, row.is_wanted, row.error = version, ModuleState.installing, True, ""
    session.add(row)
    bump_revision(session)


def _after_install(module: Module, session: Session, row: InstalledModule) -> None:
    row.state = ModuleState.disabled
    grant(session, module.permissions)
    _record(session, module.name, "installed", new=module.version)


def grant(session: Session, permissions: Iterable[Permission]) -> None:
    """Give each right to the shipped roles that it names and that still exist."""
    roles = {role.name: role for role in session.scalars(select(Role))}
    for permission in permissions:
        for role in (roles[name] for name in permission.roles if name in roles):
            session.merge(RoleRight(role_id=role.id, permission=permission.name))
    session.flush()


def upgrade(name: str) -> list[str]:
    """Bring an installed module's tables to its newest revision; return what was done, an empty list if nothing.

    The module is off until this is done, and then on again if it was before. A step that broke off is finished too, and
    so is an installation that broke off before the module was on.
    """
    module = current_registry().module(name)
    row = current_registry().installed(db.session(), name)
    if row.state == ModuleState.installing or _is_to_be_enabled(row):
        return install(name)
    if not needs_upgrade(row):
        return []
    versions = f"version {row.version} to {module.version}"
    commit(partial(_pause, name=name))
    return [versions, *_settle(module, "upgrading", partial(_after_upgrade, module))]


def enable(name: str) -> None:
    """Switch an installed module on and let it catch up; refused while its tables are old, or one it needs is off."""
    enablable(name)
    commit(lambda session: current_registry().enable(session, name))


def enablable(name: str) -> InstalledModule:
    """Return the row of a module that may be switched on; raise the refusal otherwise."""
    row = current_registry().check_enable(db.session(), name)
    if revisions.ahead(db.session.connection(), name):
        raise UpgradeNeeded([name])
    return row


def needs_upgrade(row: InstalledModule) -> bool:
    """Say whether a step of a module broke off, or its version or revisions are newer than the database."""
    if row.state not in SETTLED or row.version != current_registry().module(row.name).version:
        return True
    return bool(revisions.ahead(db.session.connection(), row.name))


def _pause(session: Session, name: str) -> None:
    row = session.get_one(InstalledModule, name)
    if row.state in SETTLED:
        row.is_wanted = row.state == ModuleState.enabled
    row.state, row.error = ModuleState.upgrading, ""
    bump_revision(session)


def _after_upgrade(module: Module, session: Session, row: InstalledModule) -> None:
    row.state = ModuleState.enabled if row.is_wanted else ModuleState.disabled
    _record(session, module.name, "upgraded", old=row.version, new=module.version)
    row.version, row.is_wanted = module.version, False


def upgrade_all() -> list[str]:
    """Upgrade the core and every installed module, dependencies first; return the names of those that changed."""
    done = [CORE] if install_core() else []
    installed = set(db.session.scalars(select(InstalledModule.name)))
    registry = current_registry()
    return done + [name for name in registry.modules if name in installed and upgrade(name)]


def uninstall(name: str, export_to: Path) -> list[Path]:
    """Drop a module's tables, rights and option values, after writing each table as a CSV file below `export_to`.

    Refused while it is enabled or another installed module needs it. Its history stays. Returns the files.
    """
    from erp.migrations.export import write_tables  # other commands need not wait for what this needs

    module = uninstallable(name)
    commit(partial(_begin_uninstall, name=name))
    with _storing_error(name, "uninstalling", f"erp modules uninstall {name}"), revisions.moving() as connection:
        files = write_tables(connection, revisions.tables(name), export_to)
        _drop_tables(connection, name)
        with _rows(connection) as session:
            _forget(session, module)
    current_registry().refresh()
    return files


def uninstallable(name: str) -> Module:
    """Return the manifest of a module that may be uninstalled now; raise the refusal otherwise."""
    registry = current_registry()
    module = registry.module(name)
    row = registry.installed(db.session(), name)
    if users := registry.dependents(name, db.session.scalars(select(InstalledModule.name))):
        raise StillNeeded(name, users, say("installed"))
    if row.state == ModuleState.enabled:
        raise StillEnabled(name)
    return module


def _begin_uninstall(session: Session, name: str) -> None:
    row = session.get_one(InstalledModule, name)
    row.state, row.is_wanted, row.error = ModuleState.uninstalling, False, ""
    bump_revision(session)


def _drop_tables(connection: Connection, name: str) -> None:
    for table in reversed(revisions.tables(name)):
        table.drop(connection, checkfirst=True)
    connection.execute(text(f"DROP TABLE IF EXISTS {revisions.version_table(name)}"))


def _forget(session: Session, module: Module) -> None:
    """Delete what the core keeps for a module; its history and its job runs stay."""
    mine = f"{module.name}."
    jobs = [name for name, owned in current_registry().jobs.items() if owned.module == module.name]
    session.execute(delete(RoleRight).where(RoleRight.permission.startswith(mine, autoescape=True)))
    session.execute(delete(OptionValue).where(OptionValue.name.startswith(mine, autoescape=True)))
    forget_sequences(session, module.name)
    search.forget_tables(session, [table.name for table in revisions.tables(module.name)])
    session.execute(delete(Job).where(Job.name.in_(jobs)))
    session.execute(delete(InstalledModule).where(InstalledModule.name == module.name))
    _record(session, module.name, "uninstalled", old=module.version)
    bump_revision(session)


def what_uninstall_destroys(name: str) -> dict[str, int]:
    """Return how many rows of which tables would be lost, largest tables first."""
    current_registry().installed(db.session(), name)
    counts = {table.name: db.session.scalar(select(func.count()).select_from(table)) or 0 for table in _made(name)}
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _made(name: str) -> list[Table]:
    existing = set(inspect(db.session.connection()).get_table_names())
    return [table for table in revisions.tables(name) if table.name in existing]


def _settle(
    module: Module, doing: str, finish: Callable[[Session, InstalledModule], None], rows_from: Path | None = None
) -> list[str]:
    """Run a module's revisions and `finish` with its row, in one transaction."""
    name = module.name
    command = f"erp modules install {name} --from {rows_from}" if rows_from else f"erp modules upgrade {name}"
    with _storing_error(name, doing, command), revisions.moving() as connection:
        with _others_unchanged(connection, name):
            steps = revisions.move(connection, name)
        if rows_from is not None:
            steps.append(_bring_back(connection, name, rows_from))
        with _rows(connection) as session:
            for model in current_registry().searchable[name]:
                search.rebuild(session, model)
            finish(session, session.get_one(InstalledModule, name))
            bump_revision(session)
    current_registry().refresh()
    return steps


def _bring_back(connection: Connection, name: str, folder: Path) -> str:
    from erp.migrations.export import read_tables  # other commands need not wait for what this needs

    read = read_tables(connection, revisions.tables(name), folder)
    return f"{plural(sum(read.values()), 'row')} of {plural(len(read), 'table')} were brought back."


@contextmanager
def _others_unchanged(connection: Connection, name: str) -> Iterator[None]:
    """Raise ModuleError where a third party's revisions change a table that is not the module's own."""
    if not current_registry().is_foreign(name):
        yield
        return
    before = _foreign_parts(connection, name)
    yield
    after = _foreign_parts(connection, name)
    if changed := sorted(part for part in before | after if before.get(part) != after.get(part)):
        table, kind, part = changed[0].table, changed[0].kind, changed[0].name
        raise ModuleError(f"A revision changes table {table} ({kind} {part}), which is not named {name}_....")


def _foreign_parts(connection: Connection, name: str) -> schema.Schema:
    parts = schema.schema(connection).items()
    return {part: text for part, text in parts if not part.table.startswith(f"{name}_")}


@contextmanager
def _rows(connection: Connection) -> Iterator[Session]:
    """Work on rows in the transaction that changes tables, signed with the run that does it."""
    with Session(bind=connection) as session, history.because(session, history.reason(db.session())):
        carried(session, Current).run = current_run(db.session())
        yield session


@contextmanager
def _storing_error(name: str, doing: str, command: str) -> Iterator[None]:
    """Store the error of a step that broke off with its module, and raise it as a refusal with the next command."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a revision may raise anything; its transaction is undone
        reason = _reason(error, name)
        if name != CORE:
            commit(partial(_note, name=name, reason=reason))
        current_registry().refresh()
        if isinstance(error, ErpError):
            raise
        raise MigrationFailed(name, doing, reason, command) from error


def _note(session: Session, name: str, reason: str) -> None:
    session.get_one(InstalledModule, name).error = reason
    bump_revision(session)


def _reason(error: BaseException, name: str) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    lines = str(cause).strip().splitlines() or [type(error).__name__]
    folder = current_registry().found.folder_of(name)
    where = place_of(error, folder) if folder else ""
    return f"{lines[0].rstrip('.')} ({where})" if where else lines[0].rstrip(".")


def _record(session: Session, name: str, action: str, *, old: str = "", new: str = "") -> None:
    subject = history.Subject("erp.module", None, name)
    history.record(session, subject, action, field="version", old=old, new=new)
