"""Numbers that make names unlike in a test; every test starts at 1, however many ran before it in the process."""

from __future__ import annotations

from collections import Counter

_used: Counter[str] = Counter()


def next_number(of: str) -> int:
    """Return 1, 2, 3 and so on for each kind of thing."""
    _used[of] += 1
    return _used[of]


def start_again() -> None:
    """Let every kind start at 1."""
    _used.clear()
