"""Watching an installation: `/health`, `/ready`, `/metrics`, and what needs an administrator."""

from erp.watch.addresses import init_app
from erp.watch.dashboard import CARD
from erp.watch.reports import report_troubles
from erp.watch.troubles import troubles

__all__ = ["CARD", "init_app", "report_troubles", "troubles"]
