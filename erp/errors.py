"""Refusals: each has facts and a sentence that the user can act on.

Anything that is not an `ErpError` is a bug and is not caught.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from inspect import signature
from typing import Self

from erp.text import plural

_MOST_NAMED = 10
_NO_FACTS = ("self", "message", "facts")


class ErpError(Exception):
    """A refused action. Its text is for users, `facts` for programs: what the refusal was made with, by name.

    `field` names what of a form or file is wrong.
    """

    field = ""
    facts: dict[str, object]

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        """Keep the arguments as facts, except for the sentence itself."""
        refusal = super().__new__(cls, *args)
        given = signature(cls.__init__).bind(refusal, *args, **kwargs)
        given.apply_defaults()
        refusal.facts = {name: value for name, value in given.arguments.items() if name not in _NO_FACTS}
        return refusal

    def __init__(self, message: str, **facts: object) -> None:
        super().__init__(message)
        self.facts.update(facts)


class InvalidTransition(ErpError):
    """The state of a document does not allow this action."""

    def __init__(self, *, state: str, action: str) -> None:
        text = f"Cannot {action.replace('_', ' ')}: the document is {state.replace('_', ' ')}."
        super().__init__(text)


class NotFound(ErpError):
    """There is nothing of that name."""

    def __init__(self, kind: str, name: object) -> None:
        super().__init__(f"There is no {kind} {str(name)!r}.")


class ModulesSwitched(ErpError):
    """Modules were switched on or off while a transaction waited for its locks."""

    def __init__(self) -> None:
        super().__init__("A module has just been switched on or off. Reload the page and try again.")


class StaleRecord(ErpError):
    """Somebody else saved the same record after it was read."""

    def __init__(self) -> None:
        super().__init__("Somebody else has changed this record since. Reload it and try again.")


class DatabaseBusy(ErpError):
    """A transaction lost too many races for locks."""

    def __init__(self, attempts: int) -> None:
        tries = plural(attempts, "try", "tries")
        super().__init__(f"The database was busy: {tries} failed. Try again in a moment.")


class ConfigError(ErpError):
    """A setting of this deployment cannot be used."""


class DatabaseUnreachable(ErpError):
    """The configured database does not answer."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"The database {url} cannot be reached: {reason}")


class DatabaseFailed(ErpError):
    """The database answered with an error that is not one of this product's rules."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The database failed: {reason}")


class AlreadyMade(ErpError):
    """Another transaction has made what this one was about to make."""

    def __init__(self, again: str = "Try again.") -> None:
        super().__init__(f"Somebody else has just made a record of the same number, code or name. {again}")


class NotInitialized(ErpError):
    """The database has no tables of this product yet."""

    def __init__(self) -> None:
        super().__init__("The database is empty. Run `erp init` first.")


class BadNumber(ErpError):
    """A quantity or an amount that cannot be kept exactly."""

    def __init__(self, value: object, reason: str) -> None:
        super().__init__(f"{value} {reason}.")


class ModuleError(ErpError):
    """A module cannot be loaded, enabled, disabled or uninstalled."""


class UnknownModule(ModuleError):
    """No module of that name was found."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no module {name!r}.")


class BrokenModule(ModuleError):
    """A third party's module that was found and cannot be used."""

    def __init__(self, name: str, error: str) -> None:
        super().__init__(f"Module {name} is broken: {error}")


class MissingDependency(ModuleError):
    """A module needs others that are not there or not on."""

    def __init__(self, name: str, missing: Iterable[str], wanted: str = "found") -> None:
        needs = sorted(missing)
        super().__init__(f"Module {name} needs {', '.join(needs)}, not {wanted} here.", missing=needs)


class DependencyCycle(ModuleError):
    """Modules that need each other."""

    def __init__(self, cycle: Iterable[str]) -> None:
        self.cycle = list(cycle)
        super().__init__(f"Modules need each other: {' -> '.join(self.cycle)}.", cycle=self.cycle)


class StillNeeded(ModuleError):
    """A module that others, still enabled or installed, depend on."""

    def __init__(self, name: str, dependents: Iterable[str], state: str = "enabled") -> None:
        needed_by = sorted(dependents)
        super().__init__(f"Module {name} is needed by {', '.join(needed_by)}, still {state}.", dependents=needed_by)


class BadModuleName(ModuleError):
    """A name that no module can have: packages, tables and rights are named after it."""

    def __init__(self, name: str, allowed: str) -> None:
        super().__init__(f"A module cannot be called {name!r}: {allowed}.")


class ModuleOff(ModuleError):
    """Something that belongs to a module which is switched off."""

    def __init__(self, thing: str, module: str) -> None:
        super().__init__(f"{thing} belongs to module {module}, which is off.")


class OptionError(ErpError):
    """An option has a value that its declaration does not allow."""

    def __init__(self, option: str, value: object, allowed: str) -> None:
        super().__init__(f"Option {option}: {value!r} is refused; {allowed}.")


