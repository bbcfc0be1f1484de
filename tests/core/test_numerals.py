"""Numbers on screens: the separators of the company's locale, and its currency."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import select

from erp.admin.numerals import as_plain, as_typed, money, quantity, short
from modules.inventory_lots.models import Product
from tests.support.inventory_lots import make_product

NUMBER = Decimal("1234567.5")


@pytest.mark.option("erp.locale", "", "en", "de", "en_IN", "fr")
@pytest.mark.option("erp.currency", "", "EUR")
def test_numbers_have_the_separators_of_the_locale_and_amounts_the_currency(app, set_option):
    shown = {}
    for locale in ("", "en", "de", "en_IN", "fr"):
        set_option("erp.locale", locale)
        set_option("erp.currency", "EUR" if locale == "de" else "")
        shown[locale] = quantity(NUMBER), money(NUMBER), as_typed("2.5"), quantity(None) + money(None)
    assert shown == {
        "": ("1234567.5", "1234567.50", "2.5", ""),
        "en": ("1,234,567.5", "1,234,567.50", "2.5", ""),
        "de": ("1.234.567,5", "1.234.567,50\xa0EUR", "2,5", ""),
        "en_IN": ("12,34,567.5", "12,34,567.50", "2.5", ""),
        "fr": ("1\u202f234\u202f567,5", "1\u202f234\u202f567,50", "2,5", ""),
    }


@pytest.mark.option("erp.locale", "", "de", "fr")
def test_a_number_that_has_little_room_is_rounded_from_ten_thousand_on(app, set_option):
    shown = {}
    for locale in ("", "de", "fr"):
        set_option("erp.locale", locale)
        shown[locale] = [short(Decimal(number)) for number in ("0", "9999.25", "10000", "14316", "1234567.5")]
    assert shown == {
        "": ["0", "9999.25", "10K", "14.3K", "1.2M"],
        "de": ["0", "9.999,25", "10.000", "14.316", "1,2\xa0Mio."],
        "fr": ["0", "9\u202f999,25", "10\xa0k", "14,3\xa0k", "1,2\xa0M"],
    }


@pytest.mark.option("erp.locale", "de", "fr")
def test_a_number_is_typed_as_the_locale_writes_it_and_what_may_mean_thousands_is_refused(app, set_option):
    set_option("erp.locale", "de")
    assert [as_plain(typed) for typed in ("2,5", "2.5", "-0,25", "12")] == ["2.5", "2.5", "-0.25", "12"]
    for typed in ("1.234", "1.234.567"):
        with pytest.raises(ValueError, match=r"without separators of thousands, such as 1200 or 2,5\."):
            as_plain(typed)
    set_option("erp.locale", "fr")
    assert as_plain("1.234") == "1.234"


@pytest.mark.option("erp.locale", "de")
def test_a_form_shows_and_reads_amounts_in_the_locale(client, session, set_option):
    set_option("erp.locale", "de")
    set_option("erp.currency", "EUR")
    product = make_product(session, list_price=Decimal("1234.5"))
    address = f"/inventory/products/{product.id}/"
    assert "1.234,50\xa0EUR" in client.get(address).text
    assert 'value="1234,50"' in client.get(f"{address}edit/").text
    form = {"sku": product.sku, "name": "x", "unit": "pcs", "unit_decimals": "0", "tracking": "lot"}
    assert client.post(f"{address}edit/", data={**form, "list_price": "1.234"}).status_code == 422
    client.post(f"{address}edit/", data={**form, "list_price": "7,25"})
    assert session.scalar(select(Product.list_price).where(Product.id == product.id)) == Decimal("7.25")
