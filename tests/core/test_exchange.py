"""CSV in and out, with a made-up kind of file."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum

import pytest

from erp import exchange
from erp.db import commit, db
from erp.errors import ErpError, ModuleOff, NotFound
from erp.exchange import AfterImport, Column, ExportKind, ImportKind, ImportRefused, export_csv, import_csv
from erp.registry import current_registry
from tests.core.small import make_module


class Colour(StrEnum):
    red = "red"
    green = "green"


COLUMNS = (
    Column("code", exchange.code(10), required=True),
    Column("amount", exchange.quantity, required=True),
    Column("due", exchange.day, required=True, can_be_empty=True),
    Column("note", exchange.long_text),
)


@pytest.fixture
def stored():
    """What the made-up kinds stored."""
    return []


@pytest.fixture
def shelf(small_app, stored):
    """Module `shelf` imports and exports jars; module `label` adds a column `colour` to both."""

    def put(session, rows, errors):
        for row in rows:
            if row["code"] == "GONE":
                errors.add(row, "code", "is not the code of a jar")
            with errors.of(row, "amount"):
                if row["amount"] > 100:
                    raise ErpError("The jar holds 100.")
        errors.raise_if_any()
        stored.extend((row.number, row["code"], row["amount"], row["due"], row["note"]) for row in rows)
        return f"{len(rows)} jars."

    def paint(session, rows, errors):
        stored.extend(("colour", row["code"], row["colour"]) for row in rows)

    def jars(session):
        yield ("A", Decimal("1.5000"), None, "=1+1")
        yield ("B", Decimal("100"), date(2026, 1, 2), "plain")

    def shelf_setup(core):
        shake = AfterImport("shake", "Shake the jars.", lambda session, rows: f"{len(rows)} shaken.")
        core.add_import(ImportKind("jars", "Jars", "shelf.edit", COLUMNS, ("code",), put, (shake,)))
        core.add_export(ExportKind("jars", "Jars", "shelf.view", ("code", "amount", "due", "note"), jars))

    def label_setup(core):
        core.extend_import("jars", [Column("colour", exchange.one_of(Colour))], paint)
        core.extend_export("jars", ["colour"], lambda session: {"A": (Colour.red,)})

    small_app(make_module("shelf", setup=shelf_setup), make_module("label", "shelf", setup=label_setup))


def take_in(text, **more):
    data = text if isinstance(text, bytes) else text.encode()
    return commit(lambda session: import_csv(session, "jars", data, **more))


def refusal(text):
    """Return the errors of a file that is refused, as they are printed."""
    with pytest.raises(ImportRefused) as refused:
        take_in(text)
    return [str(error) for error in refused.value.errors]


def test_rows_are_stored_with_their_numbers_in_the_file(shelf, stored):
    summary = take_in('code,amount,due,note\nA,1.50,2026-11-23,"two\nlines"\n\nB,2,,\n')
    assert summary == "2 jars."
    assert stored == [(2, "A", Decimal("1.50"), date(2026, 11, 23), "two\nlines"), (4, "B", Decimal(2), None, None)]


def test_columns_come_in_any_order_and_optional_ones_may_be_left_out(shelf, stored):
    take_in("due, amount ,code\n,3,C\n")
    assert stored == [(2, "C", Decimal(3), None, None)]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_byte_order_mark_and_windows_line_ends_are_fine(shelf, stored, mark, newline):
    take_in(mark + newline.join(["code,amount,due", "A,1,", "B,2,", ""]))
    assert [row[1] for row in stored] == ["A", "B"]


def test_a_header_alone_is_no_rows(shelf, stored):
    assert take_in("code,amount,due\n") == "0 rows."
    assert stored == []


@pytest.mark.parametrize("text", ["", "\n", "\ufeff", " \n\n"])
def test_an_empty_file_is_an_error(shelf, text):
    assert refusal(text) == ["Row 1: the file is empty: a header row is needed."]


def test_a_file_that_is_not_utf8_is_refused_with_its_row(shelf):
    assert refusal("code,amount,due\nCAF\xc9,1,\n".encode("latin-1")) == [
        "Row 2: the file is not UTF-8 text: save it as CSV UTF-8."
    ]


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ("code,amount,due,weight", "column weight: there is no such column; the columns are code, amount, due, note"),
        ("code,due", "column amount: the column is missing"),
        ("code,amount,due,code", "column code: the column is there twice"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(shelf, header, error):
    [line] = refusal(f"{header}\n")
    assert line.startswith("Row 1")
    assert error in line


def test_every_wrong_cell_is_reported_with_its_row_column_and_value(shelf, stored):
    text = "code,amount,due\nA,many,\nB,-1,2026-02-30\n,5,\nC,1,\nC,1e3,soon\n"
    assert refusal(text) == [
        "Row 2, column amount: 'many' is not a number such as 12 or 12.5.",
        "Row 3, column amount: '-1' is not more than 0.",
        "Row 3, column due: '2026-02-30' is not a day of the calendar.",
        "Row 4, column code: the cell is empty.",
        "Row 6, column amount: '1e3' is in exponent form, as a spreadsheet shortens it: write the number in full.",
        "Row 6, column due: 'soon' is not a date such as 2026-11-23.",
        "Row 6, column code: 'C' is there twice: row 5 has the same code.",
    ]
    assert stored == []


def test_keys_that_cannot_be_read_are_no_twins_of_each_other(shelf):
    text = f"code,amount,due\n,1,\n,2,\n{'A' * 99},3,\n{'B' * 99},4,\n"
    assert [line for line in refusal(text) if "is there twice" in line] == []


def test_a_whole_number_that_is_too_long_is_refused():
    with pytest.raises(ValueError, match="is beyond 999,999,999"):
        exchange.whole_number("1000000000")


def test_a_row_of_one_cell_is_reported_in_the_singular(shelf):
    assert refusal("code,amount,due\nA\n") == ["Row 2: the row has 1 cell where the header has 3."]


def test_what_the_module_refuses_stands_by_its_row_and_nothing_is_stored(shelf, stored):
    assert refusal("code,amount,due\nA,1,\nGONE,101,\n") == [
        "Row 3, column code: 'GONE' is not the code of a jar.",
        "Row 3, column amount: '101': The jar holds 100.",
    ]
    assert stored == []


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("A,1", "Row 2: the row has 2 cells where the header has 3."),
        ("A,1,,", "Row 2: the row has 4 cells where the header has 3."),
        ('A"B,1,"', "Row 2: the row cannot be read as CSV"),
        ('"A"B,1,', "Row 2: the row cannot be read as CSV"),
        ("A\0,1,", "Row 2, column code: 'A\\x00' has a NUL character."),
        ("ABCDEFGHIJK,1,", "Row 2, column code: 'ABCDEFGHIJK' is longer than 10 characters."),
    ],
)
def test_a_row_that_is_no_row_is_refused(shelf, line, error):
    assert refusal(f"code,amount,due\n{line}\n")[0].startswith(error)


def test_a_long_value_is_cut_in_its_error(shelf):
    assert f"'{'x' * 60}…' is not a number" in refusal(f"code,amount,due\nA,{'x' * 900},\n")[0]


def test_a_number_beyond_the_limit_is_refused(shelf):
    assert refusal("code,amount,due\nA,1000000000.0001,\n") == [
        "Row 2, column amount: '1000000000.0001' is beyond 1,000,000,000."
    ]


def test_a_column_of_a_module_that_is_on_is_stored_by_it(shelf, stored):
    take_in("code,amount,due,colour\nA,1,,green\n")
    assert stored[-1] == ("colour", "A", Colour.green)


def test_a_column_of_a_module_that_is_off_is_refused_by_the_module(shelf):
    commit(lambda session: current_registry().disable(session, "label"))
    assert refusal("code,amount,due,colour\nA,1,,green\n") == [
        "Row 1, column colour: column colour belongs to module label, which is off."
    ]


def test_a_kind_of_a_module_that_is_off_is_refused_by_the_module(shelf):
    commit(lambda session: current_registry().disable(session, "label"))
    commit(lambda session: current_registry().disable(session, "shelf"))
    with pytest.raises(ModuleOff, match="Import kind jars belongs to module shelf, which is off"):
        take_in("code,amount,due\n")
    with pytest.raises(ModuleOff, match="Export kind jars"):
        export_csv(db.session(), "jars")


def test_an_unknown_kind_is_not_found(shelf):
    with pytest.raises(NotFound, match="There is no import kind 'cups'"):
        import_csv(db.session(), "cups", b"")


def test_a_step_after_the_import_is_taken_when_it_is_asked_for(shelf):
    assert take_in("code,amount,due\nA,1,\n", after=["shake"]) == "1 jars. 1 shaken."


def test_an_export_is_plain_text_without_formulas_and_with_the_columns_of_others(shelf):
    assert "".join(export_csv(db.session(), "jars")) == (
        "code,amount,due,note,colour\nA,1.5,,'=1+1,red\nB,100,2026-01-02,plain,\n"
    )


def test_the_columns_of_a_module_that_is_off_are_not_exported(shelf):
    commit(lambda session: current_registry().disable(session, "label"))
    assert next(export_csv(db.session(), "jars")).startswith("code,amount,due,note\n")


def test_what_is_exported_can_be_imported(shelf, stored):
    take_in("".join(export_csv(db.session(), "jars")))
    assert stored[0] == (2, "A", Decimal("1.5"), None, "=1+1")


def test_a_large_export_comes_in_pieces(shelf, monkeypatch):
    kind = current_registry().exports["jars"].thing
    monkeypatch.setitem(kind.__dict__, "rows", lambda session: (("A", n, None, "x" * 100) for n in range(2000)))
    pieces = list(export_csv(db.session(), "jars"))
    assert len(pieces) > 3
    assert "".join(pieces).count("\n") == 2001


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_a_text_that_a_spreadsheet_would_run_gets_a_mark(sign):
    assert exchange.as_cell(f"{sign}cmd") == f"'{sign}cmd"


@pytest.mark.parametrize(
    ("cell", "text"), [("'=1", "=1"), ("''=1", "'=1"), ("''tis", "''tis"), ("'tis", "'tis"), ("'", "'"), ("=1", "=1")]
)
def test_one_mark_is_taken_off_where_it_guards(shelf, stored, cell, text):
    take_in(f"code,amount,due,note\nA,1,,{cell}\n")
    assert stored[0][-1] == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (False, "no"),
        (Decimal("-2.5000"), "-2.5"),
        (-3, "-3"),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=1))), "2026-01-02T02:04:05Z"),
        (Colour.red, "red"),
    ],
)
def test_values_are_written_one_way(value, text):
    assert exchange.as_cell(value) == text


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("2026-11-23", datetime(2026, 11, 22, 23, tzinfo=UTC)),
        ("2026-11-23T09:00:00", datetime(2026, 11, 23, 8, tzinfo=UTC)),
        ("2026-11-23 09:00", datetime(2026, 11, 23, 8, tzinfo=UTC)),
        ("2026-11-23T09:00:00Z", datetime(2026, 11, 23, 9, tzinfo=UTC)),
        ("2026-11-23T09:00:00.5-05:00", datetime(2026, 11, 23, 14, 0, 0, 500000, tzinfo=UTC)),
    ],
)
def test_a_time_without_a_zone_is_in_the_companys_zone(small_app, cell, value):
    small_app(ini="[erp]\ntimezone = Europe/Berlin\n")
    assert exchange.instant(cell) == value


@pytest.mark.parametrize(
    ("parse", "cell"),
    [
        (exchange.instant, "23.11.2026"),
        (exchange.instant, "2026-11-23T25:00:00"),
        (exchange.instant, "0001-01-01T00:00:00+14:00"),
        (exchange.day, "2026-W48-1"),
        (exchange.day, "20261123"),
        (exchange.quantity, "0"),
        (exchange.quantity, "0.00001"),
        (exchange.quantity, "1,5"),
        (exchange.quantity, "１"),
        (exchange.quantity, "NaN"),
        (exchange.quantity_or_zero, "-0.1"),
        (exchange.signed_quantity, "0.0"),
        (exchange.money, "-1"),
        (exchange.whole_number, "1.0"),
        (exchange.whole_number, "9999999999"),
        (exchange.switch, "true"),
        (exchange.one_of(Colour), "blue"),
        (exchange.text(5), "sixsix"),
        (exchange.text(5), "a\nb"),
    ],
)
def test_a_cell_that_does_not_fit_is_refused(small_app, parse, cell):
    small_app()
    with pytest.raises(ValueError, match="."):
        parse(cell)


@pytest.mark.parametrize(
    ("parse", "cell", "value"),
    [
        (exchange.quantity, " 1.50000 ", Decimal("1.5")),
        (exchange.quantity_or_zero, "0", Decimal(0)),
        (exchange.signed_quantity, "-2.5", Decimal("-2.5")),
        (exchange.whole_number, "-7", -7),
        (exchange.switch, "Yes", True),
        (exchange.switch, "no", False),
        (exchange.one_of(Colour), "green", Colour.green),
        (exchange.text(5), " five ", "five"),
    ],
)
def test_a_cell_that_fits_is_read(parse, cell, value):
    assert parse(cell) == value


def test_every_exported_import_kind_of_this_product_gives_its_import_columns(app):
    registry = current_registry()
    for name, owned in registry.imports.items():
        if name in ("receipts", "returns"):
            assert name not in registry.exports
            continue
        extensions = registry.live(registry.import_extensions[name])
        columns = [*owned.thing.columns, *(column for extension in extensions for column in extension.columns)]
        exported = next(export_csv(db.session(), name)).splitlines()[0].split(",")
        assert exported == [column.name for column in columns]
