"""The words that this product does not use: `python -m tests.support.words` names each place, `--count` counts by file.

Some words go everywhere. Others are good prose but poor names: they go as a part of a file's, a test's or a Python
name, of a name in a template's expression and of a name in JavaScript. Folders or files may be given as arguments.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

WORDS = r"deeds?|doors?|reckon\w*|anew|whoever|verdicts?|linkages?|strangers?"
PHRASES = r"put(?:s|ting)?[\s#]+right|let(?:s|ting)?[\s#]+go(?:es)?|by[\s#]+the[\s#]+clock|out[\s#]+of[\s#]+step"
EVERYWHERE = re.compile(rf"(?<![a-z])(?:{WORDS}|{PHRASES})(?![a-z])", re.I)
IN_NAMES = re.compile(
    rf"{WORDS}|tells?|told|rests?|looks?|standing|lying|figures|marks|passing|nature|parcels?|tally|tallies|overtaken"
    r"|how|links?|linked|linking|unlinked|claims?|unclaimed|persons?|people"
)
# Names that are not ours to choose: an option's name that users know, and those of libraries.
ALLOWED = frozenset({"on_link", "ON_LINK"})
ALLOWED_ATTRIBUTES = frozenset({"os.link", "tell"})
ALLOWED_KEYWORDS = frozenset({"marks", "claims_options"})

PLACES = (
    "erp",
    "modules",
    "tests",
    "docs",
    "bench",
    "config",
    "deploy",
    "README.md",
    "CHANGELOG.md",
    "Makefile",
    "setup.cfg",
)
SUFFIXES = frozenset({".py", ".md", ".html", ".js", ".css", ".txt", ".ini", ".cfg", ".po", ".pot", ""})
OURSELVES = frozenset({"words.py", "test_words.py"})

NAME = re.compile(r"[^\W\d]\w*")
SNAKE = re.compile(r"[a-z]+(?:_[a-z]+)+")
EXPRESSION = re.compile(r"\{[{%](.*?)[%}]\}", re.S)
# What is not code in an expression or in JavaScript: texts and comments.
TEXTS = re.compile(r"""/\*.*?\*/|(?<!:)//[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`""", re.S)


class Finding(NamedTuple):
    """A word that goes, and where it is."""

    path: str
    line: int
    word: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.word}"


def is_poor(name: str) -> bool:
    """Say whether one of the words of which a name is made goes."""
    segments = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower().split("_")
    return name not in ALLOWED and any(map(IN_NAMES.fullmatch, segments))


def find(path: str, text: str) -> list[Finding]:
    """Return the words that go in a file, in order."""
    found = {(text.count("\n", 0, word.start()) + 1, word[0]) for word in EVERYWHERE.finditer(text)}
    found |= {(1, f"file {Path(path).name}")} if is_poor(Path(path).stem) else set()
    found |= {(line, name) for line, name in _names(path, text) if is_poor(name)}
    return [Finding(path, line, word) for line, word in sorted(found)]


def _names(path: str, text: str) -> Iterator[tuple[int, str]]:
    match Path(path).suffix:
        case ".py":
            yield from _python_names(text)
        case ".js":
            yield from _names_between(text, 0, len(text))
        case ".html":
            for expression in EXPRESSION.finditer(text):
                yield from _names_between(text, *expression.span(1))


def _names_between(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    code = TEXTS.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text[start:end])
    for name in NAME.finditer(code):
        yield text.count("\n", 0, start + name.start()) + 1, name[0]


def _python_names(text: str) -> Iterator[tuple[int, str]]:
    line = 1
    for node in ast.walk(ast.parse(text)):
        line = getattr(node, "lineno", line)
        match node:
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if f"{owner}.{name}" in ALLOWED_ATTRIBUTES:
                continue
            case ast.Attribute(attr=name) if name in ALLOWED_ATTRIBUTES:
                continue
            case ast.keyword(arg=str(name)) if name in ALLOWED_KEYWORDS:
                continue
            case ast.Constant(value=str(value)):
                # Keys, columns and fields are named in texts too.
                yield from ((line, value) for _ in [0] if SNAKE.fullmatch(value))
            case _:
                yield from ((line, name) for name in _fields(node))


def _fields(node: ast.AST) -> Iterator[str]:
    for _, value in ast.iter_fields(node):
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str):
                yield from NAME.findall(each)


def files(places: list[Path]) -> Iterator[Path]:
    """Yield the texts in folders, in order, and the files among `places`."""
    for place in places:
        found = sorted(place.rglob("*")) if place.is_dir() else [place]
        for path in found:
            is_ours = "__pycache__" not in path.parts and path.name not in OURSELVES
            if is_ours and path.is_file() and path.suffix in SUFFIXES:
                yield path


def main(arguments: list[str]) -> int:
    """Print what was found; return 1 if there is anything."""
    is_count = "--count" in arguments
    places = [Path(each) for each in arguments if each != "--count"] or [Path(place) for place in PLACES]
    findings = [found for path in files(places) for found in find(str(path), path.read_text(encoding="utf-8"))]
    if is_count:
        for path, count in sorted(Counter(found.path for found in findings).items()):
            print(f"{count:5} {path}")
        print(f"{len(findings):5} in all")
    else:
        print(*findings, sep="\n", end="\n" if findings else "")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
