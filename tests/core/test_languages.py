"""What people read: every text is in the catalogues, in every language, and each page is in the language asked for."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from string import Formatter

import pytest
from babel import Locale
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from flask import g
from jinja2 import Environment
from sqlalchemy import Enum, select

from erp import languages, security, sessions
from erp.catalogues import collected
from erp.db import Model, db
from erp.languages.extraction import texts_of_template
from erp.languages.templates import MessagesInTemplates, message_in_page
from erp.text import capital, joined, plural, say, without_stop
from tests.core.addresses import entry_points

GERMAN = {"Accept-Language": "de-AT, en;q=0.5"}
READ = ("title", "placeholder", "alt", "aria-label", "data-confirm", "data-title", "data-yes", "data-no", "data-label")
ALONE = ("script", "style", "code", "pre", "kbd", "textarea")
EMPTY = ("area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr", "rect", "circle", "path")
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
# A queue whose rows lead to other documents: nobody gets to a page of its own.
NO_PAGES = {"/preorder/arrived/1/"}


class Page(HTMLParser):
    """The texts of a page that people read."""

    def __init__(self, text):
        super().__init__()
        self.texts, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        is_alone = tag in ALONE or given.get("translate") == "no" or "key" in (given.get("class") or "").split()
        self.texts += [given[name] for name in READ if given.get(name)] if not is_alone else []
        if tag not in EMPTY:
            self.open.append((tag, is_alone))

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if data.strip() and not any(is_alone for _, is_alone in self.open):
            self.texts.append(data.strip())


class Marked:
    """The catalogues of a language in which each text is the English one between brackets."""

    def __init__(self, texts):
        self.known = texts

    def ugettext(self, message):
        return f"⟦{message}⟧" if message in self.known else message

    def ungettext(self, one, many, number):
        return f"⟦{one if number == 1 else many}⟧" if (one, many) in self.known else one


def left_over(text):
    """Return what of a text is outside of the brackets; a reference inside a text parts it in two."""
    shorter = re.sub(r"⟦[^⟦⟧]*⟧", " ", text)
    return re.sub(r"^[^⟦]*⟧|⟦[^⟧]*$", " ", text) if shorter == text else left_over(shorter)


def data_words(app):
    """Return the words that users put into the tables, and names that are the same in every language."""
    registry, months = app.extensions["erp"], Locale.parse("de").months["format"]
    names = [*registry.modules, *registry.jobs, *LIKE_EVERYWHERE, *months["abbreviated"].values()]
    for table in Model.metadata.sorted_tables:
        columns = [each for each in table.c if not isinstance(each.type, Enum)]
        names += [value for row in db.session.execute(select(*columns)) for value in row if isinstance(value, str)]
    return {word for name in names for word in WORD.findall(name)}


@pytest.fixture(scope="module")
def catalogues():
    """The German catalogues by name."""
    homes = [languages.FOLDER, *(languages.FOLDER.parents[1] / "modules").glob("*/translations")]
    found = {}
    for home in homes:
        with (home / "de/LC_MESSAGES/messages.po").open("rb") as file:
            found[home] = read_po(file)
    return found


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_no_text_on_a_screen_is_outside_the_catalogues(app, sign_in, monkeypatch):
    known = {text for texts in collected(app).values() for text in texts.found}
    monkeypatch.setattr(languages, "get_translations", lambda: Marked(known))
    browser, found = sign_in("Administrator"), set()
    paths = {each.path for each in entry_points(app) if each.method == "GET"} - NO_PAGES
    for path in sorted({*paths, "/", "/language", "/password", "/second-factor"}):
        answer = browser.get(path, headers=GERMAN)
        if answer.status_code == 200 and answer.mimetype == "text/html":
            for text in Page(answer.text).texts:
                found |= {(word, text, path) for word in WORD.findall(left_over(text))}
    data = data_words(app)
    missing = [each for each in sorted(found) if each[0] not in data]
    assert missing == [], "\n".join(map(str, missing))


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_the_german_catalogues_have_each_text_of_the_program_and_no_other(app, catalogues):
    wanted = collected(app)
    core, modules = set(wanted[""].found), {name: set(texts.found) for name, texts in wanted.items() if name}
    for home, catalogue in catalogues.items():
        name = "" if home == languages.FOLDER else home.parent.name
        assert {each.id for each in catalogue if each.id} == (modules[name] - core if name else core), (
            "make translations collects the texts"
        )


def placeholders(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None} if "{%" not in text else set()


def test_every_text_is_translated_and_has_no_fact_that_the_program_does_not_give(catalogues):
    for catalogue in catalogues.values():
        for message in catalogue:
            if message.id:
                ids = message.id if isinstance(message.id, tuple) else (message.id,)
                strings = message.string if isinstance(message.string, tuple) else (message.string,)
                assert all(strings), message.id
                assert len(strings) == len(ids), message.id
                given = set().union(*map(placeholders, ids))
                assert all(placeholders(each) <= given for each in strings), message.id


def texts_of(catalogue):
    def whole(text):
        return tuple(text) if isinstance(text, list) else text

    return {whole(each.id): whole(each.string) for each in catalogue if each.id}


def test_the_files_that_the_program_reads_are_made_from_the_catalogues(catalogues):
    for home, catalogue in catalogues.items():
        with (home / "de/LC_MESSAGES/messages.mo").open("rb") as file:
            compiled = read_mo(file)
        assert texts_of(compiled) == texts_of(catalogue)


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
@pytest.mark.option("erp.locale", "", "de_AT")
def test_a_page_is_in_the_language_of_the_user_else_of_the_browser_else_of_the_company(app, sign_in, set_option):
    browser = sign_in("Administrator")

    def title(**headers):
        return re.search("<h1>(.*?)</h1>", browser.get("/sales/orders/", headers=headers).text)[1]

    assert title() == "Sales orders"
    assert title(**GERMAN) == "Kundenaufträge"
    set_option("erp.locale", "de_AT")
    assert title() == "Kundenaufträge"
    assert title(**{"Accept-Language": "en"}) == "Sales orders"
    assert browser.post("/language", data={"language": "de"}).status_code == 302
    assert title(**{"Accept-Language": "en"}) == "Kundenaufträge"
    assert browser.post("/language", data={"language": ""}).status_code == 302
    assert title(**{"Accept-Language": "en"}) == "Sales orders"
    assert browser.post("/language", data={"language": "xx"}).status_code == 400


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_a_page_of_a_failure_is_in_the_language_of_the_user_who_is_not_read_again(app, session, count_statements):
    admin = security.find_user(session, "admin")
    admin.language = "de"
    token = sessions.start(session, admin, place="127.0.0.1", device="Firefox").session_token
    session.commit()
    with app.test_request_context():
        g._login_user = security.load_user(token)
        db.session.rollback()
        with count_statements() as statements:
            assert languages.language() == "de"
        assert statements == []


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_a_refusal_is_english_for_programs_and_in_the_readers_language_on_a_page(app):
    refusal = say("Line {position}: {reason}", position=2, reason=ValueError(say("is empty")))
    both = joined((plural(1200, "line"), capital(say("is empty")), without_stop(say("Done."))), "; ")
    assert (refusal, both) == ("Line 2: is empty", "1,200 lines; Is empty; Done")
    with app.test_request_context(headers=GERMAN):
        assert refusal.__html__() == "Line 2: ist leer"
        assert both.translated() == "1.200 Positionen; Ist leer; Erledigt"
        assert str(refusal) == f"{refusal}" == "Line 2: is empty"


def test_what_stands_between_two_tags_is_one_text_of_a_template():
    source = """<p title="Sort by {{ head.label }}">Delete {{ view.name }}?
  {%- if x %} Now{% endif %} <code>left alone</code> <b translate="no">too</b></p>
  {{ _('Later') if y else name }} · End"""
    assert texts_of_template(source) == ["Sort by {label}", "Delete {name}?", "Now", "Later", "End"]
    page = Environment(extensions=[MessagesInTemplates], autoescape=True).from_string(
        "<p>{{ n }} of <i>{{ name }} & Co</i>"
    )
    page.globals["_"] = message_in_page
    assert page.render(n=2, name="<A>") == "<p>2 of <i>&lt;A&gt; &amp; Co</i>"
