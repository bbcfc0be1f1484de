"""Files that commands read and write."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from erp.errors import ErpError


class FileProblem(ErpError):
    """A file that cannot be read or written."""

    def __init__(self, path: str, error: OSError) -> None:
        super().__init__(f"{path}: {error.strerror or error}.")


def read(file: str) -> bytes:
    """Return what is in a file; `-` is standard input."""
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise FileProblem(file, error) from None


@contextmanager
def opened(file: str) -> Iterator[BinaryIO]:
    """Open a file that can be read from its start as often as needed; `-` is standard input.

    What comes through a pipe is kept in a temporary file meanwhile, so that it need not fit into memory.
    """
    with ExitStack() as files:
        try:
            stream: BinaryIO = sys.stdin.buffer if file == "-" else files.enter_context(Path(file).open("rb"))
            if file == "-" or not stream.seekable():
                pipe, stream = stream, cast(BinaryIO, files.enter_context(tempfile.TemporaryFile()))
                shutil.copyfileobj(pipe, stream)
        except OSError as error:
            raise FileProblem(file, error) from None
        yield stream


def show(pieces: Iterable[str]) -> None:
    """Write pieces of UTF-8 text to standard output, whatever the terminal's encoding is."""
    out = sys.stdout.buffer
    for piece in pieces:
        out.write(piece.encode())
    out.flush()


def replace(file: str, pieces: Iterable[str]) -> None:
    """Write a file whole or not at all: until it is complete, readers see the old one."""
    path = Path(file)
    try:
        if path.exists() and not path.is_file():  # a device or a pipe is written to, not replaced
            _write(os.open(path, os.O_WRONLY), pieces)
        else:
            _write_and_rename(path, pieces)
    except OSError as error:
        raise FileProblem(file, error) from None


def _write_and_rename(path: Path, pieces: Iterable[str]) -> None:
    handle, made = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        _write(handle, pieces)
        os.chmod(made, _mode(path))
        os.replace(made, path)
    except BaseException:
        Path(made).unlink()
        raise


def _write(handle: int, pieces: Iterable[str]) -> None:
    with os.fdopen(handle, "wb") as out:
        for piece in pieces:
            out.write(piece.encode())


def _mode(path: Path) -> int:
    """Return the permission bits of the file that is replaced, else those of a new file."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
