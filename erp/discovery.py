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

from erp.db import forget_models, protected_tables
from erp.errors import DependencyCycle, MissingDependency, ModuleError
from erp.manifest import Module
from erp.manifest_checks import require_sound
from erp.third_parties import Raised, catching, described

GROUP = "erp.modules"


@dataclass
class Found:
    """The manifests by name, where each came from, and the modules that cannot be used with their errors.

    `shipped` names those that came with this product: an error in one of them stops the start. `packages` and
    `folders` are where the code of the others is. A module whose name another one has is listed by its place.
    """

    manifests: dict[str, Module] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    shipped: set[str] = field(default_factory=set)
    packages: dict[str, str] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)

    def mark_broken(self, name: str, error: BaseException) -> None:
        """List a third party's module as broken, and forget its code and its models."""
        self.broken[name] = described(error, self.folder_of(name))
        self.manifests.pop(name, None)
        if package := self.packages.get(name, ""):
            forget_models(package, f"{name}_")
            for imported in [key for key in sys.modules if f"{key}.".startswith(f"{package}.")]:
                del sys.modules[imported]

    def folder_of(self, name: str) -> Path | None:
        """Return the folder with the code of a third party's module; None where it is not known."""
        package = sys.modules.get(self.packages.get(name, ""))
        if name not in self.folders and (paths := list(getattr(package, "__path__", ()))):  # a single file has none
            self.folders[name] = Path(paths[0])
        return self.folders.get(name)

    def home(self, name: str) -> Path:
        """Return the folder with the code of a module that can be used."""
        setup = sys.modules.get(getattr(self.manifests[name].setup, "__module__", ""))
        folder = None if name in self.shipped else self.folder_of(name)
        return folder or Path(getattr(setup, "__file__", None) or "").parent

    def module_of(self, python_module: str) -> str:
        """Return the third party's module that a Python module belongs to, or ''."""
        of = (name for name, package in self.packages.items() if f"{python_module}.".startswith(f"{package}."))
        return next(of, "")


def find(*, package: str = "modules", folders: Iterable[Path] = ()) -> Found:
    """Return every manifest that this installation has.

    A shipped module that cannot be imported stops the start; a third party's is listed as broken, also one that has the
    name of another.
    """
    found = Found()
    for name, place in _in_package(package):
        manifest = importlib.import_module(f"{place}.module").MODULE
        require_sound(manifest, name)
        found.manifests[name], found.places[name] = manifest, place
        found.shipped.add(name)
    in_folders = [(folder, name) for folder in folders for name in _in_folder(folder)]
    entries = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    if in_folders or entries:
        _import_models(found.places.values())
    for folder, name in in_folders:
        _try(found, name, str(folder / name), f"modules.{name}", partial(_load_from, folder, name))
    for entry in entries:
        place = f"package {entry.dist.name if entry.dist else entry.value}"
        _try(found, entry.name, place, entry.module.removesuffix(".module"), entry.load)
    return found


def _import_models(packages: Iterable[str]) -> None:
    """Import the models of shipped modules, so that no third party can take the name of one of their tables."""
    for package in packages:
        if importlib.util.find_spec(f"{package}.models"):
            importlib.import_module(f"{package}.models")


def _in_package(package: str) -> Iterator[tuple[str, str]]:
    root = importlib.import_module(package)
    for path in sorted(Path(next(iter(root.__path__))).iterdir()):
        if (path / "module.py").exists():
            yield path.name, f"{package}.{path.name}"


def _in_folder(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise ModuleError(f"The folder {folder} of option erp.module_path does not exist.", folder=str(folder))
    return sorted(path.name for path in folder.iterdir() if (path / "module.py").exists())


def _load_from(folder: Path, name: str) -> object:
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
    return importlib.import_module(f"{qualified}.module").MODULE


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
    if name in found.manifests or name in found.broken:
        found.broken[place] = f"Two modules are called {name}: {found.places[name]} and {place}."
        found.places[place] = place
        return
    found.places[name], found.packages[name] = place, package
    if Path(place).is_absolute():
        found.folders[name] = Path(place)
    try:
        with catching(), protected_tables(package, name):
            manifest = load()
            require_sound(manifest, name, found.folder_of(name))
    except Raised as raised:
        found.mark_broken(name, raised.error)
        return
    assert isinstance(manifest, Module)
    found.manifests[name] = manifest


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
