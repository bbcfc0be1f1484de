"""What people read: every text is in the catalogues, in every language, and each page is in the language asked for."""

from __future__ import annotations

import ast
import re
from html.parser import HTMLParser
from string import Formatter

import pytest
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from flask import g
from jinja2 import Environment

from erp import languages, security, sessions
from erp.catalogues import collected
from erp.db import db
from erp.languages import SCRIPTS
from erp.languages.extraction import texts_of_template
from erp.languages.templates import MessagesInTemplates, message_in_page
from erp.text import capital, joined, plural, say, without_stop
from tests.core.addresses import entry_points
from tests.support.marked_texts import GERMAN, WORD, Marked, compiled_texts, data_words, kept_as_plain_texts, left_over

READ = ("title", "placeholder", "alt", "aria-label", "data-confirm", "data-title", "data-yes", "data-no", "data-label")
ALONE = ("script", "style", "code", "pre", "kbd", "textarea")
EMPTY = ("area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr", "rect", "circle", "path")
# Folders whose sentences nobody reads on a page: commands, backups and the tables' own history.
ENGLISH_ALONE = {"cli", "backup", "migrations", "revisions", "skeleton"}
# What WTForms says is in its own catalogues.
OF_WTFORMS = {"Dieses Feld wird benötigt."}
# Actions that would switch off what is pressed next, or sign the user out.
NOT_PRESSED = ("/settings/modules/", "/settings/users/", "/logout")
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


@pytest.fixture(scope="module")
def catalogues():
    """The German catalogues by name."""
    homes = [languages.FOLDER, *(languages.FOLDER.parents[1] / "modules").glob("*/translations")]
    found = {}
    for home in homes:
        with (home / "de/LC_MESSAGES/messages.po").open("rb") as file:
            found[home] = read_po(file)
    return found


def outside(path, answer):
    """Return each word of a page that is outside of the brackets, with its text and the page."""
    if answer.status_code in (302, 303) or answer.mimetype != "text/html":
        return set()
    return {(word, text, path) for text in Page(answer.text).texts for word in WORD.findall(left_over(text))}


@pytest.fixture
def reading(app, sign_in, monkeypatch):
    """Return a function that opens an address in the marked language: its words that are neither marked nor data."""
    monkeypatch.setattr(languages, "get_translations", lambda: Marked(compiled_texts()))
    browser = sign_in("Administrator")

    def read(path, **sent):
        answer = browser.post(path, headers=GERMAN, **sent) if sent else browser.get(path, headers=GERMAN)
        while answer.status_code in (302, 303):
            answer = browser.get(answer.location, headers=GERMAN)
        if answer.mimetype != "text/html" or answer.status_code in (403, 404):
            return []
        texts = [each for each in Page(answer.text).texts if each not in OF_WTFORMS]
        words = {(word, text) for text in texts for word in WORD.findall(left_over(text))}
        data = data_words(app) if words else ()
        return [f"{word} in {text!r} of {path} {sent}" for word, text in sorted(words) if word not in data]

    return read


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_no_text_on_a_screen_is_outside_the_catalogues(app, reading):
    paths = {each.path for each in entry_points(app) if each.method == "GET"} - NO_PAGES
    wrong = [
        word for path in sorted({*paths, "/", "/language", "/password", "/second-factor"}) for word in reading(path)
    ]
    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_no_answer_to_an_action_is_outside_the_catalogues(app, reading):
    points = [each for each in entry_points(app) if each.method == "POST" and not each.path.startswith(NOT_PRESSED)]
    wrong = [word for each in points for word in reading(each.path, data=each.form)]
    assert len(points) > 100
    assert wrong == [], "\n".join(wrong)
    assert kept_as_plain_texts() == {("erp_job_run.error", "No.")}, "but for a job of the tests"


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_the_german_catalogues_have_each_text_of_the_program_and_no_other(app, catalogues):
    wanted = collected(app)
    core, modules = set(wanted[""].found), {name: set(texts.found) for name, texts in wanted.items() if name}
    for home, catalogue in catalogues.items():
        name = "" if home == languages.FOLDER else home.parent.name
        assert {each.id for each in catalogue if each.id} == (modules[name] - core if name else core), (
            "make translations collects the texts"
        )


