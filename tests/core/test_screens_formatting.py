"""How values are shown and exported."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace

import pytest

from erp.admin import Badge, line_heading
from erp.admin.fields import read_quantity
from erp.admin.formatting import badge, cell, counted, day, money, plain, quantity


def test_numbers_have_no_trailing_zeros_and_amounts_two_decimals():
    assert [quantity(Decimal(each)) for each in ("3.0000", "2.5", "0", "1000000")] == ["3", "2.5", "0", "1000000"]
    assert [money(Decimal(each)) for each in ("3", "9.9", "1.2345")] == ["3.00", "9.90", "1.2345"]
    assert day(None) == "" and money(None) == ""


def test_a_bounded_count_says_where_it_stopped():
    assert [counted(each) for each in (0, 3, 10_000, 10_001)] == [0, 3, 10_000, "10,000+"]


def test_a_line_heading_names_the_document_the_line_and_the_product():
    line = SimpleNamespace(order=SimpleNamespace(name="SO00001"), position=2, product="[LAMP] Desk lamp")
    assert line_heading(line) == "SO00001, line 2: [LAMP] Desk lamp"


def test_states_are_badges_in_words():
    assert badge("partly_received") == '<span class="erp-badge erp-badge-warning">Partly received</span>'
    assert badge(Badge("<on hold>", "danger")) == '<span class="erp-badge erp-badge-danger">&lt;on hold&gt;</span>'
    assert badge(None) == ""
    assert cell(None) == "" and "yes" in cell(True)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_a_text_in_an_export_is_never_a_formula(text):
    assert plain(text) == f"'{text}"
    assert plain(Decimal("-1.50")) == "-1.5"


@pytest.mark.parametrize("text", ["", "abc", "1e5", "NaN", "Infinity", "1_000", "１２", "0.00001", "--1", "1" * 30])
def test_what_is_no_exact_number_is_refused(text):
    with pytest.raises(ValueError):
        read_quantity(text)
