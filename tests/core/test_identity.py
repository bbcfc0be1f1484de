"""Identifiers: kept as first written and compared by a key that the database stores."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import IntegrityError

from erp import migrations
from erp.db import bulk_insert, contains, insert_missing, rows_named, wrong_keys
from erp.exchange.parsers import code
from erp.exchange.parsers import text as one_line
from erp.identity import BadIdentifier, ByKey, check_descriptive, check_identifier, identity_key
from erp.migrations import EqualKeys
from erp.sequence import next_numbers
from modules.inventory_lots.models import Product, Warehouse
from tests.support.inventory_lots import make_product
from tests.support.sales import make_customer

COMPOSED, DECOMPOSED = "Caf\u00e9", "CAFE\u0301"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("so-77a", "SO-77A"),
        ("Straße", "STRASSE"),
        ("ÜBER", "über"),
        (COMPOSED, DECOMPOSED),
        ("  A \t B ", "a b"),
        ("A\u00a0\u2003B", "a b"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
    ],
)
def test_texts_that_differ_in_case_composition_or_white_space_have_one_key(one, other):
    assert identity_key(one) == identity_key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("ı", "i"), ("ı", "I"), ("A-1", "A1"), ("é", "e"), ("A B", "AB"), ("²", "2")]
)
def test_texts_that_differ_in_anything_else_have_keys_of_their_own(one, other):
    assert identity_key(one) != identity_key(other)


SAME = [
    ("über", "ÜBER"),
    ("ÜBER", "über"),
    ("u\u0308ber", "Über"),
    ("Über", "U\u0308BER"),
    ("strasse", "Straße"),
    ("STRASSE", "STRAẞE"),
    ("straße", "STRASSE"),
    ("привет", "ПРИВЕТ"),
    ("σίσυφος", "ΣΊΣΥΦΟΣ"),
    ("a.b*[c](d)|e^$\\{2}?+ ü", "A.B*[C](D)|E^$\\{2}?+ Ü"),
    ("***:ü", "***:Ü"),
    ("(?i)ü", "(?I)Ü"),
    ("日本", "日本"),
]
OTHERS = [("über", "uber"), ("ü.b", "ÜxB"), ("strase", "Straße"), ("ı", "I"), ("é", "e")]


@pytest.mark.parametrize(("word", "name"), [*SAME, *OTHERS])
def test_a_search_finds_a_name_however_its_letters_are_written(session, word, name):
    """Descriptive names are no identifiers: they have no key, and each database reads the condition itself."""
    make_product(session, sku="P-1", name=f"x {name} y")
    session.flush()
    found = session.scalars(select(Product.sku).where(contains(Product.name, word))).all()
    assert found == (["P-1"] if (word, name) in SAME else [])


@pytest.mark.parametrize("word", ["über", "ÜBER", "straße", "STRASSE"])
def test_lists_and_choices_find_names_in_any_case(client, session, word):
    make_customer(session, code="C-1", name="Über-Maße Strasse" if "S" in word.upper() else "ÜBERmaß")
    session.commit()
    assert "C-1" in client.get("/sales/customers/", query_string={"search": word}).text


@pytest.mark.parametrize(
    ("identifier", "named"),
    [
        ("AB\u200bC", "U+200B ZERO WIDTH SPACE"),
        ("A\u200dB", "U+200D ZERO WIDTH JOINER"),
        ("A\u202eB", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("A\x07B", "U+0007 a control character"),
        ("A\nB", "U+000A a control character"),
        ("A\ue000", "U+E000 a private use character"),
        ("A\ud800", "U+D800 half a character"),
        ("A\u0378", "U+0378 an unassigned character"),
        ("A\u2028B", "U+2028 LINE SEPARATOR"),
        ("  ", "is empty"),
    ],
)
def test_an_identifier_with_a_character_that_cannot_be_seen_is_refused_by_its_name(identifier, named):
    with pytest.raises(BadIdentifier, match=named.replace("+", r"\+")):
        check_identifier(identifier)


def test_descriptive_names_may_have_joiners_and_nothing_else_that_cannot_be_seen():
    assert check_descriptive(" می\u200cخواهم \u200d ") == "می\u200cخواهم \u200d"
    with pytest.raises(BadIdentifier, match=r"U\+FEFF ZERO WIDTH NO-BREAK SPACE"):
        check_descriptive("A\ufeffB")


def test_cells_of_identifiers_and_of_names_are_read_by_the_same_rules():
    assert one_line(20)("a\u200cb") == "a\u200cb"
    with pytest.raises(ValueError, match=r"has U\+200C ZERO WIDTH NON-JOINER: remove it"):
        code(20)("a\u200cb")


def test_values_are_found_by_identifier_however_it_is_written():
    found = ByKey([(("SO-1", 2), "line"), ("Straße", "street")])
    assert (found["so-1", 2], found["STRASSE"], found.get("x"), ("So-1", 2) in found) == ("line", "street", None, True)


def test_a_key_is_filled_in_however_a_row_is_written(session):
    session.add(Warehouse(code=" Über ", name=""))
    session.flush()
    session.execute(insert(Warehouse), [{"code": "Two", "name": ""}])
    insert_missing(session, Warehouse, [{"code": "TWO", "name": ""}, {"code": "Three", "name": ""}])
    bulk_insert(session, Warehouse.__table__, ["code", "name"], [("Four", "")])
    rows = session.execute(text("SELECT code, code_key FROM inventory_lots_warehouse ORDER BY code_key")).all()
    assert [tuple(row) for row in rows] == [("Four", "four"), ("Three", "three"), ("Two", "two"), ("Über", "über")]


def test_rows_are_found_by_identifier_in_one_statement_however_many_are_asked_for(session, count_statements):
    made = [make_product(session, sku=sku) for sku in ("Straße", "Lamp", "Desk")]
    session.flush()
    asked = ["STRASSE", "lamp", *(f"none {number}" for number in range(6000))]
    with count_statements() as sent:
        found = rows_named(session, Product, "sku", asked)
    assert (len(sent), len(found)) == (1, 2)
    assert (found["strasse"], found["LAMP"]) == tuple(made[:2])
    assert rows_named(session, Product, "sku", []) == {}


def test_a_key_follows_the_text_when_it_changes(session):
    product = make_product(session, sku="Old")
    product.sku = "NEW"
    session.flush()
    assert product.sku_key == "new"


def test_a_row_with_a_refused_identifier_is_not_written(session):
    with pytest.raises(BadIdentifier):
        insert_missing(session, Warehouse, [{"code": "A\u200b", "name": ""}])
    session.rollback()
    session.add(Warehouse(code="A\u200b", name=""))
    with pytest.raises(BadIdentifier):
        session.flush()
    session.rollback()


def test_the_database_refuses_two_identifiers_with_one_key(session):
    make_product(session, sku="strasse")
    with pytest.raises(IntegrityError):
        make_product(session, sku="Straße")
    session.rollback()


def test_a_check_finds_a_key_that_is_not_that_of_its_text(session):
    product = make_product(session, sku="ABC")
    assert list(wrong_keys(session, Product.__table__)) == []
    session.execute(update(Product).where(Product.id == product.id).values(sku="Xyz"))
    assert list(wrong_keys(session, Product.__table__)) == [
        "inventory_lots_product 'Xyz': its key is 'abc', not 'xyz'."
    ]


def test_generated_numbers_skip_a_number_that_is_written_otherwise(session):
    make_product(session, sku="abc00002")
    assert next_numbers(session, "test.thing", "ABC", Product.sku, count=2) == ["ABC00001", "ABC00003"]


@pytest.fixture
def old_table(session):
    """A table of identifiers as an earlier version had it, without keys; undone at the end."""
    session.execute(text("CREATE TABLE old_things (id INTEGER PRIMARY KEY, shelf INTEGER, name TEXT, name_key TEXT)"))
    rows = [(1, 1, "so-77a"), (2, 1, "B"), (3, 2, "SO-77A"), (4, 1, None), (5, 2, "b")]
    for id_, shelf, name in rows:
        session.execute(text("INSERT INTO old_things VALUES (:id, :s, :n, NULL)"), {"id": id_, "s": shelf, "n": name})
    yield session.connection()
    session.rollback()


def test_an_upgrade_that_finds_equal_keys_lists_them(old_table):
    with pytest.raises(EqualKeys) as refused:
        migrations.existing_keys(old_table, "old_things", "name")
    assert refused.value.facts["equal"] == ["'so-77a' = 'SO-77A'", "'B' = 'b'"]
    assert "old_things.name" in str(refused.value) and "Nothing has been changed" in str(refused.value)


def test_an_upgrade_writes_the_keys_of_what_is_there(old_table):
    keys = migrations.existing_keys(old_table, "old_things", "name", within=["shelf"])
    migrations.write_keys(old_table, "old_things", "name_key", keys)
    written = old_table.execute(text("SELECT id, name_key FROM old_things ORDER BY id")).all()
    assert [tuple(row) for row in written] == [(1, "so-77a"), (2, "b"), (3, "so-77a"), (4, None), (5, "b")]