class UnknownOption(OptionError):
    """The file or the environment sets an unknown option. Its value is not shown: it may be a secret."""

    def __init__(self, option: str) -> None:
        text = f"Option {option}: there is no such option; passwords and keys come from the environment alone."
        ErpError.__init__(self, text, option=option)


class PermissionDenied(ErpError):
    """The user may not do this."""

    def __init__(self, permission: str) -> None:
        super().__init__(f"You may not do this: it needs the right {permission}.")


class MigrationFailed(ModuleError):
    """Installing, upgrading or uninstalling a module failed; the database is as it was before."""

    def __init__(self, name: str, doing: str, reason: str, command: str) -> None:
        super().__init__(
            f"{doing.capitalize()} {name} broke off and changed nothing: {reason}. Solve this, then run `{command}`."
        )


class StillEnabled(ModuleError):
    """A module that must be switched off first."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Module {name} is enabled: disable it before you uninstall it.")


class AlreadyInstalled(ModuleError):
    """A module whose tables are in the database already."""

    def __init__(self, name: str, state: str) -> None:
        super().__init__(f"Module {name} is installed already; it is {state}.")


class NotInstalled(ModuleError):
    """A module whose tables are not in the database."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Module {name} is not installed: run `erp modules install {name}` first.")


class NoMigrations(ModuleError):
    """A module that declares tables and brings no revision that makes them."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Module {name} has tables but no migrations: write the first one with `python -m erp.migrations revise"
            f' {name} "Initial tables"`.'
        )


class UpgradeNeeded(ErpError):
    """Tables are older than the program."""

    def __init__(self, names: Iterable[str]) -> None:
        behind = list(names)
        text = f"The tables of {', '.join(behind)} are older than this program. Run `erp init` to upgrade them."
        super().__init__(text, names=behind)


class DatabaseTooNew(ErpError):
    """The tables are at a revision that this program does not know."""

    def __init__(self, name: str, revision: str) -> None:
        super().__init__(
            f"The tables of {name} are at revision {revision}, which this program does not know: it is older than"
            " the database."
        )


class ActionRefused(ErpError):
    """A button was pressed on an outdated page: the document's state no longer allows it."""

    def __init__(self, label: str) -> None:
        super().__init__(f"{label} is not possible now: the document has changed since the page was opened.")


class RecordInUse(ErpError):
    """A record that others refer to cannot be deleted."""

    def __init__(self, noun: str, name: str) -> None:
        super().__init__(f"The {noun} {name} is in use and cannot be deleted.")


class RecordTaken(ErpError):
    """Another record has the same number, code or name; `name` is that record's, as it was first written."""

    def __init__(self, noun: str, name: str = "") -> None:
        same = f"the same number, code or name{f': {name}' if name else ''}"
        super().__init__(f"There is another {noun} with {same}. Choose a different one.")


class NothingChosen(ErpError):
    """Nothing was ticked on a page that asks for a choice."""

    def __init__(self) -> None:
        super().__init__("Tick at least one row.")


class BadUser(ErpError):
    """A user's name or address that cannot be stored."""


class BadPassword(ErpError):
    """A password that is too short or too long."""


class SignInRefused(ErpError):
    """A name and password with which nobody can sign in."""


class LastAdministrator(ErpError):
    """The only user who holds every right."""

    def __init__(self, username: str) -> None:
        super().__init__(f"{username} is the last active administrator. Make somebody else one first.")


class Unsettled(ModuleError):
    """A module whose installation, upgrade or removal broke off."""

    def __init__(self, name: str, state: str) -> None:
        super().__init__(f"Module {name} is {state}: run `erp modules upgrade {name}` first.")


class JobRunning(ErpError):
    """A job that runs already; it never overlaps itself."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Job {name} is running already. Wait until it is done.")


class JobFailed(ErpError):
    """A run of a job that failed."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"Job {name} failed: {reason.rstrip('.')}.")


class SomeFailed(ErpError):
    """A run is done, but some records failed and stay as they were. `done` says what was done."""

    def __init__(self, done: str, noun: str, failures: Mapping[str, Exception]) -> None:
        reasons = [f"{name} ({_reason(error)})" for name, error in failures.items()]
        more = f" and {len(reasons) - _MOST_NAMED} more" if len(reasons) > _MOST_NAMED else ""
        left = f"{plural(len(reasons), noun)} failed and stayed as before"
        super().__init__(f"{done} {left}: {', '.join(reasons[:_MOST_NAMED])}{more}.", failed=list(failures))


def _reason(error: Exception) -> str:
    if isinstance(error, ErpError):
        return str(error).rstrip(".")
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


class NameNotConfirmed(ModuleError):
    """A module that was to be uninstalled, and whose name was not confirmed."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Module {name} stays: its name was not confirmed.")


class AddressTaken(ErpError):
    """The server cannot listen at its address."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        text = f"Cannot listen at {host}:{port}: {reason}. Stop what listens there, or choose another `--port`."
        super().__init__(text)
