"""What a module says of itself before its code is imported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from erp.options.types import Option

ADMINISTRATOR = "Administrator"
SHIPPED_ROLES = (ADMINISTRATOR, "Sales clerk", "Merchandiser", "Warehouse clerk", "Auditor")


@dataclass(frozen=True)
class Permission:
    """A right that a role can hold. `name` is `<module>.<verb>`; `roles` are the shipped roles that hold it.

    Administrator holds every right and is not named. Rights to read name Auditor too.
    """

    name: str
    title: str
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Module:
    """A module's manifest: everything that must be known before its code is imported.

    `setup` gets the `Core` of `erp.registry`, through which it registers what the module has. `screens` gets it too, in
    the processes alone that answer requests: what it registers and imports costs a command nothing.
    `erp init` of an empty database installs a module that is `on_by_default`; another one is found, and waits for
    `erp modules install`.
    """

    name: str
    title: str
    version: str
    setup: Callable[[Any], None]
    screens: Callable[[Any], None] | None = None
    summary: str = ""
    depends: tuple[str, ...] = ()
    options: tuple[Option[Any], ...] = ()
    permissions: tuple[Permission, ...] = ()
    on_by_default: bool = True
