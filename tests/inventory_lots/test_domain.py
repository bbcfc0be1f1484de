"""The rules of stock."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.inventory_lots import domain
from modules.inventory_lots.errors import (
    BadLocation,
    BadLotNumber,
    BadQuantity,
    LotNumberMissing,
    ProductInUse,
    SerialDecimals,
    SerialQuantity,
    UnitIsFixed,
)
from modules.inventory_lots.states import LocationKind, Tracking

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("quantity", "decimals"), [("1", 0), ("0.0001", 4), ("1000000000", 0), ("2.50", 1), ("1000000000.0", 0)]
)
def test_a_quantity_may_have_the_places_of_the_unit_and_a_billion(quantity, decimals):
    domain.check_quantity(Decimal(quantity), decimals, what="A")


@pytest.mark.parametrize(
    ("quantity", "decimals", "reason"),
    [
        ("0", 0, "A: 0 is not above 0."),
        ("-1", 0, "A: -1 is not above 0."),
        ("1000000001", 0, "A: 1000000001 is more than 1,000,000,000."),
        ("1000000000.0001", 4, "A: 1000000000.0001 is more than 1,000,000,000."),
        ("0.5", 0, "A: 0.5 has more than 0 decimals."),
        ("0.125", 2, "A: 0.125 has more than 2 decimals."),
    ],
)
def test_a_quantity_that_does_not_fit_is_refused_with_what_is_wrong(quantity, decimals, reason):
    with pytest.raises(BadQuantity) as refused:
        domain.check_quantity(Decimal(quantity), decimals, what="A")
    assert str(refused.value) == reason
    assert refused.value.facts["quantity"] == Decimal(quantity)


def test_what_was_counted_may_be_0_but_not_less():
    domain.check_count(Decimal(0), 0, what="A")
    with pytest.raises(BadQuantity, match="-1 is below 0"):
        domain.check_count(Decimal(-1), 0, what="A")


@pytest.mark.parametrize("tracking", [Tracking.lot, Tracking.serial])
def test_only_a_product_without_tracking_comes_without_a_lot_number(tracking):
    domain.check_lot_number(None, Decimal(5), tracking=Tracking.none, sku="A")
    with pytest.raises(LotNumberMissing, match=f"A is tracked by {tracking}: give the {tracking} number"):
        domain.check_lot_number(None, Decimal(1), tracking=tracking, sku="A")


@pytest.mark.parametrize("tracking", Tracking)
def test_a_lot_number_may_be_given_for_any_product(tracking):
    domain.check_lot_number("L-1", Decimal(1), tracking=tracking, sku="A")


@pytest.mark.parametrize("number", ["", "   ", "a\nb", "a\x00", "x" * 81])
def test_a_lot_number_that_cannot_be_kept_is_refused(number):
    with pytest.raises(BadLotNumber):
        domain.check_lot_number(number, Decimal(1), tracking=Tracking.lot, sku="A")


@pytest.mark.parametrize("quantity", ["2", "0.5"])
def test_a_serial_number_stands_for_one_piece(quantity):
    domain.check_lot_number("S1", Decimal(1), tracking=Tracking.serial, sku="A")
    domain.check_lot_number("S1", Decimal(0), tracking=Tracking.serial, sku="A")
    with pytest.raises(SerialQuantity, match="S1 stands for one piece"):
        domain.check_lot_number("S1", Decimal(quantity), tracking=Tracking.serial, sku="A")


@pytest.mark.parametrize("text", ["WH/STOCK", " WH / STOCK ", "WH/ STOCK"])
def test_a_location_is_written_warehouse_slash_location(text):
    assert domain.split_path(text) == ("WH", "STOCK")
    assert domain.clean_path(text) == "WH/STOCK"


@pytest.mark.parametrize("text", ["", "WH", "WH/", "/STOCK", "WH/A/B", "WH/A\tB", "W" * 41 + "/A", "W/" + "A" * 41])
def test_what_does_not_name_a_location_is_refused(text):
    with pytest.raises(BadLocation) as refused:
        domain.split_path(text)
    assert refused.value.facts["path"] == text


@pytest.mark.parametrize(
    ("kind", "on_hold", "expires_on", "usable"),
    [
        ("stock", False, None, True),
        ("stock", False, TODAY, True),
        ("stock", False, date(2026, 11, 22), False),
        ("stock", True, None, False),
        ("quarantine", False, None, False),
    ],
)
def test_stock_is_usable_in_a_stock_location_not_on_hold_and_up_to_its_last_day(kind, on_hold, expires_on, usable):
    reason = domain.why_unusable(LocationKind(kind), on_hold=on_hold, expires_on=expires_on, today=TODAY)
    assert (reason == "") is usable


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ((Tracking.lot, 0, "m"), (Tracking.none, 0, "m"), "tracking"),
        ((Tracking.lot, 2, "m"), (Tracking.lot, 1, "m"), "unit_decimals"),
    ],
)
def test_tracking_and_fewer_decimals_of_a_product_in_use_are_refused(before, after, field):
    with pytest.raises(ProductInUse) as refused:
        domain.check_change("A", domain.TrackingSettings(*before), domain.TrackingSettings(*after))
    assert refused.value.field == field


def test_serial_products_are_counted_in_whole_pieces():
    domain.check_tracking_settings("A", domain.TrackingSettings(Tracking.serial, 0, "pcs"))
    domain.check_tracking_settings("A", domain.TrackingSettings(Tracking.lot, 4, "kg"))
    with pytest.raises(SerialDecimals, match="A is tracked by serial number.* 0 decimals, not 2"):
        domain.check_tracking_settings("A", domain.TrackingSettings(Tracking.serial, 2, "pcs"))


def test_more_decimals_of_a_product_in_use_are_fine():
    domain.check_change(
        "A", domain.TrackingSettings(Tracking.lot, 0, "m"), domain.TrackingSettings(Tracking.lot, 2, "m")
    )


def test_the_unit_of_goods_that_are_on_their_way_to_a_customer_is_fixed():
    metres, pieces = domain.TrackingSettings(Tracking.lot, 0, "m"), domain.TrackingSettings(Tracking.lot, 0, "pcs")
    documents = [f"P{number}/1" for number in range(1, 8)]
    with pytest.raises(UnitIsFixed) as refused:
        domain.check_unit("A", metres, pieces, allocated_on=documents)
    assert "goods on P1/1, P2/1, P3/1, P4/1, P5/1 and 2 more are allocated to customers" in str(refused.value)
    domain.check_unit("A", metres, metres, allocated_on=documents)
    domain.check_unit("A", metres, pieces, allocated_on=[])


def test_what_comes_first_gives_back_first_and_no_more_than_it_has():
    assert domain.give_back([(3, 4), (2, 0), (1, 9)], 7) == [(3, 4), (1, 3)]
    assert domain.give_back([(3, 4), (2, 1)], 7) == [(3, 4), (2, 1)]
    assert domain.give_back([(3, 4)], 0) == []


parts = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 50)), max_size=12)


@given(parts, st.integers(0, 300))
def test_giving_back_takes_parts_in_order_and_never_more_than_asked(held, amount):
    given_back = domain.give_back(held, amount)
    assert sum(part for _, part in given_back) == min(amount, sum(part for _, part in held))
    assert all(part > 0 for _, part in given_back)
