"""The core's own screens: modules, options, jobs, users, roles, history, import and export."""

from erp.admin.settings.exchange import ExportPage
from erp.admin.settings.failed_jobs import QUEUES, FailedJobScreen
from erp.admin.settings.history import HistoryScreen
from erp.admin.settings.imports import CARD as IMPORTS
from erp.admin.settings.imports import ImportPage
from erp.admin.settings.jobs import JobsPage
from erp.admin.settings.modules import ModulesPage
from erp.admin.settings.options import OptionsPage
from erp.admin.settings.roles import RoleScreen
from erp.admin.settings.users import UserScreen
from erp.admin.settings.views import SavedViewsPage
from erp.registry import ViewEntry

VIEWS: tuple[ViewEntry, ...] = (
    ViewEntry(ModulesPage, "Settings", "erp.modules"),
    ViewEntry(OptionsPage, "Settings", "erp.options"),
    ViewEntry(JobsPage, "Settings", "erp.jobs"),
    ViewEntry(FailedJobScreen, "Settings", "erp.jobs"),
    ViewEntry(UserScreen, "Settings", "erp.users"),
    ViewEntry(RoleScreen, "Settings", "erp.users"),
    ViewEntry(HistoryScreen, "Settings", "erp.history"),
    ViewEntry(ImportPage, "Settings", "erp.import"),
    ViewEntry(ExportPage, "Settings", "erp.export"),
    ViewEntry(SavedViewsPage, "Settings", ""),
)

__all__ = ["IMPORTS", "QUEUES", "VIEWS"]
