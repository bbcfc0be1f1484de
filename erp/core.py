"""What the core itself declares: its section of the ini file and its own rights."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import available_timezones

from typing_extensions import override

from erp.manifest import Permission
from erp.options import Choice, Duration, Integer, Option, Switch, Text

NAME = "erp"


@dataclass(frozen=True, kw_only=True)
class TimeZone(Choice):
    """A time zone by its name."""

    @property
    @override
    def allowed(self) -> str:
        return "the name of a time zone such as UTC or Europe/Berlin is allowed"


OPTIONS: tuple[Option[Any], ...] = (
    TimeZone(
        name="timezone",
        default="UTC",
        choices=tuple(sorted(available_timezones())),
        help="The zone in which days begin and times are shown.",
    ),
    Text(name="company_name", default="My Company", help="The name that is printed on papers and in emails."),
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
        name="stuck_after",
        default=timedelta(hours=1),
        help="A queue is stuck where an entry has been due for longer than this.",
    ),
    Duration(
        name="report_every",
        default=timedelta(minutes=15),
        help="How often failed jobs, failed checks and stuck queues are looked for.",
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
    Permission("erp.history", "Search the history", roles=("Auditor",)),
)
