"""What tests of preorder listen to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from erp.registry import Owned
from modules.preorder.events import LinkMade, LinkRemoved
from modules.procurement.events import LineStatusChanged
from modules.sales.events import PromiseDateChanged

FACTS = (LinkMade, LinkRemoved, LineStatusChanged, PromiseDateChanged)


@pytest.fixture
def heard(app: Flask) -> Iterator[list[Any]]:
    """Every fact about links, statuses and promises, in the order in which it was announced."""
    registry, notes = app.extensions["erp"], []
    ears = {fact: Owned("preorder", lambda session, heard_fact: notes.append(heard_fact)) for fact in FACTS}
    for fact, ear in ears.items():
        registry.subscribers[fact].append(ear)
    yield notes
    for fact, ear in ears.items():
        registry.subscribers[fact].remove(ear)


@pytest.fixture
def auto(set_option: Any) -> None:
    """Automatic allocation is on."""
    set_option("preorder.auto_allocate", "yes")


@pytest.fixture
def partial(set_option: Any, auto: None) -> None:
    """Automatic allocation is on and links what there is."""
    set_option("preorder.insufficient_supply", "partial")
