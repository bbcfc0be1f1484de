"""Which modules are on, switching them, and what is live of what they registered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from flask import current_app, g, has_app_context
from sqlalchemy import ColumnElement, event, func, select
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from erp import core, history
from erp.db import (
    ErpSession,
    after_locking,
    carried,
    configure_models,
    db,
    failing_model,
    lock_switches,
    unusable_database,
)
from erp.discovery import Found
from erp.errors import (
    BrokenModule,
    MissingDependency,
    ModuleOff,
    ModulesSwitched,
    NotFound,
    NotInstalled,
    StillNeeded,
    UnknownModule,
    Unsettled,
)
from erp.manifest import Module
from erp.models import InstalledModule, ModuleState, OptionValue, Revision
from erp.options import OptionTable, Switched, bump_revision
from erp.registry.core import Core
from erp.registry.entries import CORE, Owned, State
from erp.registry.registered import Registered

T = TypeVar("T")


class Registry(Registered):
    """What the modules registered, and which of it is live: the one place where modules and options are read."""

    def __init__(self, found: Found, modules: list[Module], option_table: OptionTable) -> None:
        super().__init__(found, modules, option_table)
        self.forget()

    def forget(self) -> None:
        """Forget which modules are on and which options are set, as after a change of the database itself."""
        self._cached = State(-1, frozenset(), self.option_table.effective({}))

    def setup(self) -> None:
        """Call every module's setup; a third party's that raises is listed as broken."""
        self._configure_models()
        for module in list(self.modules.values()):
            if module.name in self.modules:  # else it needs one that has just turned out to be broken
                try:
                    module.setup(Core(self, module))
                except Exception as error:  # a third party's code may raise anything; it is shown, and the others start
                    self.mark_broken(module.name, error)
                if module.name not in self.found.shipped:  # else its errors would come up in the next one's setup
                    self._configure_models()

    def _configure_models(self) -> None:
        """Resolve what models refer to; a third party's module whose models cannot be resolved is broken."""
        while True:
            try:
                return configure_models()
            except Exception as error:  # a third party's model may raise anything
                name = self.found.module_of(failing_model())
                if name not in self.modules:
                    raise
                self.mark_broken(name, error)

    def module(self, name: str) -> Module:
        """Return a manifest by name; raise UnknownModule, or BrokenModule for one that cannot be used."""
        if name in self.modules:
            return self.modules[name]
        if name in self.found.broken:
            raise BrokenModule(name, self.found.broken[name])
        raise UnknownModule(name)

    def state(self) -> State:
        """Return what is on, read once per request, command or job run: one indexed row when nothing changed."""
        if "erp_state" not in g:
            g.erp_state = self._current()
        state: State = g.erp_state
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
            on = select(InstalledModule.name).where(InstalledModule.state == ModuleState.enabled)
            enabled = self._usable_modules(set(db.session.scalars(on)))
            stored = {row.name: row.value for row in db.session.scalars(select(OptionValue))}
            cached = State(revision, enabled, self.option_table.effective(stored))
            # A revision that this transaction itself made may still be rolled back: keep it for this request only.
            if not carried(db.session(), Switched).here:
                self._cached = cached
        return cached

    def _revision(self) -> int:
        try:
            return db.session.scalar(select(Revision.number).where(Revision.id == 1)) or 0
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

    def enabled(self) -> frozenset[str]:
        """Return the names of the modules that are on."""
        return self.state().enabled

    def is_live(self, module: str) -> bool:
        """Say whether what belongs to `module` may be seen and act; the core always may."""
        return module == CORE or module in self.enabled()

    def live(self, owned: Iterable[Owned[T]]) -> list[T]:
        """Return what belongs to modules that are on, in dependency order."""
        return [item.thing for item in owned if self.is_live(item.module)]

    def handlers(self, event: type) -> list[Callable[..., None]]:
        """Return the live subscribers of an event."""
        return self.live(self.subscribers.get(event, ()))

    def answers(self, hook: Callable[..., Any]) -> list[Callable[..., Any]]:
        """Return the live answers to a hook."""
        return self.live(self.hook_answers.get(hook, ()))

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
        if row.state == ModuleState.disabled:
            self._switch(session, row, ModuleState.enabled)
            for catch_up in self.catch_ups[name]:
                catch_up(session)

    def check_enable(self, session: Session, name: str) -> InstalledModule:
        """Return the row of a module that may be switched on; raise the refusal otherwise."""
        module = self.module(name)
        row = self._settled(session, name)
        if row.state == ModuleState.disabled and (off := set(module.depends) - self.enabled()):
            raise MissingDependency(name, off, "enabled")
        return row

    def disable(self, session: Session, name: str, *, release: bool = False) -> None:
        """Switch a module off, keeping its data; raise StillNeeded while an enabled one needs it.

        The module's own guard may refuse too, unless it is to `release` what it holds.
        """
        lock_switches(session)
        row = self.check_disable(session, name)
        if row.state == ModuleState.enabled:
            for guard in self.guards[name]:
                guard(session, release=release)
            self._switch(session, row, ModuleState.disabled)

    def check_disable(self, session: Session, name: str) -> InstalledModule:
        """Return the row of a module that may be switched off; raise the refusal otherwise."""
        self.module(name)
        row = self._settled(session, name)
        if row.state == ModuleState.enabled and (users := self.dependents(name, self.enabled())):
            raise StillNeeded(name, users)
        return row

    def _settled(self, session: Session, name: str) -> InstalledModule:
        row = self.installed(session, name)
        if row.state not in (ModuleState.enabled, ModuleState.disabled):
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
        row.state = state
        self.changed(session)

    def changed(self, session: Session) -> None:
        """Count the revision up after a change of a module, and see the change at once in this request."""
        bump_revision(session)


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
    return select(func.coalesce(func.max(Revision.number), 0)).where(Revision.id == 1).scalar_subquery()


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
