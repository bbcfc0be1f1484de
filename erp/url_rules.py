"""Addresses of the application, each made ready to be written when a page first links to it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from flask import g, url_for
from typing_extensions import override
from werkzeug.routing import Rule


class UrlRule(Rule):
    """The pattern of an address.

    Werkzeug compiles two functions for each pattern that write its addresses. A site of four hundred patterns begins to
    answer a tenth of a second sooner without them, and a page needs a few dozen.
    """

    @override
    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled = cache(partial(super()._compile_builder, append_unknown))

        def write(rule: Rule, **values: Any) -> tuple[str, str]:
            return compiled()(rule, **values)

        return write


# They stand for ids in an address until these are known.
_NO_ID = 10**15


def address_of(endpoint: str, /, *, name: str = "", **ids: int) -> str:
    """Return the address of an endpoint with these ids, and the `name` where it has one, as `url_for` does.

    A page links to thousands of rows: the address is built once for each endpoint and name, and then only filled in.
    """
    known = g.setdefault("erp_addresses", {})
    key = endpoint, name, *ids
    if key not in known:
        given: dict[str, Any] = {part: _NO_ID + place for place, part in enumerate(ids)}
        if name:
            given["name"] = name
        known[key] = url_for(endpoint, **given)
    address: str = known[key]
    for place, id_ in enumerate(ids.values()):
        address = address.replace(str(_NO_ID + place), str(id_))
    return address
