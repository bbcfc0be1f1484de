"""The actions of a document's lines: each is rendered once for a page, and then only its address differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from markupsafe import Markup, escape

from erp.admin.declarations import Action

# They stand for the line's address and version until these are known; no text contains a private character.
_ADDRESS, _VERSION = "\ue000address", "\ue000version"


class LineMenu:
    """Renders the actions of one line after the other, with `button`, the template's macro for an action.

    The macro takes an action, its address, its class and the version of the page.
    """

    def __init__(
        self,
        button: Callable[[Action, str, str, str], str],
        address: Callable[[str, Any], str],
        version: Callable[[Action, Any], str],
    ) -> None:
        self._button, self._address, self._version = button, address, version
        self._made: dict[str, str] = {}
        self._addresses: dict[str, tuple[str, str]] = {}

    def __call__(self, line: Any, actions: Sequence[Action]) -> Markup:
        """Return the entries of a line's menu."""
        return Markup("".join([self._entry(line, action) for action in actions]))

    def _entry(self, line: Any, action: Action) -> str:
        entry = self._made.get(action.name)
        if entry is None:
            entry = str(self._button(action, _ADDRESS, "dropdown-item", _VERSION if action.run else ""))
            before, place, after = self._address(action.name, line).rpartition(f"/lines/{line.id}/")
            if not place:
                return str(self._button(action, before + after, "dropdown-item", self._version(action, line)))
            self._made[action.name] = entry
            self._addresses[action.name] = (str(escape(f"{before}/lines/")), str(escape(f"/{after}")))
        before, after = self._addresses[action.name]
        entry = entry.replace(_ADDRESS, f"{before}{line.id}{after}")
        return entry.replace(_VERSION, str(escape(self._version(action, line)))) if action.run else entry
