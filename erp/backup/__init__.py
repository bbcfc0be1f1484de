"""A way back: one file with a consistent copy of the database and the instance's files, made while everything runs.

`[erp] backup_folder` has one made on a schedule.
"""

from erp.backup.errors import (
    BackupTooNew,
    BadBackup,
    DamagedDatabase,
    DatabaseNotEmpty,
    ModulesMissing,
    OtherDatabase,
)
from erp.backup.jobs import back_up
from erp.backup.making import make, restore

__all__ = [
    "BackupTooNew",
    "BadBackup",
    "DamagedDatabase",
    "DatabaseNotEmpty",
    "ModulesMissing",
    "OtherDatabase",
    "back_up",
    "make",
    "restore",
]
