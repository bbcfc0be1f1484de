"""Texts of templates: written in plain English between the tags, translated without a mark of their own.

What stands between two tags, or in an attribute that people read, is one message with what it puts in: of
`<p>Delete {{ view.name }}?</p>` the catalogue has `Delete {name}?`. A tag, a `{% %}` and a ` · ` end it. Elements with
`translate="no"`, `<code>`, `<script>` and `<style>` are left alone. A text inside `{{ }}` is given to `_`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

from jinja2.ext import Extension
from markupsafe import Markup, escape
from typing_extensions import override

from erp.text import translated

ATTRIBUTES = frozenset(("title", "placeholder", "alt", "aria-label", "label")) | {
    f"data-{name}" for name in ("confirm", "title", "yes", "no", "text", "label", "key-label", "total-label", "noun")
}
LEFT_ALONE = frozenset(("code", "script", "style", "kbd", "pre"))
EMPTY = frozenset(("area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"))
_PIECE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_TAG = re.compile(r"<!--.*?-->|<(?P<close>/?)(?P<name>[a-zA-Z][\w-]*)|<![^>]*>", re.DOTALL)
_ATTRIBUTE = re.compile(r"([\w-]+)\s*=\s*\"|(/?>)")
_NAME = re.compile(r"[A-Za-z_]\w*")
_MARK = re.compile(r"\0(\d+)\0")


def message_in_page(text: Any, /, **facts: Any) -> Markup:
    """Return a text in the language of the reader, escaped for a page, with `facts` in the places of their names."""
    shown = text if isinstance(text, Markup) else escape(translated("" if text is None else text))
    if not facts:
        return shown
    # A page has thousands of these, whose facts have a name alone: `Markup.format` would parse the text for each.
    return Markup(str.format(shown.replace('"', "&#34;"), **{name: escape(value) for name, value in facts.items()}))


class MessagesInTemplates(Extension):
    """Gives each text of a page's template to `_` when the template is compiled; other files stay as they are."""

    @override
    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        is_page = name is None or name.endswith(".html")
        return _Page(source).marked() if is_page else source


class _Page:
    """A template, whose Jinja pieces are held aside while its HTML is read."""

    def __init__(self, source: str) -> None:
        self.pieces: list[str] = []
        self.html = _PIECE.sub(self._hold, source)
        self.alone: list[str] = []

    def _hold(self, piece: re.Match[str]) -> str:
        self.pieces.append(piece[0])
        return f"\0{len(self.pieces) - 1}\0"

    def marked(self) -> str:
        """Return the template with its texts given to `_`."""
        return _MARK.sub(lambda mark: self.pieces[int(mark[1])], "".join(self._parts()))

    def _parts(self) -> Iterator[str]:
        at = 0
        while tag := _TAG.search(self.html, at):
            yield self._text(self.html[at : tag.start()])
            at = tag.end()
            yield tag[0]
            if tag["name"]:
                yield self._tag(tag, at)
                at = self.end
        yield self._text(self.html[at:])

    def _tag(self, tag: re.Match[str], at: int) -> str:
        """Return the attributes of a tag, and note where it ends and whether what is in it is left alone."""
        parts, start = [], at
        while found := _ATTRIBUTE.search(self.html, at):
            parts.append(self.html[at : found.end()])
            at = found.end()
            if found[2]:
                break
            end = self.html.find('"', at)
            value = self.html[at:end]
            parts.append(self._text(value) if found[1] in ATTRIBUTES and not self.alone else value)
            at = end
        self.end = at
        self._note(tag["name"].lower(), bool(tag["close"]), 'translate="no"' in self.html[start:at])
        return "".join(parts)

    def _note(self, name: str, is_end: bool, is_marked: bool) -> None:
        if is_end:
            if self.alone and self.alone[-1] == name:
                self.alone.pop()
        elif name not in EMPTY and (is_marked or name in LEFT_ALONE or name in self.alone):
            self.alone.append(name)

    def _text(self, text: str) -> str:
        """Return a text with each run between two statements given to `_`."""
        if self.alone:
            return text
        return "".join(self._run(run) for run in self._runs(text))

    def _runs(self, text: str) -> Iterator[str]:
        run = ""
        for part in re.split(r"(\0\d+\0| · )", text):
            mark = _MARK.fullmatch(part)
            if part == " · " or (mark and not re.match(r"\{\{[^-+]", self.pieces[int(mark[1])])):
                yield from (run, part)
                run = ""
            else:
                run += part
        yield run

    def _run(self, run: str) -> str:
        # A macro may have attributes alone, which stand outside every tag.
        if '="' in run or not any(map(str.isalpha, unescape(_MARK.sub("", run)))):
            return run
        whole = re.fullmatch(r"(\s*)(.*?)(\s*)", run, re.DOTALL)
        assert whole is not None
        facts: dict[str, str] = {}
        message = _MARK.sub(lambda mark: self._fact(self.pieces[int(mark[1])], facts), whole[2])
        lines = "\n" * whole[2].count("\n")  # errors name the line of the template
        text = repr(unescape(re.sub(r"\s+", " ", message)))
        given = "".join(f", {name}=({expression})" for name, expression in facts.items())
        self.pieces.append(f"{{{{ _({text}{given}){lines} }}}}")
        return f"{whole[1]}\0{len(self.pieces) - 1}\0{whole[3]}"

    def _fact(self, piece: str, facts: dict[str, str]) -> str:
        expression = piece[2:-2].strip().removesuffix("-").strip()
        name = fact_name(expression)
        while facts.get(name, expression) != expression:
            name += "_"
        facts[name] = expression
        return f"{{{name}}}"


def fact_name(expression: str) -> str:
    """Return the name that a message gives to an expression: its last attribute, or the name it begins with."""
    plain = re.split(r"\||\(| if | or ", re.sub(r"^_\(|'[^']*'|\"[^\"]*\"", "", expression))[0]
    names = [name for name in _NAME.findall(plain) if name not in ("not", "and", "or", "ui", "screen")]
    return names[-1].lower() if names else "value"
