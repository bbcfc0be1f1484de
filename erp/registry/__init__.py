"""`Core`, with which `setup` is called, and what the modules registered through it, live while its owner is on."""

from erp.registry.core import Core
from erp.registry.entries import CORE, Alarm, Endpoint, Extension, JobEntry, Owned, Queue, ViewEntry, Waiting, job_name
from erp.registry.guarded import Noted
from erp.registry.registry import Registry, check_revision, current_registry, revision_column

__all__ = [
    "CORE",
    "Alarm",
    "Core",
    "Endpoint",
    "Extension",
    "JobEntry",
    "Noted",
    "Owned",
    "Queue",
    "Registry",
    "ViewEntry",
    "Waiting",
    "check_revision",
    "current_registry",
    "job_name",
    "revision_column",
]
