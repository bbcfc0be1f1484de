"""CSV in, checked and all or nothing, and CSV out.

A module declares an ImportKind as columns with parsers and one `apply` that stores all rows with statements for sets;
other modules add columns of their own to it. An export puts `'` before a text that a spreadsheet would run as a
formula, and an import takes it off.
"""

from erp.exchange.documents import named_in
from erp.exchange.jobs import run_imports
from erp.exchange.kinds import (
    AfterImport,
    Column,
    ExportKind,
    ImportKind,
    Row,
    in_parts,
    notes_of_import,
    rows_by_number,
)
from erp.exchange.lines import Header, read_records
from erp.exchange.maps import LeaveOut, Map, Source, join, take
from erp.exchange.own_maps import BadMap, Guess, UnknownMap, find_map, maps_of, recognise, save_map
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
from erp.exchange.reading import Reading, columns_of, import_csv, read_csv, store
from erp.exchange.uploads import rights_of
from erp.exchange.writing import as_cell, export_csv, export_kinds

__all__ = [
    "AfterImport",
    "BadMap",
    "Column",
    "Errors",
    "ExportKind",
    "Guess",
    "Header",
    "ImportKind",
    "ImportRefused",
    "LeaveOut",
    "Map",
    "Problem",
    "Reading",
    "Row",
    "RowError",
    "Source",
    "UnknownMap",
    "as_cell",
    "code",
    "columns_of",
    "day",
    "email_address",
    "export_csv",
    "export_kinds",
    "find_map",
    "import_csv",
    "in_parts",
    "instant",
    "join",
    "long_text",
    "maps_of",
    "money",
    "named_in",
    "notes_of_import",
    "one_of",
    "quantity",
    "quantity_or_zero",
    "read_csv",
    "read_records",
    "recognise",
    "rights_of",
    "rows_by_number",
    "run_imports",
    "save_map",
    "signed_quantity",
    "store",
    "switch",
    "take",
    "text",
    "whole_number",
]
