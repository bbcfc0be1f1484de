"""How files of other programs are read: what is understood, what is never guessed, and how problems are said."""

from __future__ import annotations

import io
import tracemalloc
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain

import pytest

from erp import exchange
from erp.db import commit
from erp.exchange import Column, ImportKind, ImportRefused, import_csv, in_parts, kinds, read_csv
from tests.core.small import make_module

COLUMNS = (
    Column("number", exchange.code(40), required=True),
    Column("customer", exchange.code(40), required=True),
    Column("at", exchange.instant),
    Column("sku", exchange.code(40), required=True),
    Column("quantity", exchange.quantity, required=True),
    Column("due", exchange.day),
    Column("note", exchange.text(200)),
)
HEAD = "number,customer,at,sku,quantity,due,note"


@pytest.fixture
def stored():
    """The values that the made-up kind `slips` stored, a row each."""
    return []


@pytest.fixture
def desk(small_app, stored):
    """Module `desk` imports slips, of which the rows of one number belong together."""

    def put(session, rows, errors):
        for row in rows:
            if row["sku"].startswith("GONE"):
                errors.add_unknown(row, "sku", "is not the SKU of a product")
        errors.raise_if_any()
        stored.extend(tuple(row[column.name] for column in COLUMNS) for row in rows)
        return f"{len(rows)} rows."

    def setup(core):
        core.add_import(
            ImportKind("slips", "Slips", "desk.edit", COLUMNS, (), put, header=("number", "customer", "at"))
        )

    return small_app(make_module("desk", setup=setup), ini="[erp]\ntimezone = Europe/Berlin\n")


def take_in(*lines):
    return commit(lambda session: import_csv(session, "slips", "\n".join(lines).encode()))


def refusal(*lines):
    """Return what is printed of a file that is refused."""
    with pytest.raises(ImportRefused) as refused:
        take_in(*lines)
    return refused.value.lines(10)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_header_shows_the_delimiter(desk, stored, delimiter):
    take_in(delimiter.join(HEAD.split(",")), delimiter.join(["N1", "ACME", "", "A", "1.5", "", '"a,b;c"']))
    assert stored == [("N1", "ACME", None, "A", Decimal("1.5"), None, "a,b;c")]


@pytest.mark.parametrize("line", ["sep=;", "SEP=;", '"sep=;"', "\ufeffsep=;"])
def test_a_first_line_that_names_the_delimiter_is_obeyed_and_counted(desk, stored, line):
    header = HEAD.replace(",", ";")
    take_in(line, header, "N1;ACME;;A;1;;")
    assert stored[0][0] == "N1"
    assert refusal(line, header, "N1;ACME;;A;none;;") == [
        "Row 3, column quantity: 'none' is not a number such as 12 or 12.5."
    ]


@pytest.mark.parametrize(("header", "row"), [(",,", ",,"), (",,", ""), (",", ",")])
def test_nameless_empty_columns_are_passed_over(desk, stored, header, row):
    take_in(f"{HEAD}{header}", f"N1,ACME,,A,1,,x{row}")
    take_in(f",{HEAD}", ",N2,ACME,,A,1,,x")
    assert [values[0] for values in stored] == ["N1", "N2"]


def test_a_value_in_a_nameless_column_is_refused_with_the_place_of_the_column(desk):
    assert refusal(f"{HEAD},", "N1,ACME,,A,1,,,why") == [
        "Row 2: 'why' stands in column 8, which has no name: name the column, or empty it."
    ]


def test_the_header_once_more_is_refused(desk):
    assert refusal(HEAD, "N1,ACME,,A,1,,", HEAD) == ["Row 3: the row is the header once more: remove it."]


def test_a_column_with_an_invisible_character_in_its_name_is_named(desk):
    assert "and the name has U+200B ZERO WIDTH SPACE." in refusal(HEAD.replace("sku", "sku\u200b"), "")[0]


def test_a_column_name_in_decomposed_letters_is_the_same_name(small_app, stored):
    def setup(core):
        kind = ImportKind("slips", "Slips", "desk.edit", (Column("größe", exchange.code(9)),), (), lambda *_: "Done.")
        core.add_import(kind)

    small_app(make_module("desk", setup=setup))
    assert take_in("gro\u0308ße", "1") == "Done."


@pytest.mark.parametrize(
    ("cell", "hour"),
    [
        ("2026-11-02 09:14:02 +0100", 8),
        ("2026-11-02 09:14:02 +01:00", 8),
        ("2026-11-02T09:14:02+0100", 8),
        ("2026-11-02 09:14:02 Z", 9),
        ("2026-11-02 09:14", 8),
    ],
)
def test_offsets_are_read_however_they_are_written(desk, cell, hour):
    assert exchange.instant(cell).hour == hour


@pytest.mark.parametrize("cell", ["2026-11-23 00:00:00", "2026-11-23T00:00", "2026-11-23 00:00:00.000"])
def test_midnight_after_a_date_is_that_day(cell):
    assert exchange.day(cell) == date(2026, 11, 23)


