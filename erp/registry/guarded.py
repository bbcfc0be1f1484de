"""What third parties' modules raise while the product runs: contained or turned into a refusal, and noted."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from flask import g
from sqlalchemy.exc import DataError, DBAPIError, OperationalError, SQLAlchemyError
from werkzeug.exceptions import HTTPException

from erp.db import NotPrepared, db, is_duplicate, is_reading
from erp.errors import ErpError
from erp.registry.registered import Registered
from erp.third_parties import ModuleFailed, described

T = TypeVar("T")

log = logging.getLogger(__name__)

# What is no failure of the code through which it comes: refusals, answers, and errors of the database itself.
_NOT_OF_MODULES = (
    ErpError,
    HTTPException,
    NotPrepared,
    OperationalError,
    DataError,
    KeyboardInterrupt,
    GeneratorExit,
    click.ClickException,
    click.exceptions.Exit,
    click.Abort,
)


@dataclass(frozen=True)
class Noted:
    """A failure of a third party's module that is to be stored: in what it failed, why, and the traceback."""

    module: str
    what: str
    reason: str
    trace: str


class Guarded(Registered):
    """What the modules registered, each thing called so that a third party's failure is its own."""

    def is_foreign(self, module: str) -> bool:
        """Say whether a module is a third party's."""
        return module in self.modules and module not in self.found.shipped

    def foreign_owner(self, thing: object) -> str:
        """Return the third party's module that registered a thing, or ''."""
        module = self.owners.get(id(thing), "")
        return module if self.is_foreign(module) else ""

    def contained(self, thing: object, what: str, work: Callable[[], T], otherwise: Callable[[str], T]) -> T:
        """Return `work()`, which uses a registered thing while a page or a file is read.

        Where that fails and the thing is a third party's, the failure is noted, and `otherwise` is called with the
        sentence to show in its place. In the middle of a change it is raised, so that all of that is undone.
        """
        return self.contained_of(self.owners.get(id(thing), ""), what, work, otherwise)

    def contained_of(self, module: str, what: str, work: Callable[[], T], otherwise: Callable[[str], T]) -> T:
        """Do as `contained` does, for something of a module that is no registered thing."""
        if not self.is_foreign(module):
            return work()
        try:
            return work()
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:  # a third party's code may raise anything
            if not is_reading():
                raise
            db.session.rollback()  # a statement that failed ends a transaction of PostgreSQL
            return self._instead(module, what, error, otherwise)

    def contained_apart(self, thing: object, what: str, work: Callable[[], T], otherwise: Callable[[str], T]) -> T:
        """Do as `contained` does in the middle of a change, of which only what `work()` did itself is undone."""
        module = self.foreign_owner(thing)
        if not module:
            return work()
        try:
            with db.session.begin_nested():
                return work()
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:  # a third party's code may raise anything
            return self._instead(module, what, error, otherwise)

    def contained_anywhere(self, thing: object, what: str, work: Callable[[], T], otherwise: Callable[[str], T]) -> T:
        """Do as `contained` does, also where a change reads again what a page has shown."""
        contain = self.contained if is_reading() else self.contained_apart
        return contain(thing, what, work, otherwise)

    def _instead(self, module: str, what: str, error: BaseException, otherwise: Callable[[str], T]) -> T:
        self.note(module, what, error)
        return otherwise(f"Module {module} failed here.")

    @contextmanager
    def blaming(self, thing: object, what: str) -> Iterator[None]:
        """Turn what the code inside raises into ModuleFailed, where `thing`, which it calls, is a third party's.

        Errors of the database stay what they are, so that a lost race is tried again.
        """
        try:
            yield
        except BaseException as error:  # a third party's code may raise anything
            module = self.foreign_owner(thing)
            if not module or isinstance(error, (*_NOT_OF_MODULES, SQLAlchemyError)):
                raise
            raise self._failure(module, what, error) from error

    def as_failure(self, error: BaseException, what: str) -> BaseException:
        """Return ModuleFailed for an error that came through the code of a third party; else the error itself."""
        if isinstance(error, _NOT_OF_MODULES) or (isinstance(error, DBAPIError) and is_duplicate(error)):
            return error
        module = self.blame(error)
        return self._failure(module, what, error) if self.is_foreign(module) else error

    def _failure(self, module: str, what: str, error: BaseException) -> ModuleFailed:
        self.note(module, what, error)
        return ModuleFailed(module, what, described(error, self.found.folder_of(module)).rstrip("."))

    def blame(self, error: BaseException) -> str:
        """Return the module through whose code an error came: a third party's, else a shipped one, or ''."""
        found = [module for frame in _frames(error) if (module := self._module_of(frame))]
        return next(filter(self.is_foreign, found), next(iter(found), ""))

    def _module_of(self, frame: Any) -> str:
        python_module = str(frame.f_globals.get("__name__", ""))
        if foreign := self.found.module_of(python_module):
            return foreign
        shipped = python_module.split(".")[1:2] if python_module.startswith("modules.") else []
        file = Path(frame.f_code.co_filename)  # a template has no Python module
        below = (name for name, folder in self.found.folders.items() if file.is_relative_to(folder))
        return next(iter(name for name in shipped if name in self.modules), next(below, ""))

    def note(self, module: str, what: str, error: BaseException) -> None:
        """Write a failure to the log, and keep it until the request, command or job ends, when it is stored."""
        reason = described(error, self.found.folder_of(module))
        log.error("module %s failed in %s: %s", module, what, reason, exc_info=error)
        trace = "".join(traceback.format_exception(error))
        g.setdefault("erp_failures", []).append(Noted(module, what, reason, trace))


def _frames(error: BaseException) -> Iterator[Any]:
    """Yield the frames through which an error and its causes came, innermost first."""
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        seen.append(cause)
        frames = [frame for frame, _ in traceback.walk_tb(cause.__traceback__)]
        yield from reversed(frames)
        cause = cause.__cause__ or cause.__context__
