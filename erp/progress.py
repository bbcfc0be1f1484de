"""Progress of long work, shown on a terminal, and never written to a file or a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import click

T = TypeVar("T")


def is_watched() -> bool:
    """Say whether stderr is a terminal."""
    return sys.stderr.isatty()


def each(items: Sequence[T], label: str) -> Iterator[T]:
    """Yield the items; a terminal shows how many are done."""
    if not is_watched():
        yield from items
        return
    with click.progressbar(items, label=label, file=sys.stderr, show_pos=True) as bar:
        yield from bar


@contextmanager
def step(label: str) -> Iterator[None]:
    """Show on a terminal what is being done, until it is done."""
    if not is_watched():
        yield
        return
    click.echo(f"{label} …", err=True, nl=False)
    try:
        yield
    finally:
        click.echo(f"\r{' ' * (len(label) + 2)}\r", err=True, nl=False)
