"""A language whose texts are the English ones between brackets: what stands outside of them is in no catalogue."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from babel import Locale
from babel.messages.mofile import read_mo
from sqlalchemy import Enum, select

from erp import languages
from erp.db import db
from erp.text import translated
from tests.support.tables import tables_of

GERMAN = {"Accept-Language": "de-AT, en;q=0.5"}
WORD = re.compile(r"[^\W\d_]{2,}")
# Names, the words of headers and of formats, and a word that the rows of the test have: the same in every language.
LIKE_EVERYWHERE = (
    "erp test localhost",
    "SKU ATP ini",
    "shopify woocommerce odoo erpnext",
    "My Company",
    "Made",
    "Pygal",
)


class Marked:
    """The catalogues of a language in which each text is the English one between brackets."""

    def __init__(self, texts):
        self.known = texts

    def ugettext(self, message):
        return f"⟦{message}⟧" if message in self.known else message

    def ungettext(self, one, many, number):
        return f"⟦{one if number == 1 else many}⟧" if (one, many) in self.known else one


@cache
def compiled_texts():
    """Return the texts that the compiled German catalogues have."""
    homes = [languages.FOLDER, *(languages.FOLDER.parents[1] / "modules").glob("*/translations")]
    return frozenset(text for home in homes for text in _texts_of(home / "de/LC_MESSAGES/messages.mo"))


def _texts_of(path: Path):
    with path.open("rb") as file:
        return [tuple(each.id) if isinstance(each.id, list) else each.id for each in read_mo(file)]


def left_over(text):
    """Return what of a text is outside of the brackets; a reference inside a text parts it in two."""
    shorter = re.sub(r"⟦[^⟦⟧]*⟧", " ", text)
    return re.sub(r"^[^⟦]*⟧|⟦[^⟧]*$", " ", text) if shorter == text else left_over(shorter)


def data_words(app):
    """Return the words that users put into the tables, and names that are the same in every language."""
    registry, months = app.extensions["erp"], Locale.parse("de").months["format"]
    names = [*registry.modules, *registry.jobs, *LIKE_EVERYWHERE, *months["abbreviated"].values()]
    db.session.rollback()  # what others have stored meanwhile counts, too
    for table in tables_of(db.engine):
        columns = [each for each in table.c if not isinstance(each.type, Enum)]
        names += [value for row in db.session.execute(select(*columns)) for value in row if isinstance(value, str)]
    return {word for name in names for word in WORD.findall(name)}


def words_outside(app, monkeypatch, sentences):
    """Return the words of sentences that are neither in the catalogues nor data."""
    monkeypatch.setattr(languages, "get_translations", lambda: Marked(compiled_texts()))
    with app.test_request_context(headers=GERMAN):
        shown = [translated(each) for each in sentences]
    return {word for each in shown for word in WORD.findall(left_over(each))} - data_words(app)
