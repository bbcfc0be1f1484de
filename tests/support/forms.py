"""The forms of a page, filled in as a browser that opened the page would send them."""

from __future__ import annotations

from html.parser import HTMLParser


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, object]] = []
        self.select = self.area = ""

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        name = given.get("name", "")
        if tag == "form":
            self.forms.append({"action": given.get("action", ""), "method": given.get("method", "get"), "values": {}})
        elif tag == "input" and name and self.forms and "disabled" not in given and _counts(given):
            self._values()[name] = given.get("value") or ""
        elif tag == "textarea":
            self.area = name
            self._values()[name] = ""
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select and ("selected" in given or self.select not in self._values()):
            self._values()[self.select] = given.get("value", "")

    def handle_endtag(self, tag):
        self.area = "" if tag == "textarea" else self.area
        self.select = "" if tag == "select" else self.select

    def handle_data(self, data):
        if self.area:
            self._values()[self.area] += data.removeprefix("\r\n")

    def _values(self):
        return self.forms[-1]["values"]


def _counts(given) -> bool:
    return given.get("type") not in ("checkbox", "radio") or "checked" in given


def form_in(page: str, action: str = "") -> dict[str, str]:
    """Return what the form of a page would send: the one at the address `action`, by default the page's own."""
    forms = _Forms()
    forms.feed(page)
    return next(form["values"] for form in forms.forms if form["method"] == "post" and form["action"] == action)
