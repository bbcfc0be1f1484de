"""What the core itself declares: its section of the ini file and its own rights."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import available_timezones

from babel.core import get_global
from babel.localedata import locale_identifiers
from typing_extensions import override

from erp.manifest import Permission
from erp.options import Choice, Duration, ImageFile, Integer, Option, Switch, Text
from erp.text import say

NAME = "erp"

# What the core's own commands are called: no module may take one of these names.
COMMANDS = (
    "backup",
    "check",
    "demo",
    "export",
    "import",
    "init",
    "jobs",
    "modules",
    "options",
    "restore",
    "serve",
    "users",
    "worker",
)


@dataclass(frozen=True, kw_only=True)
class TimeZone(Choice):
    """A time zone by its name."""

    @property
    @override
    def allowed(self) -> str:
        return say("the name of a time zone such as UTC or Europe/Berlin is allowed")


@dataclass(frozen=True, kw_only=True)
class Locale(Choice):
    """A locale by its name; empty where there is none."""

    @property
    @override
    def allowed(self) -> str:
        return say("the name of a locale such as en or de_AT is allowed, or nothing")


@dataclass(frozen=True, kw_only=True)
class Currency(Choice):
    """A currency by its code; empty where there is none."""

    @property
    @override
    def allowed(self) -> str:
        return say("the code of a currency such as EUR is allowed, or nothing")


OPTIONS: tuple[Option[Any], ...] = (
    TimeZone(
        name="timezone",
        default="UTC",
        choices=tuple(sorted(available_timezones())),
        help="The zone in which days begin and times are shown.",
    ),
    Text(name="company_name", default="My Company", help="The name that is printed on papers and in emails."),
    Text(name="company_address", default="", help="The address that is printed on papers, its lines with ; between."),
    ImageFile(
        name="company_logo",
        default="",
        help="An image file of at most 1 MB that is printed on papers; empty = none.",
    ),
    Locale(
        name="locale",
        default="",
        choices=("", *sorted(locale_identifiers())),
        help="Whose language and separators pages have where nobody asks for others; empty: English, and 1234.5.",
    ),
    Currency(
        name="currency",
        default="",
        choices=("", *sorted(get_global("all_currencies"))),
        help="The currency that is shown after amounts; empty: none.",
    ),
    Text(
        name="module_path",
        default="",
        help="Folders with more modules, separated by colons. Read at the start.",
        at_start=True,
    ),
    Text(
        name="backup_folder",
        default="",
        help="Where a backup is made on a schedule; empty makes none. Read at the start.",
        at_start=True,
    ),
    Duration(name="backup_every", default=timedelta(days=1), help="How often a scheduled backup is made."),
    Integer(name="backup_keep", default=14, minimum=1, maximum=10_000, help="How many scheduled backups are kept."),
    Duration(
        name="replica_lag",
        default=timedelta(seconds=10),
        help="How far the replica of ERP_REPLICA_URL may be behind so that lists and exports are read from it.",
    ),
    Duration(name="check_every", default=timedelta(days=1), help="How often the invariants are checked."),
    Duration(
        name="statistics_every",
        default=timedelta(days=1),
        help="How often SQLite counts its rows, to find them by the best index; PostgreSQL does so itself.",
    ),
    Duration(
        name="stuck_after",
        default=timedelta(hours=1),
        help="A queue is stuck where an entry has been due for longer than this.",
    ),
    Duration(
        name="report_every",
        default=timedelta(minutes=15),
        help="How often failed jobs, failed checks and stuck queues are looked for.",
    ),
    Integer(
        name="suspend_after_failures",
        default=20,
        help="Another party's module that fails so often within an hour is switched off; 0: never.",
    ),
    Switch(
        name="alarm_mails",
        default=True,
        help="Mail the administrators what needs them, once for each change of it.",
    ),
    Switch(
        name="metrics",
        default=False,
        help="Give numbers to Prometheus at /metrics; it needs the extra `metrics`. Read at the start.",
        at_start=True,
    ),
    Integer(
        name="upload_limit",
        default=32,
        minimum=1,
        maximum=99,
        help="The largest file that may be uploaded, in megabytes.",
    ),
    Switch(
        name="second_factor",
        default=False,
        help="Users may set up a second factor, and are asked for its code when they sign in.",
    ),
    Text(
        name="second_factor_roles",
        default="",
        only_if="second_factor",
        help="Roles, separated by commas, whose users have to set up a second factor.",
    ),
    Text(
        name="oidc_issuer",
        default="",
        help="The address of an OpenID Connect provider at which users may sign in; empty: none. It needs the extra "
        "`oidc`, and a client secret in ERP_OIDC_CLIENT_SECRET. Read at the start.",
        at_start=True,
    ),
    Text(
        name="oidc_client_id",
        default="",
        help="What the OpenID Connect provider calls this installation. Read at the start.",
        at_start=True,
    ),
    Text(name="oidc_label", default="single sign-on", help="What users call the OpenID Connect provider."),
    Switch(
        name="oidc_unverified_email",
        default=False,
        help="Find the user of somebody by an email address that the OpenID Connect provider has not verified.",
    ),
    Switch(
        name="oidc_create",
        default=False,
        help="Make a user of somebody whom the OpenID Connect provider lets in and whose address nobody has.",
    ),
    Text(
        name="oidc_roles",
        default="",
        only_if="oidc_create",
        help="Roles, separated by commas, of the users that are made so.",
    ),
    Text(
        name="import_folder",
        default="",
        help="A folder where the worker runs: its files KIND*.csv are imported and moved. Empty: none.",
    ),
    Duration(
        name="import_every",
        default=timedelta(minutes=1),
        help="How often waiting files and the watched folder are imported.",
    ),
)

PERMISSIONS = (
    Permission("erp.modules", "Install, enable and disable modules"),
    Permission("erp.options", "Change options"),
    Permission("erp.jobs", "Watch, start and pause jobs"),
    Permission("erp.users", "Manage users and their roles"),
    Permission(
        "erp.import", "Import CSV files on the screen", roles=("Sales clerk", "Merchandiser", "Warehouse clerk")
    ),
    Permission(
        "erp.export",
        "Export lists and CSV files on the screen",
        roles=("Auditor", "Sales clerk", "Merchandiser", "Warehouse clerk"),
    ),
    Permission(
        "erp.share_views",
        "Share saved views of lists",
        roles=("Auditor", "Sales clerk", "Merchandiser", "Warehouse clerk"),
    ),
    Permission("erp.history", "Search the history", roles=("Auditor",)),
)