@pytest.mark.parametrize(
    ("parse", "cell", "message"),
    [
        (exchange.day, "2026-11-23 09:30:00", "has a time, and a date is wanted: write it without a time"),
        (exchange.day, "23.11.2026", "write the year, the month and the day in this order"),
        (exchange.day, "11/23/2026", "write the year, the month and the day in this order"),
        (exchange.instant, "11/23/2026 10:00", "write the year, the month and the day in this order"),
        (exchange.instant, "2026-03-29 02:30:00", "is skipped when clocks go forward: write it with its zone"),
        (exchange.instant, "2026-10-25 02:30:00", "is there twice that night, when clocks go back: write it with its"),
        (exchange.quantity, "1,5", "write a decimal point, and nothing between thousands"),
        (exchange.quantity, "1.234,50", "write a decimal point, and nothing between thousands"),
        (exchange.quantity, "1 000", "write a decimal point, and nothing between thousands"),
        (exchange.quantity, "1.2E+03", "is in exponent form"),
        (exchange.code(40), "4.00638E+12", "is a number in exponent form"),
        (exchange.code(40), "4,00638E+12", "is a number in exponent form"),
        (exchange.code(40), "4E+12", "is a number in exponent form"),
        (exchange.text(40), "4.00638E+12", "is a number in exponent form"),
        (exchange.code(40), "AB\u200bC", "has U\\+200B ZERO WIDTH SPACE: remove it"),
        (exchange.code(40), "\u202eABC", "has U\\+202E RIGHT-TO-LEFT OVERRIDE: remove it"),
    ],
)
def test_what_is_never_guessed_is_refused_with_what_to_do(desk, parse, cell, message):
    with pytest.raises(ValueError, match=message):
        parse(cell)


@pytest.mark.parametrize("cell", ["1E5", "E+12", "A4E+12", "12E4B", "4006381333931"])
def test_a_code_that_only_resembles_an_exponent_is_a_code(cell):
    assert exchange.code(40)(cell) == cell


def test_the_hours_beside_a_change_of_clocks_are_read(desk):
    assert exchange.instant("2026-03-29 01:59") == datetime(2026, 3, 29, 0, 59, tzinfo=UTC)
    assert exchange.instant("2026-03-29 03:00") == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert exchange.instant("2026-10-25 02:30 +0100") == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_decomposed_letters_are_the_same_name(desk, stored):
    take_in(HEAD, "N1,Mu\u0308ller,,A,1,,", "N1,M\u00fcller,,B,2,,")
    assert [values[1] for values in stored] == ["Mu\u0308ller"] * 2


def test_cells_of_a_document_that_are_empty_from_its_second_row_on_say_what_its_first_row_says(desk, stored):
    take_in(HEAD, "N1,ACME,2026-11-02,A,1,,", ",,,B,2,,", "N2,OTHER,,C,3,,", "n1,,,D,4,,", ",,,E,5,,")
    assert [(number, customer, sku) for number, customer, _, sku, *_ in stored] == [
        ("N1", "ACME", "A"),
        ("N1", "ACME", "B"),
        ("N1", "ACME", "D"),
        ("N1", "ACME", "E"),
        ("N2", "OTHER", "C"),
    ]
    assert {values[2] for values in stored if values[0] == "N1"} == {datetime(2026, 11, 1, 23, tzinfo=UTC)}


def test_rows_of_documents_are_cut_between_documents(desk, monkeypatch):
    monkeypatch.setattr(kinds, "ROWS_AT_ONCE", 2)
    lines = ["N1,ACME,,A,1,,", "N2,ACME,,B,1,,", "n1,,,C,1,,", "N3,ACME,,D,1,,", "N1,,,E,1,,", "N2,,,F,1,,"]
    reading = read_csv("slips", "\n".join([HEAD, *lines]).encode())
    parts = [[(row.number, row["number"], row["sku"]) for row in part] for part in in_parts(reading.rows)]
    assert parts == [
        [(2, "N1", "A"), (4, "N1", "C"), (6, "N1", "E")],
        [(3, "N2", "B"), (7, "N2", "F")],
        [(5, "N3", "D")],
    ]


def test_rows_of_documents_are_found_by_their_place(desk):
    rows = read_csv("slips", "\n".join([HEAD, *(f"N{n},ACME,,A{n},1,,x" for n in range(5))]).encode()).rows
    assert len(rows) == 5
    assert [row["sku"] for row in (rows[0], rows[-1], *rows[1:3])] == ["A0", "A4", "A1", "A2"]
    assert (rows[1].text("note"), rows[1].given("due"), rows[1].given("none")) == ("x", True, False)
    with pytest.raises(IndexError):
        _ = rows[5]


@pytest.mark.parametrize("rows", [[",,,A,1,,"], ["N1,ACME,,A,1,,", ",OTHER,,B,1,,"]])
def test_a_row_of_no_document_is_refused_with_what_to_do(desk, rows):
    assert "repeat the number in each row" in refusal(HEAD, *rows)[0]


