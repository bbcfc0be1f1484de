"""Selects that screens build once: what decides them, and that they are forgotten when it changes."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from erp import clock
from erp.admin import kept_selects
from erp.admin.filters import DerivedFilter
from erp.db.prepared import _Statement
from erp.registry import current_registry
from tests.core.addresses import lists
from tests.support import inventory_lots, sales

LISTED = '<span class="count">{}</span>'


@pytest.fixture
def built(monkeypatch):
    """Return the texts and values of the selects that pages read from here on, by key, each built again."""
    seen = {}

    def read(session, kept, key, build):
        statement = _Statement(build(), session.get_bind().dialect)
        unnamed = re.sub(r"\d{6,}", "", statement.sql), sorted(map(str, statement.constants.values()))
        seen.setdefault(key, set()).add(str(unnamed))
        return reading(session, {}, key, build)

    reading = kept_selects.read_kept
    monkeypatch.setattr(kept_selects, "read_kept", read)
    return seen


def addresses(app):
    """Return every list, and every list by each of its words that no column holds."""
    for path, view in list(lists(app)):
        yield path
        for index, each in enumerate(view._filters or ()):
            for value in each.choices if isinstance(each, DerivedFilter) else ():
                yield f"{path}?flt0_{view.get_filter_arg(index, each)}={value}"


def test_neither_the_hour_nor_the_user_nor_the_language_decides_what_is_kept(app, sign_in, at, built):
    everything = list(addresses(app))
    for hour, language in (("00:30", "en"), ("22:30", "de")):
        at(f"2026-11-23T{hour}:00Z")
        browser = sign_in("Administrator")
        for address in everything:
            answer = browser.get(address, headers={"Accept-Language": language}, follow_redirects=True)
            assert answer.status_code == 200, address
    assert len(built) > 60
    assert {key: texts for key, texts in built.items() if len(texts) > 1} == {}


def test_what_is_kept_goes_with_the_day(client, session, at):
    product = inventory_lots.make_product(session)
    sales.make_order(session, [(product, 1)], requested_on=clock.today())
    session.commit()
    assert f"Late {LISTED.format(0)}".replace("count", "count zero", 1) in client.get("/sales/orders/").text
    at(f"{clock.today() + timedelta(days=1)}T12:00:00Z")
    assert f"Late {LISTED.format(1)}" in client.get("/sales/orders/").text


def test_no_more_is_kept_than_screens_need(app, client, monkeypatch):
    monkeypatch.setattr(kept_selects, "MOST_KEPT", 3)
    for direction in (0, 1):
        for state in ("packed", "allocated", "cancelled"):
            assert client.get(f"/sales/orders/?flt0_fulfilment_is={state}&desc={direction}").status_code == 200
    with app.app_context():
        assert len(current_registry().state().made_on(clock.today())) <= 3
