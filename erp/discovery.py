"""Find modules (package, folders, entry points) and put them in dependency order."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from graphlib import CycleError, TopologicalSorter
from importlib.machinery import ModuleSpec
from importlib.metadata import entry_points
from pathlib import Path

from erp.db import forget_models
from erp.errors import DependencyCycle, MissingDependency, ModuleError
from erp.manifest import Module

GROUP = "erp.modules"


@dataclass
class Found:
    """The manifests by name, where each came from, and the modules that cannot be used with their errors.

    `shipped` names those that came with this product: an error in one of them stops the start. `packages` names the
    Python packages of the others.
    """

    manifests: dict[str, Module] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    shipped: set[str] = field(default_factory=set)
    packages: dict[str, str] = field(default_factory=dict)

    def mark_broken(self, name: str, error: Exception) -> None:
        """List a third party's module as broken, and forget its code and its models."""
        self.manifests.pop(name, None)
        if package := self.packages.get(name, ""):
            forget_models(package, f"{name}_")
            for imported in [key for key in sys.modules if f"{key}.".startswith(f"{package}.")]:
                del sys.modules[imported]
        self.broken[name] = str(error) if isinstance(error, ModuleError) else f"{type(error).__name__}: {error}"

    def module_of(self, python_module: str) -> str:
        """Return the third party's module that a Python module belongs to, or ''."""
        of = (name for name, package in self.packages.items() if f"{python_module}.".startswith(f"{package}."))
        return next(of, "")


def find(*, package: str = "modules", folders: Iterable[Path] = ()) -> Found:
    """Return every manifest that this installation has.

    A shipped module that cannot be imported stops the start; a third party's is listed as broken. Two modules of
    one name raise ModuleError.
    """
    found = Found()
    for name, place in _in_package(package):
        _add(found, importlib.import_module(f"{place}.module").MODULE, place, name)
        found.shipped.add(name)
    for folder in folders:
        for name in _in_folder(folder):
            _try(found, name, str(folder / name), f"modules.{name}", partial(_load_from, folder, name))
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        place = f"package {entry.dist.name if entry.dist else entry.value}"
        _try(found, entry.name, place, entry.module.removesuffix(".module"), entry.load)
    return found


def _in_package(package: str) -> Iterator[tuple[str, str]]:
    root = importlib.import_module(package)
    for path in sorted(Path(next(iter(root.__path__))).iterdir()):
        if (path / "module.py").exists():
            yield path.name, f"{package}.{path.name}"


def _in_folder(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise ModuleError(f"The folder {folder} of option erp.module_path does not exist.", folder=str(folder))
    return sorted(path.name for path in folder.iterdir() if (path / "module.py").exists())


def _load_from(folder: Path, name: str) -> Module:
    """Import `folder/name` as the package `modules.name`, so that it imports its files as a shipped module does."""
    qualified = f"modules.{name}"
    if qualified not in sys.modules:
        importlib.import_module("modules")
        package = importlib.util.module_from_spec(_spec(qualified, folder / name))
        sys.modules[qualified] = package
        try:
            if package.__spec__ is not None and package.__spec__.loader is not None:
                package.__spec__.loader.exec_module(package)
        except BaseException:
            del sys.modules[qualified]
            raise
    manifest: Module = importlib.import_module(f"{qualified}.module").MODULE
    return manifest


def _spec(qualified: str, place: Path) -> ModuleSpec:
    """Return how to import a package from a folder, with or without an `__init__.py`."""
    if (place / "__init__.py").exists():
        found = importlib.util.spec_from_file_location(
            qualified, place / "__init__.py", submodule_search_locations=[str(place)]
        )
        assert found is not None
        return found
    spec = ModuleSpec(qualified, None, is_package=True)
    spec.submodule_search_locations = [str(place)]
    return spec


def _try(found: Found, name: str, place: str, package: str, load: Callable[[], object]) -> None:
    if name in found.manifests:
        raise ModuleError(f"Two modules are called {name}: {found.places[name]} and {place}.", name=name)
    found.places[name], found.packages[name] = place, package
    try:
        manifest = load()
        if not isinstance(manifest, Module):
            raise TypeError(f"MODULE is a {type(manifest).__name__}, not a Module")
    except Exception as error:  # a third party's code may raise anything; it is shown, and the others start
        found.mark_broken(name, error)
        return
    _add(found, manifest, place, name)


def _add(found: Found, manifest: Module, place: str, name: str) -> None:
    if manifest.name != name:
        raise ModuleError(f"The module in {place} calls itself {manifest.name}, not {name}.", name=name)
    if name in found.manifests:
        raise ModuleError(f"Two modules are called {name}: {found.places[name]} and {place}.", name=name)
    found.manifests[name], found.places[name] = manifest, place


def usable(found: Found) -> dict[str, Module]:
    """Return the modules whose dependencies are there; a third party's without them is listed as broken.

    Raises MissingDependency and DependencyCycle for shipped ones.
    """
    while True:
        try:
            in_order(found.manifests)
        except (MissingDependency, DependencyCycle) as error:
            concerned = {error.facts["name"]} if isinstance(error, MissingDependency) else set(error.cycle)
            if concerned & found.shipped:
                raise
            for name in concerned:
                found.mark_broken(str(name), error)
        else:
            return found.manifests


def in_order(modules: Mapping[str, Module]) -> list[Module]:
    """Return the modules dependencies first, then by name, so that two starts always agree.

    Raises MissingDependency and DependencyCycle, by name.
    """
    for module in modules.values():
        if missing := set(module.depends) - set(modules):
            raise MissingDependency(module.name, missing)
    sorter = TopologicalSorter({module.name: module.depends for module in modules.values()})
    try:
        sorter.prepare()
    except CycleError as error:
        raise DependencyCycle(reversed(error.args[1])) from None
    order: list[Module] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += [modules[name] for name in ready]
        sorter.done(*ready)
    return order
