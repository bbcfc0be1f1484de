"""The menu of each line is what the template's macro renders for it, though it is called once for an action."""

from __future__ import annotations

from typing import Any

from erp.admin import Action
from erp.admin.line_menu import LineMenu


class Line:
    def __init__(self, id_: int) -> None:
        self.id = id_


def button(action: Action, url: str, kind: str, opened: str) -> str:
    return f"<a class={kind} href={url}>{action.label} {opened}</a>"


def test_the_address_and_the_version_of_each_line_are_its_own() -> None:
    calls: list[str] = []

    def counted(action: Action, *more: Any) -> str:
        calls.append(action.name)
        return button(action, *more)

    show = Action(name="show", label="Show", permission="x", page=lambda screen, line: "")
    close = Action(name="close", label="Close", permission="x", run=lambda session, id_: "")
    menu = LineMenu(
        counted,
        lambda name, line: f"/orders/7/lines/{line.id}/{name}/?a=1&b=2",
        lambda action, line: f'{{"id": {line.id}}}' if action.run else "",
    )
    shown = [menu(Line(id_), (show, close)) for id_ in (7, 8)]
    assert shown == [
        f"<a class=dropdown-item href=/orders/7/lines/{id_}/show/?a=1&amp;b=2>Show </a>"
        f"<a class=dropdown-item href=/orders/7/lines/{id_}/close/?a=1&amp;b=2>Close {{&#34;id&#34;: {id_}}}</a>"
        for id_ in (7, 8)
    ]
    assert calls == ["show", "close"]
