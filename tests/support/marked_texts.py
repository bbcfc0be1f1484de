"""A language whose texts are the English ones between brackets: what stands outside of them is in no catalogue."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from babel import Locale
from babel.messages.mofile import read_mo
from sqlalchemy import Enum, select

from erp import languages
from erp.db import Sentence, db
from erp.text import Translatable, translated
from tests.support.tables import tables_of

GERMAN = {"Accept-Language": "de-AT, en;q=0.5"}
WORD = re.compile(r"[^\W\d_]{2,}")
# Names, the words of headers, of formats and of options' values, and a word that the rows of the test have: the same
# in every language.
LIKE_EVERYWHERE = (
    "erp test localhost",
    "SKU ATP ini days",
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
        return _between_brackets(message) if message in self.known else message

    def ungettext(self, one, many, number):
        return _between_brackets(one if number == 1 else many) if (one, many) in self.known else one


def _between_brackets(message):
    """Return a message with brackets around each piece of its own: what a fact puts in stays outside of them."""
    return re.sub(r"[^{}]+(?![^{}]*\})", lambda piece: f"⟦{piece[0]}⟧", message)


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
    kinds = (*registry.imports, *registry.exports)
    names = [*registry.modules, *registry.jobs, *kinds, *LIKE_EVERYWHERE, *months["abbreviated"].values()]
    db.session.rollback()  # what others have stored meanwhile counts, too
    for table in tables_of(db.engine):
        columns = [each for each in table.c if not isinstance(each.type, Enum)]
        values = [value for row in db.session.execute(select(*columns)) for value in row]
        names += [value for value in values if isinstance(value, str) and not isinstance(value, Translatable)]
    return {word for name in names for word in WORD.findall(name)}


def kept_as_plain_texts():
    """Return what the program wrote into columns of sentences that no page can translate, without traces of errors."""
    db.session.rollback()
    tables = [table for table in tables_of(db.engine) if table.name != "erp_history_entry"]  # users type why
    columns = [column for table in tables for column in table.c if isinstance(column.type, Sentence)]
    found = {
        (str(column), each) for column in columns for each in db.session.scalars(select(column).where(column != ""))
    }
    return {(column, each) for column, each in found if not isinstance(each, Translatable) and "Traceback" not in each}


def words_outside(app, monkeypatch, sentences):
    """Return the words of sentences that are neither in the catalogues nor data."""
    monkeypatch.setattr(languages, "get_translations", lambda: Marked(compiled_texts()))
    with app.test_request_context(headers=GERMAN):
        shown = [translated(each) for each in sentences]
    return {word for each in shown for word in WORD.findall(left_over(each))} - data_words(app)
