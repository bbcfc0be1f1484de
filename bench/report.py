"""The lines that a benchmark of rows prints."""

from __future__ import annotations


def print_against_floor(name: str, seconds: float, floor: float, megabytes: float, *, lines: int) -> None:
    """Print lines per second of what is measured and of its floor, their ratio and the peak memory."""
    for each, taken in ((name, seconds), ("floor", floor)):
        print(f"{each:<11} {taken:8.2f} s  {lines / taken:12,.0f} lines/s")
    print(f"ratio       {seconds / floor:8.2f}")
    print(f"peak memory {megabytes:8.0f} MB", flush=True)
