"""Addresses are written as Flask writes them, and what writes them is made when it is needed."""

from __future__ import annotations

import pytest
from flask import Flask, url_for
from werkzeug.routing import Rule

from erp.url_rules import UrlRule, address_of

ASKED = [
    ("order", {"id": 5}),
    ("order", {"id": 5, "page": [1, 2], "q": "ä b"}),
    ("orders", {}),
    ("orders", {"page": 2}),
    ("orders", {"page": 1}),
    ("file", {"path": "a b/c.csv", "_anchor": "top"}),
]


def site(kind):
    made = Flask("site", static_folder=None)
    made.url_rule_class = kind
    made.add_url_rule("/orders/<int:id>/", "order", lambda id: url_for("order", id=id))
    made.add_url_rule("/orders/", "orders", lambda page: str(page), defaults={"page": 1})
    made.add_url_rule("/orders/page/<int:page>", "orders")
    made.add_url_rule("/files/<path:path>", "file", lambda path: path)
    return made


def address(kind, name, values):
    with site(kind).test_request_context():
        return url_for(name, **values)


@pytest.mark.parametrize(("name", "values"), ASKED, ids=str)
def test_an_address_is_written_as_flask_writes_it(name, values):
    assert address(UrlRule, name, values) == address(Rule, name, values)


def test_only_what_writes_the_addresses_of_a_page_is_compiled(monkeypatch):
    compiled = []
    compile_builder = Rule._compile_builder

    def note(rule, append_unknown=True):
        compiled.append((rule.rule, append_unknown))
        return compile_builder(rule, append_unknown)

    monkeypatch.setattr(Rule, "_compile_builder", note)
    made = site(UrlRule)
    assert compiled == []
    assert [made.test_client().get("/orders/7/").text for _ in range(2)] == ["/orders/7/"] * 2
    assert compiled == [("/orders/<int:id>/", True)]


def test_the_addresses_of_a_page_are_built_once_and_filled_with_ids():
    made = site(UrlRule)
    made.add_url_rule("/orders/<int:id>/lines/<int:line_id>/<name>/", "line", lambda **_: "")
    built = []
    made.inject_url_defaults = lambda endpoint, values: built.append(endpoint)
    with made.test_request_context("/", base_url="https://erp.example/below"):
        for id_, line_id, name in [(1, 2, "why"), (21, 12, "why"), (1, 2, "a b")]:
            found = address_of("line", name=name, id=id_, line_id=line_id)
            assert found == f"/below/orders/{id_}/lines/{line_id}/{name.replace(' ', '%20')}/"
    assert built == ["line", "line"]
