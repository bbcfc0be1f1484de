"""Code of third parties: what it raises is described with its place, and kept from what is not its own."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from erp.errors import ErpError
from erp.text import say


class ModuleFailed(ErpError):
    """A third party's module failed in the middle of something: what was being done is undone."""

    def __init__(self, module: str, what: str, reason: str) -> None:
        super().__init__(
            say(
                "Module {module} failed here ({what}): {reason}. Nothing was changed.",
                module=module,
                what=what,
                reason=reason,
            )
        )


class Raised(Exception):
    """What the code of a third party raised, whatever it was, with its description."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


@contextmanager
def catching() -> Iterator[None]:
    """Raise whatever the code inside raises as Raised; only Ctrl-C stays what it is."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a third party's code may raise anything, even what ends a process
        raise Raised(error) from error


def described(error: BaseException, folder: Path | None = None) -> str:
    """Return what was raised, in a line, with the place in a third party's `folder` where it was.

    A refusal is its own sentence.
    """
    text = " ".join(str(error).split())
    if isinstance(error, SyntaxError):
        text = " ".join(str(error.msg).split())
    kind = "" if isinstance(error, ErpError) else type(error).__name__
    named = ": ".join(part for part in (kind, text) if part)
    where = place_of(error, folder) if folder else ""
    return f"{named} ({where})" if where and where not in named else named


def place_of(error: BaseException, folder: Path) -> str:
    """Return the innermost file below `folder`, and its line, through which an error came, or ''."""
    if isinstance(error, SyntaxError) and error.filename and (file := _below(error.filename, folder)):
        return f"{file}, line {error.lineno}"
    frames = reversed(traceback.extract_tb(error.__traceback__))
    places = (f"{file}, line {frame.lineno}" for frame in frames if (file := _below(frame.filename, folder)))
    return next(places, "")


def _below(file: str, folder: Path) -> str:
    path = Path(file)
    return str(path.relative_to(folder.parent)) if path.is_relative_to(folder) else ""