def test_all_problems_are_reported_at_once_those_that_only_the_database_knows_too(desk, stored):
    assert refusal(HEAD, "N1,ACME,,GONE,1,,", "N2,ACME,,A,none,,", "N3,ACME,,A,1,,") == [
        "Row 2, column sku: 'GONE' is not the SKU of a product.",
        "Row 3, column quantity: 'none' is not a number such as 12 or 12.5.",
    ]
    assert stored == []


def test_of_many_errors_each_kind_is_said_once_with_its_rows_and_the_worst_first(desk):
    rows = [f"N{n},ACME,,GONE{n},1,," for n in range(6)] + [f"M{n},ACME,,A,none,," for n in range(8)]
    assert refusal(HEAD, *rows, "N9,ACME,,A,1,,,") == [
        "Row 16: the row has 8 cells where the header has 7.",
        "Rows 8–15, column quantity: 'none' is not a number such as 12 or 12.5.",
        "Rows 2–7, column sku: 'GONE0' is not the SKU of a product.",
    ]


def test_what_a_file_names_and_nobody_knows_is_listed_once(desk):
    with pytest.raises(ImportRefused):
        take_in(HEAD, "N1,ACME,,GONE1,1,,")
    reading = read_csv("slips", f"{HEAD}\nN1,ACME,,GONE1,1,,\nN2,ACME,,GONE2,1,,\nN3,ACME,,GONE1,1,,\n".encode())
    for row in reading.rows:
        reading.errors.add_unknown(row, "sku", "is not the SKU of a product")
    assert reading.errors.unknown == {"sku": {"GONE1": 2, "GONE2": 3}}


FAULTS = ("", "1e3", "1,5", "none", "-1", "0", "0.00001", "9999999999")


def many_faults(rows):
    """Yield the lines of a file of which most rows have a fault, of 50 kinds."""
    cells = {
        "number": ["", "N" * 50, "4.0E+12", "A\u200bB", "A\u202eB", "A\tB", "A\ue000B"],
        "customer": ["", "C" * 50, "4.0E+12", "A\u200bB", "A\u202eB", "A\tB", "A\ue000B"],
        "at": ["soon", "1.2.2026", "2026-13-01", "2026-03-29T02:30", "2026-10-25T02:30", "2026-01-01T25:00", "2026"],
        "sku": ["", "S" * 50, "4.0E+12", "A\u200bB", "A\u202eB", "A\tB", "A\ue000B"],
        "quantity": FAULTS,
        "due": ["soon", "1.2.2026", "2026-02-30", "1066-10-14", "2026-01-01 09:00", "2026-1-1", "9999-01-01"],
        "note": ["X" * 201, "4.0E+12", "A\u202eB", "A\tB", "A\ue000B", "A\x07B", "A\u2028B"],
    }
    faults = [(column, text) for column, texts in cells.items() for text in texts][:50]
    yield f"{HEAD}\n".encode()
    for row in range(rows):
        good = {"number": f"N{row}", "customer": "ACME", "at": "", "sku": "A", "quantity": "1", "due": "", "note": ""}
        column, text = faults[row % len(faults)]
        good[column] = text
        yield (",".join(f'"{cell}"' for cell in good.values()) + "\n").encode()


class Lines(io.RawIOBase):
    """A file that is made while it is read, so that it takes no memory itself."""

    def __init__(self, lines):
        self._lines = lines

    def __iter__(self):
        return iter(self._lines)


def test_a_hundred_thousand_rows_with_fifty_kinds_of_faults_are_reported_in_one_pass_in_bounded_memory(desk):
    tracemalloc.start()
    reading = read_csv("slips", Lines(many_faults(100_000)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    errors = reading.errors
    assert errors.count == 100_000
    assert len(errors.bad_rows) == 100_000
    assert sum(problem.count for problem in errors.problems()) == 100_000
    assert 40 <= len(errors.problems()) <= 50
    assert sum(len(problem.examples) for problem in errors.problems()) <= 50 * 20
    assert peak < 40_000_000


def _peak_of(rows):
    """Return the peak memory of reading a file in which the lines of a document stand far apart, part by part."""
    quarter = rows // 4
    lines = (f"N{row % quarter},ACME,,A,{row % 7 + 1},,\n".encode() for row in range(rows))
    tracemalloc.start()
    reading = read_csv("slips", Lines(chain([f"{HEAD}\n".encode()], lines)))
    counted = [sum(row["quantity"] for row in part) for part in in_parts(reading.rows)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(reading.rows) == rows
    assert sum(counted) == sum(row % 7 + 1 for row in range(rows))
    return peak


def test_a_file_of_a_hundred_thousand_lines_takes_no_more_memory_than_one_of_twenty_thousand(desk):
    assert _peak_of(100_000) < 1.1 * _peak_of(20_000)
