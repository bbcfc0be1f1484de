"""Which modules are disabled in which test.

A test of a module's services and screens happens twice: on one database with every module on, on the other with
those alone that its module needs, the others disabled. The name of the test decides on which, so that on each
database about half of the tests show that a module works without those above it, and no test runs more often.
A test that is about a module above its own says so: `@pytest.mark.needs("sales")`.
"""

from __future__ import annotations

import zlib
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import update

from erp import discovery
from erp.db import db
from erp.models import InstalledModule, ModuleState
from erp.options import bump_revision

TESTS = Path(__file__).parents[1]
DATABASES = ("sqlite", "postgres")


def parameters(definition) -> list:
    """Return the databases for a test, each with the names of the modules that are disabled there."""
    off = () if definition.get_closest_marker("needs") else above(owner(definition.path))
    drawn = zlib.crc32(definition.nodeid.encode()) % len(DATABASES)
    return [
        pytest.param((kind, off), id=f"{kind}-alone") if off and at == drawn else pytest.param((kind, ()), id=kind)
        for at, kind in enumerate(DATABASES)
    ]


def owner(path: Path) -> str:
    """Return the module that a file of tests is about; no name where it is about many."""
    inside = path.relative_to(TESTS).parts if path.is_relative_to(TESTS) else ()
    return inside[0] if len(inside) > 1 else ""


@cache
def above(name: str) -> tuple[str, ...]:
    """Return the modules that `name` does not need."""
    manifests = discovery.find().manifests
    needed = [name] if name in manifests else []
    for each in needed:
        needed += manifests[each].depends
    return tuple(sorted(set(manifests) - set(needed))) if needed else ()


def switch_off(names: tuple[str, ...]) -> None:
    """Switch modules off, whatever they hold."""
    session = db.session()
    session.execute(update(InstalledModule).where(InstalledModule.name.in_(names)).values(state=ModuleState.disabled))
    bump_revision(session)
    session.commit()
