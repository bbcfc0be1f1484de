"""Which modules are on, switching them, and what is live of what they registered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from flask import current_app, g, has_app_context
from sqlalchemy import ColumnElement, Integer, event, literal_column, select, update
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from erp import core, history
from erp.db import (
    ErpSession,
    after_locking,
    carried,
    configure_models,
    configure_models_of,
    connection_of,
    db,
    lock_switches,
    protected_tables,
    run,
    unusable_database,
)
from erp.discovery import Found
from erp.errors import (
    BrokenModule,
    ErpError,
    MissingDependency,
    ModuleOff,
    ModulesSwitched,
    NotFound,
    NotInstalled,
    StillNeeded,
    UnknownModule,
    Unsettled,
)
from erp.failure_models import ModuleFailure
from erp.manifest import Module
from erp.models import SETTLED, InstalledModule, ModuleState, OptionValue, Revision
from erp.options import OptionTable, Switched, bump_revision
from erp.registry.core import Core
from erp.registry.entries import CORE, Endpoint, Owned, State
from erp.registry.guarded import Guarded
from erp.text import say
from erp.third_parties import Raised, catching

T = TypeVar("T")

# As tables, which are read without resolving what all models say of one another.
_MODULES, _OPTIONS = InstalledModule.__table__, OptionValue.__table__
# Read by each request, and in the midst of a flush too.
_REVISION = f"SELECT coalesce(max(number), 0) FROM {Revision.__tablename__} WHERE id = 1"


class Registry(Guarded):
    """What the modules registered, and which of it is live: the one place where modules and options are read."""

    def __init__(self, found: Found, modules: list[Module], option_table: OptionTable) -> None:
        super().__init__(found, modules, option_table)
        self.forget()

    def forget(self) -> None:
        """Forget which modules are on and which options are set, as after a change of the database itself."""
        self._cached = State(-1, frozenset(), self.option_table.effective({}))

    def setup(self, *, screens: bool) -> None:
        """Let every module register what it has, its screens included only where the process shows them.

        A third party's module that raises, or whose models do not fit, is listed as broken.
        """
        if screens:  # what shows nothing has the first query resolve the models that it needs
            configure_models(apart_from=self.found.packages.values())
        for module in list(self.modules.values()):
            if module.name in self.found.shipped:
                self._register(module, screens)
            elif module.name in self.modules:  # else it needs one that has just turned out to be broken
                self._set_up(module, screens)

    def _register(self, module: Module, screens: bool) -> None:
        module.setup(Core(self, module))
        if screens and module.screens is not None:
            module.screens(Core(self, module))

    def _set_up(self, module: Module, screens: bool) -> None:
        package = self.found.packages.get(module.name, "")
        try:
            with catching(), protected_tables(package, module.name):
                self._register(module, screens)
                configure_models_of(package)
        except Raised as raised:
            self.mark_broken(module.name, raised.error)

    def module(self, name: str) -> Module:
        """Return a manifest by name; raise UnknownModule, or BrokenModule for one that cannot be used."""
        if name in self.modules:
            return self.modules[name]
        if name in self.found.broken:
            raise BrokenModule(name, self.found.broken[name])
        raise UnknownModule(name)

    def state(self) -> State:
        """Return what is on, read once per request, command or job run: one indexed row when nothing changed."""
        state: State | None = g.get("erp_state")
        if state is None:
            g.erp_state = state = self._current()
        return state

    def refresh(self) -> None:
        """Read modules and options again, in the middle of a request or between two batches."""
        g.pop("erp_state", None)

    def see(self, revision: int) -> State:
        """Take what is on as of a revision that was read just now."""
        g.erp_state = state = self._state_of(revision)
        return state

    def _current(self) -> State:
        return self._state_of(self._revision())

    def _state_of(self, revision: int) -> State:
        cached = self._cached
        if revision != cached.revision:
            on = select(_MODULES.c.name, _MODULES.c.version).where(_MODULES.c.state == ModuleState.enabled)
            rows = db.session.execute(on).all()
            enabled = self._usable_modules({name for name, version in rows if not self.is_older(name, version)})
            stored = dict(db.session.execute(select(_OPTIONS.c.name, _OPTIONS.c.value)).all())
            cached = State(revision, enabled, self.option_table.effective(stored))
            # A revision that this transaction itself made may still be rolled back: keep it for this request only.
            if not carried(db.session(), Switched).here:
                self._cached = cached
        return cached

    def _revision(self) -> int:
        try:
            ((number,),) = run(connection_of(db.session()), _REVISION, ())
            return int(number)
        except (OperationalError, ProgrammingError) as error:
            db.session.rollback()
            raise unusable_database(error) from error

    def _usable_modules(self, switched_on: set[str]) -> frozenset[str]:
        # A module is off while one that it needs is missing or being upgraded.
        usable: set[str] = set()
        for module in self.modules.values():
            if module.name in switched_on and usable.issuperset(module.depends):
                usable.add(module.name)
        return frozenset(usable)

    def is_older(self, name: str, installed: str) -> bool:
        """Say whether the code of a third party's module is older than what is installed: then it is off."""
        return self.is_foreign(name) and _numbers(self.modules[name].version) < _numbers(installed)

    def other_version(self, row: InstalledModule) -> str:
        """Return a sentence where the version that was found is another than the installed one, else ''."""
        version = self.modules[row.name].version
        if row.version == version:
            return ""
        if self.is_older(row.name, row.version):
            return say(
                "{version} is older than {installed}, which is installed: the module is off.",
                version=version,
                installed=row.version,
            )
        return say("{version} is waiting: upgrade the module.", version=version)

    def enabled(self) -> frozenset[str]:
        """Return the names of the modules that are on."""
        return self.state().enabled

    def is_live(self, module: str) -> bool:
        """Say whether what belongs to `module` may be seen and act; the core always may."""
        return module == CORE or module in self.enabled()

    def live(self, owned: Iterable[Owned[T]]) -> list[T]:
        """Return what belongs to modules that are on, in dependency order."""
        found = list(owned)
        on = self.enabled() if found else frozenset()
        return [item.thing for item in found if item.module == CORE or item.module in on]

    def endpoint_at(self, path: str) -> Owned[Endpoint] | None:
        """Return the endpoint for programs that an address belongs to, on or off; None for an address of people."""
        at = (owned for owned in self.endpoints if f"{path}/".startswith(f"{owned.thing.url}/"))
        return next(at, None)

    def handlers(self, event: type) -> list[Callable[..., None]]:
        """Return the live subscribers of an event."""
        return self.live(self.subscribers.get(event, ()))

    def answers(self, hook: Callable[..., Any]) -> list[Callable[..., Any]]:
        """Return the live answers to a hook."""
        return self.live(self.hook_answers.get(hook, ()))

    def answering(self, hook: Callable[..., Any]) -> set[str]:
        """Return the names of the live modules that answer a hook."""
        return {each.module for each in self.hook_answers.get(hook, ()) if self.is_live(each.module)}

    def contributed(self, view: str, kind: str) -> list[Any]:
        """Return what live modules add to screen `view`: `kind` is a field of Contribution."""
        return [thing for item in self.live(self.contributions.get(view, ())) for thing in getattr(item, kind)]

    def live_thing(self, things: Mapping[str, Owned[T]], kind: str, name: str) -> T:
        """Return a registered thing by name; raise NotFound, or ModuleOff where its module is off."""
        if name not in things:
            raise NotFound(kind, name)
        if not self.is_live(things[name].module):
            raise ModuleOff(f"{kind.capitalize()} {name}", things[name].module)
        return things[name].thing

    def dependents(self, name: str, among: Iterable[str]) -> list[str]:
        """Return which of `among` need `name`, directly or through others, by name."""
        needing = {name}
        for module in self.modules.values():
            if needing.intersection(module.depends):
                needing.add(module.name)
        return sorted(needing.intersection(among) - {name})

    def all_permissions(self) -> dict[str, str]:
        """Return the title of every declared right, the core's included."""
        declared = [*core.PERMISSIONS, *(right for module in self.modules.values() for right in module.permissions)]
        return {permission.name: permission.title for permission in declared}

    def enable(self, session: Session, name: str) -> None:
        """Switch an installed module on and let it catch up; raise MissingDependency while one that it needs is off."""
        lock_switches(session)
        row = self.check_enable(session, name)
        if row.state != ModuleState.enabled:
            self._switch(session, row, ModuleState.enabled)
            row.error = ""
            session.execute(update(ModuleFailure).where(ModuleFailure.module == name).values(is_counted=False))
            for catch_up in self.catch_ups[name]:
                catch_up(session)

    def check_enable(self, session: Session, name: str) -> InstalledModule:
        """Return the row of a module that may be switched on; raise the refusal otherwise."""
        module = self.module(name)
        row = self._settled(session, name)
        if row.state != ModuleState.enabled and (off := set(module.depends) - self.enabled()):
            raise MissingDependency(name, off, say("enabled"))
        return row

    def disable(self, session: Session, name: str, *, release: bool = False) -> None:
        """Switch a module off, keeping its data; raise StillNeeded while an enabled one needs it.

        The module's own guard may refuse too, unless it is to `release` what it holds.
        """
        lock_switches(session)
        row = self.check_disable(session, name)
        if row.state != ModuleState.disabled:
            for guard in self.guards[name]:
                self.ask_guard(guard, session, release=release)
            self._switch(session, row, ModuleState.disabled)
            row.error = ""

    def ask_guard(self, guard: Callable[..., None], session: Session, *, release: bool) -> None:
        """Let a module's guard refuse that it is switched off; a third party's that fails cannot."""

        def ask() -> ErpError | None:
            try:
                guard(session, release=release)
            except ErpError as refusal:
                return refusal
            return None

        if refusal := self.contained_apart(guard, "guard", ask, lambda _: None):
            raise refusal

    def suspend(self, session: Session, row: InstalledModule, why: str) -> None:
        """Switch a third party's module off that failed too often, until an administrator enables it again."""
        with history.because(session, why):
            self._switch(session, row, ModuleState.suspended)
        row.error = why

    def check_disable(self, session: Session, name: str) -> InstalledModule:
        """Return the row of a module that may be switched off; raise the refusal otherwise."""
        self.module(name)
        row = self._settled(session, name)
        if row.state == ModuleState.enabled and (users := self.dependents(name, self.enabled())):
            raise StillNeeded(name, users)
        return row

    def _settled(self, session: Session, name: str) -> InstalledModule:
        row = self.installed(session, name)
        if row.state not in SETTLED:
            raise Unsettled(name, row.state)
        return row

    def installed(self, session: Session, name: str) -> InstalledModule:
        """Return the row of an installed module; raise NotInstalled."""
        row = session.get(InstalledModule, name)
        if row is None:
            raise NotInstalled(name)
        return row

    def _switch(self, session: Session, row: InstalledModule, state: ModuleState) -> None:
        subject = history.Subject("erp.module", None, row.name)
        history.record(session, subject, "switched", field="state", old=row.state, new=state)
        row.state, row.is_wanted = state, False
        bump_revision(session)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def _check_again(session: Session) -> None:
    """Read modules and options again under the locks; raise ModulesSwitched where other ones are on now."""
    if has_app_context() and "erp_state" in g and not carried(session, Switched).here:
        before = g.erp_state.enabled
        current_registry().refresh()
        if current_registry().enabled() != before:
            raise ModulesSwitched


after_locking.append(_check_again)


def revision_column() -> ColumnElement[int]:
    """Return the revision of modules and options, to be read with something else."""
    return literal_column(f"({_REVISION})", Integer())


def check_revision(session: Session, revision: int) -> None:
    """See modules and options as of a revision that was read under locks; raise ModulesSwitched where others are on."""
    if not carried(session, Switched).here:
        before = g.get("erp_state")
        now = current_registry().see(revision)
        if before is not None and before.enabled != now.enabled:
            raise ModulesSwitched


@event.listens_for(ErpSession, "after_transaction_end")
def _forget_switch(session: Session, transaction: Any) -> None:
    if transaction.parent is None:
        carried(session, Switched).here = False


@event.listens_for(ErpSession, "after_rollback")
def _forget_state(session: Session) -> None:
    if carried(session, Switched).here and has_app_context():
        g.pop("erp_state", None)


def current_registry() -> Registry:
    """Return the registry of the current application."""
    registry: Registry = current_app.extensions["erp"]
    return registry
