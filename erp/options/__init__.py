"""Options: their types, their values and where these come from, and ini text."""

from erp.options.ini import as_ini, example_ini, parse_ini, read_ini_file
from erp.options.types import Choice, Decimal, Duration, ImageFile, Integer, Mailbox, Option, Switch, Text
from erp.options.values import (
    Effective,
    OptionTable,
    Switched,
    bump_revision,
    options,
    store_ini,
    store_option,
    store_options,
)

__all__ = [
    "Choice",
    "Decimal",
    "Duration",
    "Effective",
    "ImageFile",
    "Integer",
    "Mailbox",
    "Option",
    "OptionTable",
    "Switch",
    "Switched",
    "Text",
    "as_ini",
    "bump_revision",
    "example_ini",
    "options",
    "parse_ini",
    "read_ini_file",
    "store_ini",
    "store_option",
    "store_options",
]
