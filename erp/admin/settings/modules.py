"""Settings > Modules: the modules, their states, and the steps between them, shown before they are taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import abort, current_app, g, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import select

from erp import clock, events, failures, history, migrations
from erp.admin import versions
from erp.admin.access import flash_sentence, user_name
from erp.admin.page import Page
from erp.db import commit, db
from erp.errors import ErpError, NameNotConfirmed
from erp.models import InstalledModule, ModuleState, RunKind
from erp.registry import current_registry
from erp.text import say


@dataclass(frozen=True)
class Step:
    """A step from one state of a module to another: `plan` says what `work` would do.

    With `ask_release` the user is asked whether to release what the module holds, with `ask_name` for its name.
    """

    name: str
    label: str
    plan: Callable[..., list[str]]
    work: Callable[[str], str]
    icon: str
    style: str = "primary"
    ask_release: bool = False
    ask_name: bool = False


@dataclass(frozen=True)
class ShownModule:
    """A module as the list shows it."""

    name: str
    title: str
    version: str
    state: str
    summary: str
    depends: Sequence[str]
    needed_by: Sequence[str]
    error: str
    place: str
    steps: Sequence[Step]


def _install(name: str) -> str:
    migrations.install(name)
    return say("Module {name} is installed and enabled.", name=name)


def _enable(name: str) -> str:
    migrations.enable(name)
    return say("Module {name} is enabled.", name=name)


def _disable(name: str) -> str:
    release = request.form.get("release") == "1"
    commit(lambda session: current_registry().disable(session, name, release=release))
    return say("Module {name} is disabled. Its data is kept.", name=name)


def _upgrade(name: str) -> str:
    return (
        say("Module {name} is upgraded.", name=name)
        if migrations.upgrade(name)
        else say("Module {name} is up to date.", name=name)
    )


def _uninstall(name: str) -> str:
    if request.form.get("name", "").strip() != name:
        raise NameNotConfirmed(name)
    folder = Path(current_app.instance_path) / "exports" / f"{name}-{clock.now():%Y%m%dT%H%M%SZ}"
    files = migrations.uninstall(name, folder)
    return say(
        "Module {name} is uninstalled. {files} tables were written to {folder} first.",
        name=name,
        files=len(files),
        folder=folder,
    )


STEPS = {
    step.name: step
    for step in (
        Step("install", "Install", migrations.plan_install, _install, "fa-download"),
        Step("enable", "Enable", migrations.plan_enable, _enable, "fa-toggle-on"),
        Step("upgrade", "Upgrade", migrations.plan_upgrade, _upgrade, "fa-arrow-up"),
        Step("disable", "Disable", migrations.plan_disable, _disable, "fa-toggle-off", "danger", ask_release=True),
        Step("uninstall", "Uninstall", migrations.plan_uninstall, _uninstall, "fa-trash-o", "danger", ask_name=True),
    )
}

STEPS_OF = {
    "available": ("install",),
    ModuleState.installing: ("upgrade", "uninstall"),
    ModuleState.upgrading: ("upgrade", "uninstall"),
    ModuleState.enabled: ("disable",),
    ModuleState.disabled: ("enable", "uninstall"),
    ModuleState.suspended: ("enable", "disable", "uninstall"),
    ModuleState.uninstalling: ("upgrade", "uninstall"),
}


class ModulesPage(Page):
    """The modules and their states."""

    view_name = "erp.module"
    title = "Modules"
    url = "/settings/modules"
    icon = "fa-puzzle-piece"

    @expose("/")
    def index_view(self) -> ResponseReturnValue:
        """Show every module that was found, or that the database remembers."""
        return self.render("erp/settings/modules.html", modules=self.modules(), history=self.last_entries())

    def modules(self) -> list[ShownModule]:
        """Return every module with its state, dependencies first, then broken and missing ones."""
        registry = current_registry()
        rows = {row.name: row for row in self.session().scalars(select(InstalledModule).order_by(InstalledModule.name))}
        failed = failures.summaries(self.session())
        found = [self._shown(name, rows.get(name), failed.get(name, "")) for name in registry.modules]
        broken = [_unusable(name, "broken", error) for name, error in registry.found.broken.items()]
        known = registry.modules.keys() | registry.found.broken.keys()
        lost = [row for name, row in rows.items() if name not in known]
        missing = [
            _unusable(row.name, "missing", say("Its code is gone; it was {state}.", state=row.state)) for row in lost
        ]
        return found + broken + missing

    def _shown(self, name: str, row: InstalledModule | None, failed: str) -> ShownModule:
        registry = current_registry()
        module = registry.module(name)
        state = row.state.value if row is not None else "available"
        names = list(STEPS_OF[state])
        if row is not None and state in ("enabled", "disabled", "suspended") and migrations.plan_upgrade(name)[1:]:
            names.insert(0, "upgrade")
        return ShownModule(
            name=name,
            title=module.title,
            version=row.version if row is not None else module.version,
            state=state,
            summary=module.summary,
            depends=module.depends,
            needed_by=[other.name for other in registry.modules.values() if name in other.depends],
            error=" ".join(filter(None, (registry.other_version(row), row.error or failed))) if row is not None else "",
            place=registry.found.places.get(name, ""),
            steps=[STEPS[step] for step in names],
        )

    @expose("/<module_name>/<step_name>/", methods=("GET", "POST"))
    def step(self, module_name: str, step_name: str) -> ResponseReturnValue:
        """Show what a step would do, or take it."""
        step = STEPS.get(step_name)
        if step is None or module_name not in current_registry().modules:
            return abort(404)
        refusal = ""
        planned = _plan(step, module_name)
        if request.method == "POST":
            try:
                if found := versions.changes(lambda: planned.parts):
                    raise versions.StalePage(found)
                flash_sentence(self._take(step, module_name))
                return redirect(self.get_url(".index_view"))
            except ErpError as error:
                db.session.rollback()
                refusal, planned = str(error), _plan(step, module_name)
        return self._show_step(step, planned, refusal), 409 if refusal else 200

    def _take(self, step: Step, name: str) -> str:
        # A step that changes tables opens a transaction of its own, so none may be open before.
        user = user_name()
        db.session.rollback()
        why = request.form.get("why", "").strip()
        g.erp_reading = False
        try:
            with events.run(RunKind.screen, f"{self.view_name}.{step.name}", user), history.because(db.session(), why):
                return step.work(name)
        finally:
            g.erp_reading = True

    def _show_step(self, step: Step, planned: Planned, refusal: str) -> str:
        return self.render(
            "erp/settings/module_step.html",
            step=step,
            module=current_registry().module(planned.name),
            planned=planned,
            refusal=refusal if refusal not in (planned.held, planned.blocked) else "",
            version=versions.as_field(planned.parts),
        )


@dataclass(frozen=True)
class Planned:
    """What a step would do to a module, what that holds and would have to release, and what forbids the step."""

    name: str
    plan: Sequence[str] = ()
    held: str = ""
    blocked: str = ""

    @property
    def parts(self) -> versions.Parts:
        """What the step depends on: what it would do, and what would be released."""
        return {versions.PAGE: {say("what will happen"): "; ".join(self.plan), say("what the module holds"): self.held}}


def _plan(step: Step, name: str) -> Planned:
    # A module's guard may lock the rows that it reads, which a reading transaction cannot.
    db.session.rollback()
    g.erp_reading = False
    try:
        return Planned(name, step.plan(name))
    except ErpError as error:
        db.session.rollback()
        if not step.ask_release:
            return Planned(name, blocked=str(error))
        return _plan_release(step, name, str(error))
    finally:
        db.session.rollback()
        g.erp_reading = True


def _plan_release(step: Step, name: str, held: str) -> Planned:
    try:
        return Planned(name, step.plan(name, release=True), held)
    except ErpError as error:
        db.session.rollback()
        return Planned(name, blocked=str(error))


def _unusable(name: str, state: str, error: str) -> ShownModule:
    nothing: tuple[Any, ...] = ()
    place = current_registry().found.places.get(name, "")
    return ShownModule(name, name, "", state, "", nothing, nothing, error, place, nothing)
