"""The language of the reader of a page: their own choice, else what their browser asks for, else the company's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton
from babel.numbers import format_decimal
from flask import Flask, g, has_request_context, request
from flask_babel import Babel, get_translations, refresh
from wtforms.meta import DefaultMeta

from erp import text
from erp.languages.compiled import CompiledTemplates
from erp.languages.scripts import translations
from erp.languages.templates import MessagesInTemplates, message_in_page
from erp.options import options

ENGLISH = "en"
# The languages that are complete, each by its own name.
LANGUAGES = {ENGLISH: "English", "de": "Deutsch"}
FOLDER = Path(__file__).parents[1] / "translations"
SCRIPTS = FOLDER.with_name("static")


class PageReader:
    """The reader of the page that this request asks for."""

    def __init__(self, locale: str) -> None:
        self.locale = locale
        self.catalogue = get_translations()

    def gettext(self, message: str) -> str:
        """Return a message in their language."""
        # The catalogues keep what they say of themselves under the empty message.
        return str(self.catalogue.ugettext(message)) if message else ""

    def ngettext(self, one: str, many: str, number: int) -> str:
        """Return the one of two messages that goes with a number, in their language."""
        return str(self.catalogue.ungettext(one, many, number))

    def number(self, value: Any) -> str:
        """Return a number with separators of thousands."""
        return format_decimal(value, locale=self.locale)

    def exact(self, plain: str) -> str:
        """Return a plain number with all its decimals and with separators."""
        return format_decimal(Decimal(plain), locale=self.locale, decimal_quantization=False)

    def day(self, value: date) -> str:
        """Return a calendar date such as 07.03.2026."""
        return format_date(value, "medium", locale=self.locale)

    def short_day(self, value: date) -> str:
        """Return a calendar date without its year."""
        return format_skeleton("MMMd", value, locale=self.locale)

    def instant(self, value: datetime) -> str:
        """Return a local time to the minute."""
        day = Locale.parse(self.locale).date_formats["medium"].pattern
        return format_datetime(value, f"{day} HH:mm", locale=self.locale)


def init_app(app: Flask, module_folders: Iterable[Path]) -> None:
    """Translate pages with the catalogues of the core and of the modules, wherever these are."""
    folders = [FOLDER, *module_folders]
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = ";".join(map(str, folders))
    Babel(app, configure_jinja=False, locale_selector=language)
    # What WTForms says itself, such as that a field is required, is in its own catalogues.
    DefaultMeta.locales = property(lambda _meta: [language() if has_request_context() else ENGLISH])
    app.jinja_env.add_extension(MessagesInTemplates)
    app.jinja_env.bytecode_cache = CompiledTemplates(Path(app.instance_path) / "compiled_templates")
    app.jinja_env.globals.update(
        _=message_in_page,
        plural=text.plural,
        verb=text.verb,
        first_line=text.first_line,
        translated=text.translated,
        language=language,
    )
    app.jinja_env.globals["texts_of_scripts"] = lambda: translations(SCRIPTS)
    app.jinja_env.finalize = _as_text
    text.translate_for(reader)


def _as_text(value: Any) -> Any:
    """Return what an object is as text, which may be translatable; texts and Markup are so already."""
    return value if isinstance(value, str) else str(value)


_NOT_ASKED = "not asked yet"


def reader() -> PageReader | None:
    """Return the reader of this request, None where they read English or nobody asks."""
    if not has_request_context():
        return None
    found: PageReader | str | None = g.get("erp_reader", _NOT_ASKED)
    if isinstance(found, str):
        found = g.erp_reader = None if language() == ENGLISH else PageReader(locale())
    return found


def language() -> str:
    """Return the code of the language of this request."""
    # A page of a failure does not read the options: the database may be what failed.
    return _asked() or ("erp_state" in g and _shipped(str(options.erp.locale))) or ENGLISH


def locale() -> str:
    """Return whose numbers and dates this request shows: the company's, where it has the reader's language."""
    # Each number of a page asks: the proxy is looked through once. The options may be read again in the same request.
    here = g._get_current_object()
    state, name = here.get("erp_locale", (None, ""))
    if state is None or state is not here.get("erp_state"):
        name = _locale()
        here.erp_locale = here.get("erp_state"), name
    return str(name)


def _locale() -> str:
    company, asked = str(options.erp.locale), _asked() if has_request_context() else ""
    if not asked or company.partition("_")[0] == asked:
        return company
    return asked if company or asked != ENGLISH else ""


def forget() -> None:
    """Find out again who reads, after the user has chosen another language."""
    for name in ("erp_language", "erp_reader", "erp_locale"):
        g.pop(name, None)
    refresh()


def _asked() -> str:
    """Return the language that the user chose or the browser asks for, empty where neither says."""
    # The user is not read again: where a page is of a failure, the database may be what failed.
    known: str | None = g.get("erp_language")
    if known is None:
        user = vars(g.get("_login_user", None) or object)
        known = _shipped(user.get("language", g.get("erp_user_language", ""))) or _of_browser()
        g.erp_language = known
    return known


def _of_browser() -> str:
    return next((found for name in request.accept_languages.values() if (found := _shipped(name))), "")


def _shipped(name: str) -> str:
    found = re.split("[-_]", name)[0].lower()
    return found if found in LANGUAGES else ""
