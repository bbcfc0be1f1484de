"""Screens of preorder."""

from __future__ import annotations

from erp.module import Core


def register(core: Core) -> None:
    """Register what can be seen and done."""
