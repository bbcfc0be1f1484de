"""Counts in words, for the sentences that imports end with."""

from __future__ import annotations


def count(number: int, noun: str) -> str:
    """Return `1 line` or `2 lines`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
