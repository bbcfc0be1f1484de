"""Refusals: a sentence for users, and facts for programs."""

from __future__ import annotations

import pytest

from erp.errors import BrokenModule, ErpError, MissingDependency, ModuleOff, SignInRefused, UnknownOption


@pytest.mark.parametrize(
    ("refusal", "facts"),
    [
        (BrokenModule("tea", "no cup"), {"name": "tea", "error": "no cup"}),
        (ModuleOff(thing="A job", module="tea"), {"thing": "A job", "module": "tea"}),
        (MissingDependency("tea", {"water", "cup"}), {"name": "tea", "missing": ["cup", "water"], "wanted": "found"}),
        (SignInRefused("Not now.", throttled=True), {"throttled": True}),
        (UnknownOption("tea.secret"), {"option": "tea.secret"}),
        (ErpError("No."), {}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_refusal_is_made_with_are_its_facts(refusal, facts):
    assert refusal.facts == facts


def test_a_refusal_reads_as_its_sentence():
    assert str(ModuleOff("A job", "tea")) == "A job belongs to module tea, which is off."


def test_a_refusal_is_not_made_with_anything_else():
    with pytest.raises(TypeError):
        BrokenModule("tea", error="no cup", cup="none")
