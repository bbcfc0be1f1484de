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
from erp.admin.access import user_name
from erp.admin.page import Page
from erp.errors import ErpError, OptionError
from erp.models import HistoryEntry, OptionValue
from erp.options import Choice, Option, as_ini, forget_option, store_ini, store_option
from erp.registry import CORE, current_registry

HISTORY_SHOWN = 15
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
    needs_no_version = {
        "index_view": "Each option carries the value that was shown, and one that was set since is refused.",
        "import_ini": "The file says what each option becomes, whatever it was.",
    }

    @expose("/", methods=("GET", "POST"))
    def index_view(self) -> ResponseReturnValue:
        """Show a section's options, and store what was changed."""
        section = self._section()
        errors: dict[str, str] = {}
        if request.method == "POST":
            errors = self._submit(section)
            if not errors:
                return redirect(self.get_url(".index_view", section=section))
        page = self.render(
            "erp/settings/options.html",
            section=section,
            sections=self.sections(),
            shown=self.shown(section, errors),
            history=self.history(section),
            max_choices=MAX_CHOICES,
        )
        return page, 422 if errors else 200

    def sections(self) -> dict[str, str]:
        """Return the title of each section that has options and whose module is on."""
        registry = current_registry()
        titles = {CORE: "General", **{module.name: module.title for module in registry.modules.values()}}
        filled = {key.partition(".")[0] for key in registry.option_table.declared}
        return {name: title for name, title in titles.items() if name in filled and registry.is_live(name)}

    def _section(self) -> str:
        wanted = request.args.get("section", CORE)
        return wanted if wanted in self.sections() else CORE

    def shown(self, section: str, errors: Mapping[str, str]) -> list[ShownOption]:
        """Return a section's options with their effective values, or with what was typed after an error."""
        registry = current_registry()
        effective = registry.state().options
        stored = {row.name: row for row in self.session().scalars(select(OptionValue))}
        return [
            ShownOption(
                key=key,
                option=option,
                text=request.form[key] if errors and key in request.form else option.format(effective[key].value),
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

    def _submit(self, section: str) -> dict[str, str]:
        """Store what differs, all or nothing; return what is wrong by option."""
        reset = request.form.get("reset", "")
        given = {reset: None} if reset else self._changed(section)
        errors = {key: error for key, text in given.items() if text is not None and (error := _error(key, text))}
        errors |= {} if reset else self._superseded(section, given)
        if errors:
            flash("Nothing was changed: check the marked options.", "error")
            return errors
        user = user_name()
        why = request.form.get("why", "").strip()
        try:
            self.do("set", lambda session: _store(session, given, user, why))
        except ErpError as error:
            flash(str(error), "error")
            return {"": str(error)}
        flash(f"{', '.join(given)} changed." if given else "Nothing was changed.", "success" if given else "info")
        return {}

    def _changed(self, section: str) -> dict[str, str | None]:
        shown = {each.key: each for each in self.shown(section, {}) if not each.is_locked}
        posted = {key: request.form[key].strip() for key in shown if key in request.form}
        return {key: text for key, text in posted.items() if text != _was(key, shown[key].text)}

    def _superseded(self, section: str, given: Mapping[str, str | None]) -> dict[str, str]:
        """Return an error for each option that somebody else has set since the form was opened."""
        now = {each.key: each.text for each in self.shown(section, {}) if each.key in given}
        return {
            key: f"It has been set to {now[key] or 'nothing'} since. Save again to set yours."
            for key, text in given.items()
            if now[key] not in (text, _was(key, now[key]))
        }

    def history(self, section: str) -> list[HistoryEntry]:
        """Return the last changes of a section's options."""
        mine = HistoryEntry.document_name.startswith(f"{section}.", autoescape=True)
        about = select(HistoryEntry).where(HistoryEntry.document == self.view_name, mine)
        return list(self.session().scalars(about.order_by(HistoryEntry.id.desc()).limit(HISTORY_SHOWN)))

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
            flash(f"{len(changed)} options changed{': ' if changed else ''}{', '.join(changed)}.", "success")
        except ErpError as error:
            flash(f"Nothing was changed. {error}", "error")
        return redirect(self.get_url(".index_view"))


def _posted_ini() -> str:
    file = request.files.get("file")
    try:
        return file.read().decode("utf-8-sig") if file is not None else ""
    except UnicodeDecodeError:
        raise OptionError("file", file.filename if file else "", "UTF-8 text is allowed") from None


def _was(key: str, now: str) -> str:
    """Return the value that the posted form had shown for an option."""
    return request.form.get(f"was.{key}", now)


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
        return f"{reason[:1].upper()}{reason[1:]}."
    return ""


def _store(session: Session, given: Mapping[str, str | None], user: str, why: str) -> None:
    table = current_registry().option_table
    with history.because(session, why):
        for key, text in given.items():
            if text is None:
                forget_option(session, table, key)
            else:
                store_option(session, table, key, text, user_name=user)
