"""Addresses of the application, each made ready to be written when a page first links to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
    known: dict[tuple[str, ...], str] = g.setdefault("erp_addresses", {})
    key = endpoint, name, *ids
    if key not in known:
        known[key] = _pattern(endpoint, name, ids)
    return known[key] % ids


def _pattern(endpoint: str, name: str, parts: Iterable[str]) -> str:
    holders = {part: _NO_ID + place for place, part in enumerate(parts)}
    given: dict[str, Any] = {**holders, "name": name} if name else {**holders}
    address = url_for(endpoint, **given).replace("%", "%%")
    for part, holder in holders.items():
        address = address.replace(str(holder), f"%({part})d")
    return address
