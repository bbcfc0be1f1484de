"""Refusals about records, users, jobs and the database."""

from __future__ import annotations

from collections.abc import Mapping

from erp.errors.base import ErpError
from erp.text import joined, named, plural, say, without_stop, word

_MOST_NAMED = 10


class InvalidTransition(ErpError):
    """The state of a document does not allow this action."""

    def __init__(self, *, state: str, action: str) -> None:
        text = say("Cannot {action}: the document is {state}.", action=word(action), state=word(state))
        super().__init__(text)


class NotFound(ErpError):
    """There is nothing of that name."""

    def __init__(self, kind: str, name: object) -> None:
        super().__init__(say("There is no {kind} {name!r}.", kind=named(kind), name=str(name)))


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
        super().__init__(say("The database was busy: {tries} failed. Try again in a moment.", tries=tries))


class DatabaseUnreachable(ErpError):
    """The configured database does not answer."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(say("The database {url} cannot be reached: {reason}", url=url, reason=reason))


class DatabaseFailed(ErpError):
    """The database answered with an error that is not one of this product's rules."""

    def __init__(self, reason: str) -> None:
        super().__init__(say("The database failed: {reason}", reason=reason))


class AlreadyMade(ErpError):
    """Another transaction has made what this one was about to make."""

    def __init__(self, again: str = "Try again.") -> None:
        super().__init__(
            say("Somebody else has just made a record of the same number, code or name. {again}", again=named(again))
        )


class NotInitialized(ErpError):
    """The database has no tables of this product yet."""

    def __init__(self) -> None:
        super().__init__("The database is empty. Run `erp init` first.")


class BadNumber(ErpError):
    """A quantity or an amount that cannot be kept exactly."""

    def __init__(self, value: object, reason: str) -> None:
        super().__init__(joined((str(value), " ", reason, "."), ""))


class PermissionDenied(ErpError):
    """The user may not do this."""

    def __init__(self, permission: str) -> None:
        super().__init__(say("You may not do this: it needs the right {permission}.", permission=permission))


class ActionRefused(ErpError):
    """A button was pressed on an outdated page: the document's state no longer allows it."""

    def __init__(self, label: str) -> None:
        super().__init__(
            say("{label} is not possible now: the document has changed since the page was opened.", label=named(label))
        )


class RecordInUse(ErpError):
    """A record that others refer to cannot be deleted."""

    def __init__(self, noun: str, name: str) -> None:
        super().__init__(say("The {noun} {name} is in use and cannot be deleted.", noun=named(noun), name=name))


class RecordTaken(ErpError):
    """Another record has the same number, code or name; `name` is that record's, as it was first written."""

    def __init__(self, noun: str, name: str = "") -> None:
        same = say("the same number, code or name{value}", value=f": {name}" if name else "")
        super().__init__(
            say("There is another {noun} with {same}. Choose a different one.", noun=named(noun), same=same)
        )


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
        super().__init__(
            say("{username} is the last active administrator. Make somebody else one first.", username=username)
        )


class JobRunning(ErpError):
    """A job that runs already; it never overlaps itself."""

    def __init__(self, name: str) -> None:
        super().__init__(say("Job {name} is running already. Wait until it is done.", name=name))


class JobFailed(ErpError):
    """A run of a job that failed."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(say("Job {name} failed: {reason}.", name=name, reason=without_stop(reason)))


class SomeFailed(ErpError):
    """A run is done, but some records failed and stay as they were. `done` says what was done."""

    def __init__(self, done: str, noun: str, failures: Mapping[str, Exception]) -> None:
        reasons = [say("{name} ({reason})", name=name, reason=_reason(error)) for name, error in failures.items()]
        more = say(" and {reasons} more", reasons=len(reasons) - _MOST_NAMED) if len(reasons) > _MOST_NAMED else ""
        left = say("{reasons} failed and stayed as before", reasons=plural(len(reasons), noun))
        super().__init__(
            say(
                "{done} {left}: {reasons}{more}.",
                done=done,
                left=left,
                reasons=joined(reasons[:_MOST_NAMED], ", "),
                more=more,
            ),
            failed=list(failures),
        )


class SomeRefused(ErpError):
    """The base: some of many things are refused, so none is done; `refusals` says why, by their position."""

    refusals: Mapping[int, ErpError]


def _reason(error: Exception) -> str:
    if isinstance(error, ErpError):
        return without_stop(error)
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


class AddressTaken(ErpError):
    """The server cannot listen at its address."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        text = f"Cannot listen at {host}:{port}: {reason}. Stop what listens there, or choose another `--port`."
        super().__init__(text)
