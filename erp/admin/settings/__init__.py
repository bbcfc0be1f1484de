"""The core's own screens: modules, options, jobs, people, history, import and export."""

from erp.registry import ViewEntry

VIEWS: tuple[ViewEntry, ...] = ()
