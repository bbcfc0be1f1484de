"""Exact numbers, in Python and in both databases."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from erp.db import Quantity, UtcDateTime, raw, total
from erp.errors import BadNumber
from erp.numbers import LIMIT, format_quantity, from_raw, to_raw
from modules.inventory_lots.models import Product
from modules.preorder.models import OnHandChange
from tests.support.inventory_lots import make_product

quantities = st.decimals(-LIMIT, LIMIT, places=4)


@given(quantities)
def test_every_quantity_comes_back_as_it_went(value):
    assert from_raw(to_raw(value)) == value


@given(quantities)
def test_a_quantity_is_written_without_exponent_and_trailing_zeros(value):
    text = format_quantity(value)
    assert Decimal(text) == value
    assert "E" not in text
    assert not ("." in text and text.endswith("0"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("10.0000"), "10"),
        (Decimal("0.5"), "0.5"),
        (Decimal("1E+3"), "1000"),
        (Decimal("-0.1000"), "-0.1"),
        (Decimal("0.0000"), "0"),
        (None, ""),
    ],
)
def test_quantities_read_well(value, text):
    assert format_quantity(value) == text


def test_a_fifth_decimal_is_refused():
    with pytest.raises(BadNumber, match="1.00001 has more than 4 decimals"):
        to_raw(Decimal("1.00001"))


def test_what_no_column_can_hold_is_refused():
    with pytest.raises(BadNumber, match="too large"):
        to_raw(Decimal(10) ** 16)


def test_a_float_is_a_bug_even_where_it_equals_a_number_that_was_exact():
    assert to_raw(Decimal("2.5")) == 25_000
    for number in (0.1, 2.5):
        with pytest.raises(TypeError, match="not exact"):
            to_raw(number)


def keep(session, *values):
    product = make_product(session, unit_decimals=4)
    session.add_all(
        OnHandChange(product_id=product.id, date=datetime(2026, 11, 23, tzinfo=UTC).date(), quantity=value, note=str(n))
        for n, value in enumerate(values)
    )
    session.flush()
    session.expire_all()


def test_ten_tenths_are_one_in_the_database(session):
    keep(session, *[Decimal("0.1")] * 10)
    assert session.scalar(select(total(OnHandChange.quantity))) == Decimal(1)


def test_the_largest_quantity_is_exact_in_the_database(session):
    keep(session, Decimal("999999999.9999"))
    assert session.scalar(select(OnHandChange.quantity)) == Decimal("999999999.9999")
    assert session.scalar(select(raw(OnHandChange.quantity))) == 9999999999999


def test_no_rows_sum_up_to_nothing(session):
    assert session.scalar(select(total(OnHandChange.quantity))) == Decimal(0)


def test_sums_and_differences_stay_quantities(session):
    keep(session, Decimal("2.5"))
    doubled = select(OnHandChange.quantity + OnHandChange.quantity, OnHandChange.quantity - Decimal("0.5"))
    assert session.execute(doubled).one() == (Decimal(5), Decimal(2))
    assert session.scalar(select(func.count()).where(OnHandChange.quantity > Decimal("2.4999"))) == 1


@pytest.mark.parametrize("operate", [lambda column: column * 2, lambda column: column / 2])
def test_multiplying_in_sql_is_refused(operate):
    with pytest.raises(TypeError, match="in Python, not in SQL"):
        operate(OnHandChange.quantity)


def test_an_instant_without_a_zone_is_a_bug():
    with pytest.raises(TypeError, match="needs its zone"):
        UtcDateTime().process_bind_param(datetime.fromisoformat("2026-01-01T00:00"), None)


def test_types_say_nothing_of_nothing():
    assert Quantity().process_bind_param(None, None) is None
    assert Quantity().process_result_value(None, None) is None
    assert Product.unit_decimals is not None
