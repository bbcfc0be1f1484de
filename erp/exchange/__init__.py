"""CSV in, checked and all or nothing, and CSV out.

A module declares an ImportKind as columns with parsers and one `apply` that stores all rows with statements for sets;
other modules add columns of their own to it. An export puts `'` before a text that a spreadsheet would run as a
formula, and an import takes it off.
"""

from erp.exchange.kinds import AfterImport, Column, ExportKind, ImportKind, Row, notes_of_import
from erp.exchange.maps import LeaveOut, Map, Source, join, take
from erp.exchange.parsers import (
    code,
    day,
    email_address,
    instant,
    long_text,
    money,
    one_of,
    quantity,
    quantity_or_zero,
    signed_quantity,
    switch,
    text,
    whole_number,
)
from erp.exchange.problems import Errors, ImportRefused, Problem, RowError
from erp.exchange.reading import import_csv, read_csv, store
from erp.exchange.writing import as_cell, export_csv

__all__ = [
    "AfterImport",
    "Column",
    "Errors",
    "ExportKind",
    "ImportKind",
    "ImportRefused",
    "LeaveOut",
    "Map",
    "Problem",
    "Row",
    "RowError",
    "Source",
    "as_cell",
    "code",
    "day",
    "email_address",
    "export_csv",
    "import_csv",
    "instant",
    "join",
    "long_text",
    "money",
    "notes_of_import",
    "one_of",
    "quantity",
    "quantity_or_zero",
    "read_csv",
    "signed_quantity",
    "store",
    "switch",
    "take",
    "text",
    "whole_number",
]
