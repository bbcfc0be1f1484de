"""Texts of scripts: what `erpText` is given there."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

from erp.text import translated

_SAID = re.compile(r'\berpText\(("(?:[^"\\\\]|\\\\.)*")')


def texts_in(source: str) -> list[str]:
    """Return the texts of a script."""
    return [json.loads(found) for found in _SAID.findall(source)]


@cache
def _texts(folder: Path) -> list[str]:
    return sorted({text for path in folder.glob("*.js") for text in texts_in(path.read_text(encoding="utf-8"))})


def translations(folder: Path) -> dict[str, str]:
    """Return the texts of the scripts in a folder, each with its translation."""
    return {text: translated(text) for text in _texts(folder)}
