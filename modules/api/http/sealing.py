"""What a sender is told once, kept so that only the same token can read it again."""

from __future__ import annotations

import hashlib
import importlib
from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping
from typing import Any

from flask import request

_SCHEME = "bearer "
_SEALED = "sealed"


def sent_token() -> str:
    """Return the token that the request was sent with; empty where there is none."""
    header = request.headers.get("Authorization", "")
    return header[len(_SCHEME) :].strip() if header.lower().startswith(_SCHEME) else ""


def seal(shown: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Return an answer to be kept: the values of these names can be read with the request's token alone."""
    return {name: _sealed(value) if name in names and value is not None else value for name, value in shown.items()}


def unseal(kept: Any) -> Any:
    """Return an answer as it was given; without its secrets where it was given to another token."""
    if not isinstance(kept, dict):
        return kept
    return {name: _unsealed(value[_SEALED]) if _is_sealed(value) else value for name, value in kept.items()}


def _sealed(value: str) -> dict[str, str]:
    return {_SEALED: _box().encrypt(value.encode()).decode()}


def _is_sealed(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {_SEALED}


def _unsealed(text: str) -> str | None:
    box = _box()
    try:
        return str(box.decrypt(text.encode()).decode())
    except importlib.import_module("cryptography.fernet").InvalidToken:
        return None


def _box() -> Any:
    """Return what seals with the request's token. The library is imported when the first secret is kept."""
    key = hashlib.sha256(b"kept answer " + sent_token().encode("utf-8", "replace")).digest()
    return importlib.import_module("cryptography.fernet").Fernet(urlsafe_b64encode(key))