# A script's text for people begins like a sentence, or stands between two tags; what is not said by `erpText` is left.
SAID = re.compile(r"""erpText\("[^"]*"|//.*""")
QUOTED = re.compile(r"""(?<!\w)(["'`])((?:(?!\1)[^\\\n]|\\.)*)\1""")
READS = re.compile(r"\s?[A-Z][a-z]+[ .:!?]|.*>[^<>$]*[a-z]{2}[^<>]*<")


def test_a_script_says_nothing_that_the_catalogues_do_not_have():
    left = {
        (path.name, text)
        for path in SCRIPTS.glob("*.js")
        for _, text in QUOTED.findall(SAID.sub("", path.read_text(encoding="utf-8")))
        if READS.match(text)
    }
    assert left == {("keyboard.js", "Ctrl K"), ("keyboard.js", "Ctrl S"), ("keyboard.js", "Shift Tab")}, (
        "only names of keys, whose words are said each"
    )


def test_a_text_has_one_translation_wherever_it_stands(catalogues):
    found = {}
    for catalogue in catalogues.values():
        for message in catalogue:
            if message.id:
                found.setdefault(str(message.id), set()).add(str(message.string))
    assert {text: translations for text, translations in found.items() if len(translations) > 1} == {}


def plain_words(node, assigned, seen=()):
    """Return the English words that an expression gives to a sentence without being a text of the catalogues."""
    if isinstance(node, ast.Constant):
        return WORD.findall(node.value) if isinstance(node.value, str) else []
    if isinstance(node, ast.JoinedStr):
        plain = " ".join(each.value for each in node.values if isinstance(each, ast.Constant))
        return WORD.findall(re.sub(r"\w+[._]", "", plain))  # the name of an option is data
    if isinstance(node, ast.IfExp):
        return plain_words(node.body, assigned, seen) + plain_words(node.orelse, assigned, seen)
    if isinstance(node, ast.BoolOp):
        return [word for each in node.values for word in plain_words(each, assigned, seen)]
    if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "join":
        # A text is not a translatable one any more when it has been joined to others as a plain one.
        parts = [each.func.id for each in ast.walk(node) if isinstance(each, ast.Call) and hasattr(each.func, "id")]
        return [part for part in parts if part in ("say", "plural", "word", "named")]
    if isinstance(node, ast.Name) and node.id not in seen:
        found = assigned.get(node.id, ())
        return [word for each in found for word in plain_words(each, assigned, (*seen, node.id))]
    return []


def assignments(function):
    found = {}
    for node in ast.walk(function):
        for target in node.targets if isinstance(node, ast.Assign) else ():
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = zip(target.elts, node.value.elts, strict=True)
            for name, value in pairs:
                found.setdefault(getattr(name, "id", ""), []).append(value)
    return found


def test_no_sentence_has_a_fact_of_words_that_stay_english():
    wrong = []
    for home in (languages.FOLDER.parent, languages.FOLDER.parents[1] / "modules"):
        for path in sorted(each for each in home.rglob("*.py") if not ENGLISH_ALONE & set(each.parts)):
            functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
            for function in functions:
                assigned = assignments(function)
                calls = (node for node in ast.walk(function) if isinstance(node, ast.Call))
                facts = [fact for call in calls if getattr(call.func, "id", "") == "say" for fact in call.keywords]
                wrong += [
                    f"{path.name}, {function.name}: {fact.arg} is {words}"
                    for fact in facts
                    if (words := plain_words(fact.value, assigned))
                ]
    assert wrong == [], "\n".join(wrong)


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
def test_what_says_nothing_says_nothing_in_another_language(app):
    with app.test_request_context(headers=GERMAN):
        assert joined(()).translated() == say("").translated() == ""


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
