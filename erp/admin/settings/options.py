"""Settings > Options: a form for each module, generated from what it declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import history
from erp.admin import versions
from erp.admin.access import only_read, user_name
from erp.admin.declarations import Facts
from erp.admin.page import Page
from erp.db import lock_switches
from erp.errors import ErpError, OptionError
from erp.models import HistoryEntry, OptionValue
from erp.options import Choice, Option, as_ini, store_ini, store_options
from erp.registry import CORE, current_registry
from erp.text import capital, say

Texts = Mapping[str, str]  # by the key of the option
NOTHING: Texts = {}
MAX_CHOICES = 60


@dataclass(frozen=True)
class ShownOption:
    """An option as the form shows it. An idle one is hidden: it depends on an option that has another value."""

    key: str
    option: Option[Any]
    text: str
    effective: str
    source: str
    is_locked: bool
    is_idle: bool
    set_by: OptionValue | None
    error: str

    @property
    def choices(self) -> tuple[str, ...]:
        """The words to choose from; empty for an option whose value is typed."""
        if self.option.kind == "switch":
            return ("yes", "no")
        return tuple(self.option.choices) if isinstance(self.option, Choice) else ()

    @property
    def default(self) -> str:
        """The default as text."""
        return self.option.format(self.option.default) or "empty"


class OptionsPage(Page):
    """The options of the core and of every module that is on."""

    view_name = "erp.option"
    title = "Options"
    url = "/settings/options"
    icon = "fa-sliders"
    needs_no_version = {"import_ini": "The file says what each option becomes, whatever it was."}

    @expose("/", methods=("GET", "POST"))
    def index_view(self) -> ResponseReturnValue:
        """Show a section's options, and store what was changed."""
        section, typed = self._section(), {}
        if request.method != "POST":
            return self._show(section, self._version(section))
        try:
            typed = self._changed(section)
            return self._submit(section, typed)
        except ErpError as error:
            only_read()
            current_registry().refresh()
            flash(str(error), "error")
            # Users who were not told what has changed keep the version that they opened.
            is_stale = isinstance(error, versions.StalePage)
            return self._show(section, self._version(section, is_kept=not is_stale), typed), 409

    def _show(self, section: str, version: str, typed: Texts = NOTHING, errors: Texts = NOTHING) -> str:
        return self.render(
            "erp/settings/options.html",
            section=section,
            sections=self.sections(),
            shown=self.shown(section, typed, errors),
            history=self.history(section),
            version=version,
            max_choices=MAX_CHOICES,
        )

    def _parts(self, section: str) -> dict[str, Facts]:
        """Return the effective values of a section's options, each a part of its own."""
        effective, table = current_registry().state().options, current_registry().option_table
        keys = [key for key in table.declared if key.partition(".")[0] == section]
        return {key: {key: table.option(key).format(effective[key].value)} for key in keys}

    def _version(self, section: str, *, is_kept: bool = False) -> str:
        kept = request.form.get(versions.FIELD, "") if is_kept else ""
        return kept or versions.as_field(self._parts(section))

    def sections(self) -> dict[str, str]:
        """Return the title of each section that has options and whose module is on."""
        registry = current_registry()
        titles = {CORE: "General", **{module.name: module.title for module in registry.modules.values()}}
        filled = {key.partition(".")[0] for key in registry.option_table.declared}
        return {name: title for name, title in titles.items() if name in filled and registry.is_live(name)}

    def _section(self) -> str:
        wanted = request.args.get("section", CORE)
        return wanted if wanted in self.sections() else CORE

    def shown(self, section: str, typed: Texts, errors: Texts) -> list[ShownOption]:
        """Return a section's options with their effective values, or with what was typed after a refusal."""
        registry = current_registry()
        effective = registry.state().options
        stored = {row.name: row for row in self.session().scalars(select(OptionValue))}
        return [
            ShownOption(
                key=key,
                option=option,
                text=typed[key] if key in typed else option.format(effective[key].value),
                effective=option.format(effective[key].value),
                source=effective[key].source,
                is_locked=registry.option_table.is_locked(key),
                is_idle=_is_idle(section, option),
                set_by=stored.get(key),
                error=errors.get(key, ""),
            )
            for key, option in registry.option_table.declared.items()
            if key.partition(".")[0] == section
        ]

    def _submit(self, section: str, typed: Texts) -> ResponseReturnValue:
        """Store what differs from what was shown, all or nothing."""
        reset = request.form.get("reset", "")
        given: dict[str, str | None] = {reset: None} if reset else {**typed}
        errors = {} if reset else {key: error for key, text in typed.items() if (error := _error(key, text))}
        if errors:
            flash("Nothing was changed: check the marked options.", "error")
            return self._show(section, self._version(section, is_kept=True), typed, errors), 422
        self.do("set", lambda session: self._store(session, section, given))
        flash(
            say("{given} changed.", given=", ".join(given)) if given else "Nothing was changed.",
            "success" if given else "info",
        )
        return redirect(self.get_url(".index_view", section=section))

    def _store(self, session: Session, section: str, given: Mapping[str, str | None]) -> None:
        lock_switches(session)
        current_registry().refresh()
        why = history.because(session, request.form.get("why", "").strip())
        with versions.unchanged(session, lambda: self._parts(section), given), why:
            store_options(session, current_registry().option_table, given, user_name=user_name())

    def _changed(self, section: str) -> dict[str, str]:
        """Return what was typed that differs from what the page had shown."""
        table, opened = current_registry().option_table, versions.sent()
        was = versions.texts_of(self._parts(section)) if opened is None else opened
        posted = {key: request.form[key].strip() for key in was if key in request.form and not table.is_locked(key)}
        return {key: text for key, text in posted.items() if versions.text_of(text) != was[key].get(key)}

    def history(self, section: str) -> list[HistoryEntry]:
        """Return the last changes of a section's options."""
        mine = HistoryEntry.document_name.startswith(f"{section}.", autoescape=True)
        return self.last_entries(mine)

    @expose("/export/")
    def export(self) -> ResponseReturnValue:
        """Send every option with its effective value as ini text."""
        registry = current_registry()
        effective = registry.state().options
        found = {key: registry.option_table.option(key).format(each.value) for key, each in effective.items()}
        headers = {"Content-Disposition": "attachment;filename=erp.ini"}
        return Response(as_ini(found), headers=headers, mimetype="text/plain")

    @expose("/import/", methods=("POST",))
    def import_ini(self) -> ResponseReturnValue:
        """Set what differs in an ini file, all or nothing."""
        table, user = current_registry().option_table, user_name()
        try:
            text = _posted_ini()
            changed = self.do("import", lambda session: store_ini(session, table, text, user_name=user))
            flash(
                say(
                    "{changed} options changed{value}{changed_}.",
                    changed=len(changed),
                    value=": " if changed else "",
                    changed_=", ".join(changed),
                ),
                "success",
            )
        except ErpError as error:
            flash(say("Nothing was changed. {error}", error=error), "error")
        return redirect(self.get_url(".index_view"))


def _posted_ini() -> str:
    file = request.files.get("file")
    try:
        return file.read().decode("utf-8-sig") if file is not None else ""
    except UnicodeDecodeError:
        raise OptionError(say("file"), file.filename if file else "", say("UTF-8 text is allowed")) from None


def _is_idle(section: str, option: Option[Any]) -> bool:
    name, value = option.needs
    return bool(name) and _effective(f"{section}.{name}") != value


def _effective(key: str) -> str:
    registry = current_registry()
    return registry.option_table.option(key).format(registry.state().options[key].value)


def _error(key: str, text: str) -> str:
    option = current_registry().option_table.option(key)
    try:
        option.parse(text)
    except ValueError:
        reason = option.refusal(text)
        return say("{reason}.", reason=capital(reason))
    return ""
