"""`Core`, with which `setup` is called, and what the modules registered through it, live while its owner is on."""

from erp.registry.core import Core
from erp.registry.entries import CORE, Extension, JobEntry, Owned, ViewEntry
from erp.registry.registry import Registry, current_registry

__all__ = [
    "CORE",
    "Core",
    "Extension",
    "JobEntry",
    "Owned",
    "Registry",
    "ViewEntry",
    "current_registry",
]
