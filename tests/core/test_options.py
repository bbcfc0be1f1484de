"""Options: where values come from, and what is refused."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from erp.db import commit, db
from erp.errors import NotFound, OptionError
from erp.models import HistoryEntry
from erp.options import (
    Choice,
    Duration,
    Integer,
    OptionTable,
    Switch,
    Text,
    as_ini,
    example_ini,
    options,
    store_ini,
    store_option,
    store_options,
)
from erp.options import Decimal as Number
from erp.registry import current_registry
from tests.core.small import make_module

SHOP = make_module(
    "shop",
    options=(
        Switch(name="open", default=True, help="Whether it is open."),
        Integer(name="seats", default=4, minimum=1, maximum=9, help="How many may sit."),
        Integer(name="limit", default=None, help="How many may come in."),
        Number(name="rate", default=Decimal("1.5"), maximum=Decimal(10), help="The rate."),
        Choice(name="drink", default="tea", choices=("tea", "milk"), help="What is poured."),
        Text(name="sign", default="", help="What the sign says."),
        Duration(name="nap", default=timedelta(minutes=10), help="How long the keeper sleeps."),
    ),
)


def set_in_database(key, text):
    table = current_registry().option_table
    commit(lambda session: store_option(session, table, key, text, user_name="anna"))


def test_the_default_holds_until_another_value_is_set(small_app):
    small_app(SHOP)
    assert (options.shop.drink, options.shop.seats, options.shop.limit) == ("tea", 4, None)
    assert current_registry().state().options["shop.drink"].source == "default"


def test_the_file_wins_over_the_default_the_database_over_the_file_and_the_environment_over_all(small_app):
    small_app(SHOP, ini="[shop]\nseats = 5\ndrink = milk\nopen = no\n", environment={"ERP_SHOP__OPEN": "yes"})
    assert (options.shop.seats, options.shop.drink, options.shop.open) == (5, "milk", True)
    set_in_database("shop.seats", "6")
    assert options.shop.seats == 6
    sources = {key: found.source for key, found in current_registry().state().options.items()}
    assert (sources["shop.seats"], sources["shop.drink"], sources["shop.open"]) == ("database", "file", "environment")


def test_what_the_environment_sets_cannot_be_changed_here(small_app):
    small_app(SHOP, environment={"ERP_SHOP__SEATS": "2"})
    with pytest.raises(OptionError, match="the environment sets it"):
        set_in_database("shop.seats", "3")


def test_what_is_read_at_the_start_cannot_be_set_in_the_database(small_app):
    small_app(SHOP)
    assert current_registry().option_table.is_locked("erp.module_path")
    with pytest.raises(OptionError, match="read at the start"):
        set_in_database("erp.module_path", "/somewhere")


def test_forgetting_a_value_brings_the_file_back(small_app):
    small_app(SHOP, ini="[shop]\nseats = 5\n")
    set_in_database("shop.seats", "6")
    table = current_registry().option_table
    commit(lambda session: store_options(session, table, {"shop.seats": None}, user_name="anna"))
    assert options.shop.seats == 5


def test_a_change_is_in_the_history(small_app):
    small_app(SHOP)
    set_in_database("shop.open", "off")
    entry = db.session.scalars(select(HistoryEntry).where(HistoryEntry.document == "erp.option")).one()
    assert (entry.document_name, entry.old_value, entry.new_value) == ("shop.open", "yes", "no")


def test_a_change_that_is_rolled_back_never_was(small_app):
    small_app(SHOP)
    store_option(db.session(), current_registry().option_table, "shop.seats", "7", user_name="anna")
    assert options.shop.seats == 7
    db.session.rollback()
    assert options.shop.seats == 4
    current_registry().refresh()
    assert options.shop.seats == 4


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("seats = 0", r"shop.seats in .*: '0' is refused; a whole number from 1 to 9 is allowed"),
        ("seats = many", "'many' is refused"),
        ("seats =", "'' is refused"),
        ("open = perhaps", "'perhaps' is refused; yes or no is allowed"),
        ("drink = beer", "one of tea, milk is allowed"),
        ("rate = 1.23456", "at most four decimals"),
        ("rate = 11", "a number from 0 to 10"),
        ("nap = 10 weeks", "a time such as 30 s"),
        ("nap = 99 days", "to 31 days"),
        ("seets = 5", "shop.seets in .*there is no such option"),
    ],
)
def test_a_file_that_does_not_fit_stops_the_start(small_app, line, complaint):
    with pytest.raises(OptionError, match=complaint):
        small_app(SHOP, ini=f"[shop]\n{line}\n")


@pytest.mark.parametrize("text", ["[shops]\nseats = 5\n", "seats = 5\n", "[shop]\nseats = 5\nseats = 6\n", "[shop\n"])
def test_a_file_that_is_no_ini_text_of_this_program_stops_the_start(small_app, text):
    with pytest.raises(OptionError):
        small_app(SHOP, ini=text)


def test_a_section_of_a_module_that_is_not_here_is_named(small_app):
    with pytest.raises(OptionError, match=r"\[shops\] in .*there is no such section"):
        small_app(SHOP, ini="[shops]\n")


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [("ERP_SHOP__SEATS", "99", "ERP_SHOP__SEATS"), ("ERP_SHOP__SEETS", "5", "there is no such option")],
)
def test_an_environment_that_does_not_fit_stops_the_start(small_app, name, value, complaint):
    with pytest.raises(OptionError, match=complaint):
        small_app(SHOP, environment={name: value})


def test_an_unknown_option_is_not_found(small_app):
    small_app(SHOP)
    with pytest.raises(NotFound, match="There is no option 'shop.seets'"):
        set_in_database("shop.seets", "5")


def test_a_stored_value_that_no_longer_fits_is_left_out(small_app, caplog):
    small_app(SHOP)
    table = current_registry().option_table
    assert table.effective({"shop.seats": "99", "gone.away": "1"})["shop.seats"].value == 4
    assert "shop.seats" in caplog.text


@pytest.mark.parametrize("option", SHOP.options, ids=lambda option: option.name)
def test_every_default_reads_as_it_is_written(option):
    assert option.parse(option.format(option.default)) == option.default


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("30 s", timedelta(seconds=30)),
        ("90s", timedelta(seconds=90)),
        ("10 min", timedelta(minutes=10)),
        ("2 h", timedelta(hours=2)),
        ("1 day", timedelta(days=1)),
        ("3 days", timedelta(days=3)),
    ],
)
def test_durations_are_written_in_their_largest_whole_unit(text, value):
    option = Duration(name="nap", default=value, help="")
    assert option.parse(text) == value
    assert option.parse(option.format(value)) == value


def test_a_text_has_one_line():
    with pytest.raises(ValueError, match="a"):
        Text(name="sign", default="", help="").parse("a\nb")


def test_what_is_exported_can_be_imported_and_changes_nothing(small_app):
    small_app(SHOP, environment={"ERP_SHOP__SEATS": "2"})
    table = current_registry().option_table
    state = current_registry().state().options
    text = as_ini({key: table.option(key).format(found.value) for key, found in state.items()})
    assert commit(lambda session: store_ini(session, table, text, user_name="anna")) == []


def test_an_import_stores_what_differs_or_nothing_at_all(small_app):
    small_app(SHOP)
    table = current_registry().option_table
    with pytest.raises(OptionError):
        commit(lambda session: store_ini(session, table, "[shop]\nseats = 5\ndrink = beer\n", user_name="anna"))
    assert options.shop.seats == 4
    text = "[shop]\nseats = 5\ndrink = tea\n"
    assert commit(lambda session: store_ini(session, table, text, user_name="anna")) == ["shop.seats"]
    assert options.shop.seats == 5


def test_the_example_explains_every_option_and_reads_as_no_change(tmp_path):
    path = tmp_path / "example.ini"
    path.write_text(example_ini({"shop": SHOP.options}))
    assert "; How many may sit. A whole number from 1 to 9 is allowed.\n; seats = 4\n" in path.read_text()
    table = OptionTable({"shop": SHOP.options}, path)
    assert {found.source for found in table.effective({}).values()} == {"default"}
    path.write_text(path.read_text().replace("; seats", "seats").replace("; drink =", "drink ="))
    assert {found.source for found in OptionTable({"shop": SHOP.options}, path).effective({}).values()} == {
        "default",
        "file",
    }
