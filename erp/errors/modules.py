"""Refusals about modules, their tables and their options."""

from __future__ import annotations

from collections.abc import Iterable

from erp.errors.base import ErpError
from erp.text import say, word


class ModuleError(ErpError):
    """A module cannot be loaded, enabled, disabled or uninstalled."""


class ConfigError(ErpError):
    """A setting of this deployment cannot be used."""


class UnknownModule(ModuleError):
    """No module of that name was found."""

    def __init__(self, name: str) -> None:
        super().__init__(say("There is no module {name!r}.", name=name))


class BrokenModule(ModuleError):
    """A third party's module that was found and cannot be used."""

    def __init__(self, name: str, error: str) -> None:
        super().__init__(say("Module {name} is broken: {error}", name=name, error=error))


class MissingDependency(ModuleError):
    """A module needs others that are not there or not on."""

    def __init__(self, name: str, missing: Iterable[str], wanted: str = say("found")) -> None:
        needs = sorted(missing)
        super().__init__(
            say("Module {name} needs {needs}, not {wanted} here.", name=name, needs=", ".join(needs), wanted=wanted),
            missing=needs,
        )


class DependencyCycle(ModuleError):
    """Modules that need each other."""

    def __init__(self, cycle: Iterable[str]) -> None:
        self.cycle = list(cycle)
        text = say("Modules need each other: {cycle}.", cycle=" -> ".join(self.cycle))
        super().__init__(text, cycle=self.cycle)


class StillNeeded(ModuleError):
    """A module that others, still enabled or installed, depend on."""

    def __init__(self, name: str, dependents: Iterable[str], state: str = say("enabled")) -> None:
        needed_by = sorted(dependents)
        super().__init__(
            say(
                "Module {name} is needed by {needed_by}, still {state}.",
                name=name,
                needed_by=", ".join(needed_by),
                state=state,
            ),
            dependents=needed_by,
        )


class BadModuleName(ModuleError):
    """A name that no module can have: packages, tables and rights are named after it."""

    def __init__(self, name: str, allowed: str) -> None:
        super().__init__(say("A module cannot be called {name!r}: {allowed}.", name=name, allowed=allowed))


class ModuleOff(ModuleError):
    """Something that belongs to a module which is switched off."""

    def __init__(self, thing: str, module: str) -> None:
        super().__init__(say("{thing} belongs to module {module}, which is off.", thing=thing, module=module))


class OptionError(ErpError):
    """An option has a value that its declaration does not allow."""

    def __init__(self, option: str, value: object, allowed: str) -> None:
        super().__init__(
            say("Option {option}: {value!r} is refused; {allowed}.", option=option, value=value, allowed=allowed)
        )


class UnknownOption(OptionError):
    """The file or the environment sets an unknown option. Its value is not shown: it may be a secret."""

    def __init__(self, option: str) -> None:
        text = say(
            "Option {option}: there is no such option; passwords and keys come from the environment alone.",
            option=option,
        )
        ErpError.__init__(self, text, option=option)


class MigrationFailed(ModuleError):
    """Installing, upgrading or uninstalling a module failed; the database is as it was before."""

    def __init__(self, name: str, doing: str, reason: str, command: str) -> None:
        super().__init__(
            say(
                "{doing} {name} broke off and changed nothing: {reason}. Solve this, then run `{command}`.",
                doing=doing.capitalize(),
                name=name,
                reason=reason,
                command=command,
            )
        )


class StillEnabled(ModuleError):
    """A module that must be switched off first."""

    def __init__(self, name: str) -> None:
        super().__init__(say("Module {name} is enabled: disable it before you uninstall it.", name=name))


class AlreadyInstalled(ModuleError):
    """A module whose tables are in the database already."""

    def __init__(self, name: str, state: str) -> None:
        super().__init__(say("Module {name} is installed already; it is {state}.", name=name, state=word(state)))


class NotInstalled(ModuleError):
    """A module whose tables are not in the database."""

    def __init__(self, name: str) -> None:
        super().__init__(say("Module {name} is not installed: run `erp modules install {name}` first.", name=name))


class NoMigrations(ModuleError):
    """A module that declares tables and brings no revision that makes them."""

    def __init__(self, name: str) -> None:
        super().__init__(
            say(
                "Module {name} has tables but no migrations: write the first one with `python -m erp.migrations revise"
                ' {name} "Initial tables"`.',
                name=name,
            )
        )


class UpgradeNeeded(ErpError):
    """Tables are older than the program."""

    def __init__(self, names: Iterable[str]) -> None:
        behind = list(names)
        text = say(
            "The tables of {behind} are older than this program. Run `erp init` to upgrade them.",
            behind=", ".join(behind),
        )
        super().__init__(text, names=behind)


class DatabaseTooNew(ErpError):
    """The tables are at a revision that this program does not know."""

    def __init__(self, name: str, revision: str) -> None:
        super().__init__(
            say(
                "The tables of {name} are at revision {revision}, which this program does not know: it is older than"
                " the database.",
                name=name,
                revision=revision,
            )
        )


class Unsettled(ModuleError):
    """A module whose installation, upgrade or removal broke off."""

    def __init__(self, name: str, state: str) -> None:
        super().__init__(
            say("Module {name} is {state}: run `erp modules upgrade {name}` first.", name=name, state=word(state))
        )


class NameNotConfirmed(ModuleError):
    """A module that was to be uninstalled, and whose name was not confirmed."""

    def __init__(self, name: str) -> None:
        super().__init__(say("Module {name} stays: its name was not confirmed.", name=name))
