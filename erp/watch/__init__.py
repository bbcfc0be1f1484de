"""Watching an installation: `/health`, `/ready`, `/metrics`, and what needs an administrator."""

from erp.watch.reports import report_troubles
from erp.watch.troubles import troubles

__all__ = ["report_troubles", "troubles"]
