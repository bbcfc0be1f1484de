"""`erp serve --reload`: the server again after each change of a file, for authors of modules."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NoReturn

import click

SUFFIXES = (".py", ".html", ".txt", ".ini", ".css", ".js")
SECONDS = 0.5


def serve_again(arguments: Sequence[str], folders: Iterable[Path]) -> NoReturn:
    """Run `erp serve` with these arguments, and again whenever a file below the folders changes, until Ctrl-C.

    A server that cannot start, because of a mistake in a file, is started again after the next change.
    """
    places = list(folders)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that the server ends too
    command = [sys.executable, "-P", "-m", "erp", "serve", *arguments]
    while True:
        server = subprocess.Popen(command)
        try:
            changed = _wait_for_change(places)
        finally:
            server.terminate()
            server.wait()
        click.echo(f"{changed} has changed: the server starts again.")


def _wait_for_change(places: Sequence[Path]) -> Path:
    before = _changed_at(places)
    while True:
        time.sleep(SECONDS)
        now = _changed_at(places)
        for path in {**before, **now}:
            if before.get(path) != now.get(path):
                return path


def _changed_at(places: Sequence[Path]) -> dict[Path, int]:
    """Return when each file of interest was last changed, in nanoseconds."""
    found: dict[Path, int] = {}
    for place in places:
        for folder, folders, names in os.walk(place):
            folders[:] = [name for name in folders if not name.startswith((".", "__pycache__"))]
            for path in (Path(folder) / name for name in names if name.endswith(SUFFIXES)):
                try:
                    found[path] = path.stat().st_mtime_ns
                except OSError:  # an editor has just replaced it
                    found[path] = 0
    return found
