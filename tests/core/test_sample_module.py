"""The sample uses everything that a module can declare and register."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from erp import discovery
from erp.options import Option, types
from erp.registry import Core

TESTS = Path(__file__).parents[1]


class Notes:
    """A `Core` that notes what it is asked for."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        return lambda *args, **kwargs: self.calls.append((name, inspect.signature(getattr(Core, name)), args, kwargs))


@pytest.fixture(scope="module")
def sample():
    found = discovery.find(folders=[TESTS])
    assert found.broken == {}
    return found.manifests["sample_module"]


@pytest.fixture(scope="module")
def calls(sample):
    notes = Notes()
    sample.setup(notes)
    return notes.calls


def test_the_sample_uses_every_extension_point_once(calls):
    points = {name for name in vars(Core) if not name.startswith("_")}
    used = [name for name, *_ in calls]
    assert set(used) == points
    assert {name for name in used if used.count(name) > 1} == {"extend_view"}  # a document's screen, and another


def test_the_sample_gives_every_argument_that_there_is(calls):
    known, given = set(), set()
    for name, signature, args, kwargs in calls:
        known |= {(name, parameter) for parameter in list(signature.parameters)[1:]}
        given |= {(name, parameter) for parameter in list(signature.bind(None, *args, **kwargs).arguments)[1:]}
    assert known - given == set()


def test_the_sample_has_an_option_of_every_type(sample):
    kinds = {kind for kind in vars(types).values() if inspect.isclass(kind) and issubclass(kind, Option)}
    assert {type(option) for option in sample.options} == kinds - {Option}


def test_the_sample_says_everything_that_a_manifest_can_say(sample):
    assert [name for name, value in vars(sample).items() if not value] == []
