"""Headers of a message, written so that every reader finds the same text, and read back.

A header is in ASCII and in lines of at most 78 characters where its words allow it. What is not plain text is written
as encoded words (RFC 2047), so that no text can end its header, add another one or pass for an encoded word itself.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from email.header import decode_header, make_header
from email.utils import getaddresses
from functools import lru_cache
from itertools import groupby

_LINE = 76
# An encoded word has at most 75 characters: 12 around the text, and four for each three bytes.
_BYTES = 45
_LONGEST_QUOTED = 900
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+")
_QUOTABLE = re.compile(r"[ !#-\[\]-~]*")


def text_header(name: str, text: str) -> str:
    """Return a header with a text of one line."""
    words = text.split(" ")
    is_plain = text.isascii() and text.isprintable() and "=?" not in text and all(len(word) <= 60 for word in words)
    # The first encoded word shares its line with the name of the header.
    return _folded(name, words if is_plain else _encoded_words(text, _BYTES - len(name)))


def mailbox_header(name: str, display_name: str, address: str) -> str:
    """Return a header with one address, and the name before it if there is one."""
    if not display_name:
        return f"{name}: {address}"
    return _folded(name, [*_phrase(display_name), f"<{address}>"])


def _phrase(text: str) -> Iterable[str]:
    """Return a name as the words that may stand before an address."""
    if _QUOTABLE.fullmatch(text) and "=?" not in text and len(text) <= _LONGEST_QUOTED:
        return [text if all(map(_ATOM.fullmatch, text.split(" "))) else f'"{text}"']
    return _atoms_and_encoded_words(text)


def _atoms_and_encoded_words(text: str) -> Iterator[str]:
    """Yield plain words as they are and the others, several together, as encoded words."""
    for is_atom, words in groupby(text.split(" "), key=_is_atom):
        found = list(words)
        yield from found if is_atom else _encoded_words(" ".join(found), _BYTES)


def _is_atom(word: str) -> bool:
    return _ATOM.fullmatch(word) is not None and "=?" not in word and len(word) <= 60


def _encoded_words(text: str, most_bytes: int) -> Iterator[str]:
    """Yield a text as encoded words of whole characters: readers drop the space between them."""
    part = b""
    for character in text:
        encoded = character.encode()
        if len(part) + len(encoded) > most_bytes:
            yield f"=?utf-8?b?{b64encode(part).decode()}?="
            part = b""
        part += encoded
    yield f"=?utf-8?b?{b64encode(part).decode()}?="


def _folded(name: str, words: Iterable[str]) -> str:
    lines = [f"{name}:"]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > _LINE and lines[-1] != f"{name}:":
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines)


def read_text(raw: str) -> str:
    """Return the text of a header as a reader shows it."""
    return str(make_header(decode_header(_unfolded(raw))))


@lru_cache(maxsize=64)
def read_mailboxes(raw: str) -> tuple[tuple[str, str], ...]:
    """Return the (name, address) pairs of a header as a reader finds them."""
    return tuple((read_text(name), address) for name, address in getaddresses([_unfolded(raw)]))


def _unfolded(raw: str) -> str:
    return re.sub(r"\r?\n(?=[ \t])", "", raw)
