"""Everything the modules registered, each thing with its owner, and which owners are switched on."""

from erp.registry.entries import CORE, Contribution, Extension, JobEntry, Owned, State, ViewEntry
from erp.registry.registering import ModuleCore
from erp.registry.registry import Registry, current_registry

__all__ = [
    "CORE",
    "Contribution",
    "Extension",
    "JobEntry",
    "ModuleCore",
    "Owned",
    "Registry",
    "State",
    "ViewEntry",
    "current_registry",
]
