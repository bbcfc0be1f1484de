"""Which fields a page marks as wrong."""

from __future__ import annotations

import re

_INPUT = re.compile(r"<(?:input|textarea|select)\b[^>]*>")


def marked_fields(html: str) -> list[str]:
    """Return the names of the marked fields of a page, in the order in which it shows them."""
    marked = [tag for tag in _INPUT.findall(html) if "is-invalid" in tag]
    return [(re.search(r'\bname="([^"]+)"', tag) or re.search(r'\bid="([^"]+)"', tag))[1] for tag in marked]
