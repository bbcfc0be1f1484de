"""Refusals in the language of the reader: every class of them, and every text that it is given."""

from __future__ import annotations

import pytest

from erp import languages
from erp.text import translated
from tests.support.marked_texts import GERMAN, LIKE_EVERYWHERE, WORD, Marked, compiled_texts, left_over
from tests.support.refusals import OF_AUTHORS, has_no_sentence, made, plain_messages, raised_with, refusals


@pytest.fixture
def outside(app, monkeypatch):
    """Return a function that gives the words of a refusal that are in no catalogue."""
    monkeypatch.setattr(languages, "get_translations", lambda: Marked(compiled_texts()))
    names = {word for each in LIKE_EVERYWHERE for word in WORD.findall(each)}

    def words(refusal):
        return set(WORD.findall(left_over(translated(refusal)))) - names

    with app.test_request_context(headers=GERMAN):
        yield words


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_no_refusal_has_a_word_outside_the_catalogues(outside):
    kinds = [each for each in refusals() if not has_no_sentence(each)]
    assert len(kinds) > 190
    wrong = {f"{kind.__name__}: {each} ({words})" for kind in kinds for each in made(kind) if (words := outside(each))}
    assert wrong == set(), "\n".join(sorted(wrong))


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_no_refusal_is_given_a_word_outside_the_catalogues(outside):
    kinds = {each.__name__: each for each in refusals() if each.__name__ not in OF_AUTHORS}
    given = list(raised_with(kinds))
    wrong = {
        f"{place}: {name} of {kind.__name__} is {text!r} ({words})"
        for place, kind, name, text in given
        for refusal in made(kind, **{name: text})
        if (words := outside(refusal))
    }
    assert len(given) > 50
    assert wrong == set(), "\n".join(sorted(wrong))


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_no_field_of_a_form_or_of_a_file_is_refused_with_a_text_outside_the_catalogues(outside):
    messages = list(plain_messages())
    wrong = {f"{place}: {text!r} ({words})" for place, text in messages if (words := outside(text))}
    assert len(messages) > 10
    assert wrong == set(), "\n".join(sorted(wrong))
