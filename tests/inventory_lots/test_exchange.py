"""Products and stock in CSV files."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from erp.db import commit
from erp.exchange import ImportRefused, export_csv, import_csv
from erp.models import HistoryEntry
from modules.inventory_lots.models import Balance, Location, Lot, Product, StockMove
from modules.inventory_lots.services import hold_lot
from modules.inventory_lots.states import LocationKind, Tracking
from tests.support.final_rows import no_row_is_final
from tests.support.inventory_lots import make_location, make_product, make_stock


def load(kind, *lines):
    data = "\n".join(lines).encode()
    return commit(lambda session: import_csv(session, kind, data))


def refused(kind, *lines):
    with pytest.raises(ImportRefused) as found:
        load(kind, *lines)
    return [str(error) for error in found.value.errors]


def send(session, kind):
    return "".join(export_csv(session, kind))


def stock(session):
    rows = select(Product.sku, Lot.number, Location.path, Balance.on_hand)
    rows = rows.join(Balance.product).join(Balance.lot).join(Balance.location).order_by(Lot.id, Location.path)
    return [(sku, lot, path, int(on_hand)) for sku, lot, path, on_hand in session.execute(rows.select_from(Balance))]


def test_products_come_with_their_defaults(session):
    assert load("products", "sku,name", "BOLT,Brass bolt", "NUT,Brass nut") == "2 products: 2 new, 0 changed."
    product = session.scalars(select(Product).where(Product.sku == "BOLT")).one()
    assert (product.name, product.unit, product.unit_decimals) == ("Brass bolt", "pcs", 0)
    assert (product.tracking, product.is_active) == (Tracking.lot, True)


def test_the_import_of_a_product_is_recorded_in_its_history_once(session):
    load("products", "sku,name", "BOLT,Brass bolt")
    load("products", "sku,name", "BOLT,Bolt")
    about = select(HistoryEntry).where(HistoryEntry.document == "inventory_lots.product").order_by(HistoryEntry.id)
    entries = [(entry.document_name, entry.action, entry.field, entry.new_value) for entry in session.scalars(about)]
    assert entries == [("BOLT", "created", "", ""), ("BOLT", "changed", "name", "Bolt")]


def test_products_are_updated_by_sku_and_what_the_file_leaves_out_stays(session):
    product = make_product(session, sku="ROPE", name="Rope", unit="m", unit_decimals=2)
    message = load("products", "sku,name,tracking", "ROPE,Sail rope,", "BOLT,Bolt,none")
    assert message == "2 products: 1 new, 1 changed."
    session.refresh(product)
    assert (product.name, product.unit, product.unit_decimals, product.tracking) == ("Sail rope", "m", 2, Tracking.lot)


def test_tracking_and_decimals_of_an_unused_product_may_change(session):
    product = make_product(session, sku="ROPE", unit_decimals=2)
    load("products", "sku,name,unit_decimals,tracking", "ROPE,Rope,0,serial")
    session.refresh(product)
    assert (product.unit_decimals, product.tracking) == (0, Tracking.serial)


def test_tracking_and_fewer_decimals_are_refused_once_there_is_stock(session):
    make_stock(session, make_product(session, sku="ROPE", unit_decimals=2), 1)
    make_stock(session, make_product(session, sku="BOLT"), 1)
    errors = refused("products", "sku,name,unit_decimals,tracking", "NUT,Nut,0,none", "ROPE,Rope,1,", "BOLT,Bolt,,none")
    assert errors == [
        "Row 3, column unit_decimals: '1': ROPE has stock or stands on documents, so it cannot have fewer decimals.",
        "Row 4, column tracking: 'none': BOLT has stock or stands on documents, so how it is tracked cannot change.",
    ]
    assert session.scalar(select(func.count()).select_from(Product)) == 2


def test_tracking_is_refused_once_a_document_names_the_product(session, queue_holder):
    product = make_product(session, sku="BOLT")
    queue_holder.products.add(product.id)
    session.commit()
    assert len(refused("products", "sku,name,tracking", "BOLT,Bolt,none")) == 1


def test_more_decimals_are_fine_with_stock(session):
    product = make_product(session, sku="ROPE")
    make_stock(session, product, 1)
    load("products", "sku,name,unit_decimals", "ROPE,Rope,2")
    session.refresh(product)
    assert product.unit_decimals == 2


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("BOLT,Bolt,5,", "column unit_decimals: '5' is not a number of decimals from 0 to 4."),
        ("BOLT,Bolt,x,", "column unit_decimals: 'x' is not a whole number."),
        ("BOLT,Bolt,,smell", "column tracking: 'smell' is none of lot, none, serial."),
        (",Bolt,,", "column sku: the cell is empty."),
        ("BOLT,,,", "column name: the cell is empty."),
    ],
)
def test_a_product_that_does_not_fit_is_refused_by_its_row(session, line, error):
    assert refused("products", "sku,name,unit_decimals,tracking", line) == [f"Row 2, {error}"]


def test_products_are_exported_as_they_are_imported(session):
    lines = ("sku,name,unit,unit_decimals,tracking", "ROPE,Rope,m,2,lot", "BOLT,'=Bolt,pcs,0,none")
    load("products", *lines)
    sent = send(session, "products").splitlines()
    assert [",".join(line.split(",")[:5]) for line in sent] == list(lines)
    assert session.scalar(select(Product.name).where(Product.sku == "BOLT")) == "=Bolt"


def test_serial_products_with_decimals_are_refused_by_their_rows(session):
    make_product(session, sku="OLD", unit_decimals=2)
    session.commit()
    lines = ("NEW,New,1,serial", "BOLT,Bolt,,", "OLD,Old,,serial")
    errors = refused("products", "sku,name,unit_decimals,tracking", *lines)
    says = "is tracked by serial number, each for one whole piece: its unit has 0 decimals, not"
    assert errors == [
        f"Row 2, column unit_decimals: '1': NEW {says} 1.",
        f"Row 4, column unit_decimals: OLD {says} 2.",
    ]
    assert session.scalars(select(Product.sku)).all() == ["OLD"]


@pytest.mark.parametrize("changing", [False, True])
def test_many_products_take_as_many_statements_as_one(session, count_statements, changing):
    def statements(number):
        lines = [f"{changing}-{number}-{each},Product" for each in range(number)]
        if changing:
            load("products", "sku,name", *lines)
            lines = [f"{line} changed" for line in lines]
        with count_statements() as sent:
            message = load("products", "sku,name", *lines)
        assert message.endswith(f"{0 if changing else number} new, {number if changing else 0} changed.")
        return len(sent)

    statements(1)
    assert statements(100) == statements(2)


def test_an_import_of_stock_makes_what_does_not_exist_and_counts_it(session):
    make_product(session, sku="BOLT")
    message = load(
        "stock",
        "sku,lot,location,quantity,received_on,expires_on",
        "BOLT,L1,WH/STOCK,5,2026-05-01,2027-01-01",
        "BOLT,L1,EAST/A,2,,",
        "BOLT,L2,EAST / B,3,,",
    )
    assert message == "3 rows of stock: 3 changed, 2 lots, 3 locations, 2 warehouses created."
    assert stock(session) == [("BOLT", "L1", "EAST/A", 2), ("BOLT", "L1", "WH/STOCK", 5), ("BOLT", "L2", "EAST/B", 3)]
    assert [(lot.received_on, lot.expires_on) for lot in session.scalars(select(Lot).order_by(Lot.id))] == [
        (date(2026, 5, 1), date(2027, 1, 1)),
        (date(2026, 11, 23), None),
    ]
    assert {location.kind for location in session.scalars(select(Location))} == {LocationKind.stock}


def test_an_import_of_stock_is_an_adjustment_in_the_ledger(session):
    make_stock(session, make_product(session, sku="BOLT"), 10, lot="L1")
    message = load("stock", "sku,lot,location,quantity", "BOLT,L1,WH/STOCK,4")
    assert message == "1 row of stock: 1 changed, nothing created."
    move = session.scalars(select(StockMove).order_by(StockMove.id.desc())).first()
    assert (move.kind.value, move.quantity, move.reason) == ("adjustment", Decimal(-6), "Import")


def test_an_empty_date_leaves_an_existing_lots_date(session):
    day = {"received_on": date(2020, 1, 1), "expires_on": date(2027, 1, 1)}
    balance = make_stock(session, make_product(session, sku="BOLT"), 10, lot="L1", **day)
    load("stock", "sku,lot,location,quantity,received_on,expires_on", "BOLT,L1,WH/STOCK,4,,2028-02-02")
    session.refresh(balance.lot)
    assert (balance.lot.received_on, balance.lot.expires_on) == (date(2020, 1, 1), date(2028, 2, 2))


def test_without_a_lot_more_makes_a_new_automatic_lot_and_less_leaves_the_latest_first(session):
    make_product(session, sku="PLUG", tracking=Tracking.none)
    load("stock", "sku,location,quantity", "PLUG,WH/STOCK,10")
    load("stock", "sku,location,quantity", "PLUG,WH/STOCK,16")
    assert stock(session) == [("PLUG", "LOT00001", "WH/STOCK", 10), ("PLUG", "LOT00002", "WH/STOCK", 6)]
    load("stock", "sku,location,quantity", "PLUG,WH/STOCK,7")
    assert stock(session) == [("PLUG", "LOT00001", "WH/STOCK", 7), ("PLUG", "LOT00002", "WH/STOCK", 0)]
    load("stock", "sku,lot,location,quantity", "PLUG,,WH/STOCK,0")
    assert {on_hand for *_, on_hand in stock(session)} == {0}


def test_below_allocated_is_refused_naming_the_orders(session, allocate_for):
    balance = make_stock(session, make_product(session, sku="BOLT"), 10, lot="L1")
    allocate_for("SO00007", balance, 6)
    errors = refused("stock", "sku,lot,location,quantity", "BOLT,L1,WH/STOCK,5", "BOLT,L2,WH/STOCK,5")
    assert errors == [
        "Row 2, column quantity: '5': BOLT lot L1 at WH/STOCK cannot become 5: 6 are allocated to SO00007. "
        "Remove these allocations first, or release them with the adjustment."
    ]
    assert stock(session) == [("BOLT", "L1", "WH/STOCK", 10)]


def test_every_wrong_row_of_stock_is_reported_and_nothing_is_imported(session):
    make_product(session, sku="BOLT")
    make_product(session, sku="ROPE", unit_decimals=2)
    errors = refused(
        "stock",
        "sku,lot,location,quantity,expires_on",
        "NOPE,L1,WH/STOCK,5,",
        "BOLT,L1,WH,5,",
        "BOLT,L1,WH/STOCK,-1,",
        "BOLT,L2,WH/STOCK,many,",
        "BOLT,L3,WH/STOCK,1,tomorrow",
        "BOLT,L3,,1,",
    )
    assert errors == [
        "Row 2, column sku: 'NOPE' is not the SKU of a product.",
        "Row 3, column location: 'WH' is not a location: write it as WAREHOUSE/LOCATION, such as WH/STOCK.",
        "Row 4, column quantity: '-1' is less than 0.",
        "Row 5, column quantity: 'many' is not a number such as 12 or 12.5.",
        "Row 6, column expires_on: 'tomorrow' is not a date such as 2026-11-23.",
        "Row 7, column location: the cell is empty.",
    ]
    assert session.scalar(select(func.count()).select_from(Location)) == 0


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("NOPE,L1,WH/STOCK,5", "column sku: 'NOPE' is not the SKU of a product."),
        ("BOLT,,WH/STOCK,5", "column lot: BOLT is tracked by lot: give the lot number."),
        ("CAM,,WH/STOCK,1", "column lot: CAM is tracked by serial: give the serial number."),
        ("CAM,S1,WH/STOCK,2", "column quantity: '2': CAM is tracked by serial number: S1 stands for one piece, not 2."),
        ("BOLT,L1,WH/STOCK,1.5", "column quantity: '1.5': BOLT: 1.5 has more than 0 decimals."),
    ],
)
def test_a_row_that_the_database_contradicts_is_refused(session, line, error):
    make_product(session, sku="BOLT")
    make_product(session, sku="CAM", tracking=Tracking.serial)
    session.commit()
    assert refused("stock", "sku,lot,location,quantity", line) == [f"Row 2, {error}"]
    assert session.scalar(select(func.count()).select_from(Location)) == 0


def test_rows_that_contradict_each_other_are_refused(session):
    make_product(session, sku="BOLT")
    make_product(session, sku="PLUG", tracking=Tracking.none)
    session.commit()
    head = "sku,lot,location,quantity,expires_on"
    assert refused("stock", head, "BOLT,L1,WH/A,1,", "BOLT,L1,WH/A,2,") == [
        "Row 3, column sku: 'BOLT' is there twice: row 2 has the same sku and lot and location."
    ]
    assert refused("stock", head, "BOLT,L1,WH/A,1,2027-01-01", "BOLT,L1,WH/B,2,2027-01-02") == [
        "Row 3, column expires_on: '2027-01-02' is not what row 2 says of the same lot."
    ]
    assert refused("stock", head, "PLUG,,WH/A,1,", "PLUG,X,WH/A,2,") == [
        "Row 3, column lot: 'X': PLUG at WH/A is counted both by lot and in total. Give one or the other."
    ]


def test_a_date_that_one_row_of_a_lot_gives_holds_for_all_of_it(session):
    make_product(session, sku="BOLT")
    load("stock", "sku,lot,location,quantity,expires_on", "BOLT,L1,WH/A,1,", "BOLT,L1,WH/B,2,2027-01-02")
    assert session.scalars(select(Lot.expires_on)).all() == [date(2027, 1, 2)]


def test_many_rows_of_stock_take_as_many_statements_as_one(session, count_statements):
    make_product(session, sku="BOLT")
    make_product(session, sku="PLUG", tracking=Tracking.none)

    def statements(number, quantity):
        lots = [f"BOLT,{number}-{each},W{number}-{each}/A,{quantity}" for each in range(number)]
        loose = [f"PLUG,,W{number}-{each}/A,{quantity}" for each in range(number)]
        with count_statements() as sent:
            load("stock", "sku,lot,location,quantity", *lots, *loose)
        return len(sent)

    # From a hundred rows on PostgreSQL copies, which is not counted.
    statements(1, 5)
    assert statements(40, 5) == statements(2, 5)
    assert statements(40, 3) == statements(2, 3)


def test_stock_is_exported_as_it_is_imported_and_imports_again_on_an_empty_database(session):
    products = ("sku,name,unit_decimals,tracking", "BOLT,Bolt,,", "ROPE,Rope,2,", "PLUG,Plug,,none", "CAM,Cam,,serial")
    load("products", *products)
    load(
        "stock",
        "sku,lot,location,quantity,received_on,expires_on",
        "ROPE,R1,WH/B,1.25,2026-02-01,",
        "ROPE,R1,WH/A,2,,",
        "BOLT,B2,WH/A,7,2026-03-01,2027-01-01",
        "PLUG,,WH/A,30,2026-04-01,",
        "CAM,S1,WH/A,1,2026-05-01,",
        "BOLT,B1,WH/A,0,2026-06-01,",
    )
    first = send(session, "stock")
    assert first.splitlines() == [
        "sku,lot,location,quantity,received_on,expires_on",
        "BOLT,B2,WH/A,7,2026-03-01,2027-01-01",
        "BOLT,B1,WH/A,0,2026-06-01,",
        "ROPE,R1,WH/A,2,2026-02-01,",
        "ROPE,R1,WH/B,1.25,2026-02-01,",
        "PLUG,LOT00001,WH/A,30,2026-04-01,",
        "CAM,S1,WH/A,1,2026-05-01,",
    ]
    with no_row_is_final(session):
        for table in (StockMove, Balance, Lot, Location):
            session.execute(table.__table__.delete())
    session.commit()
    load("stock", *first.splitlines())
    assert send(session, "stock") == first


def test_an_export_of_balances_has_what_is_allocated_and_what_is_available(session, allocate_for):
    product = make_product(session, sku="BOLT", unit_decimals=1)
    good = make_stock(session, product, "10.5", lot="GOOD", received_on=date(2026, 1, 1))
    expired = {"received_on": date(2026, 1, 1), "expires_on": date(2026, 11, 22)}
    make_stock(session, product, 4, lot="OLD", **expired)
    held = make_stock(session, product, 3, lot="HELD", received_on=date(2026, 1, 1))
    aside = make_location(session, "WH/Q", kind=LocationKind.quarantine)
    make_stock(session, product, 2, lot="GOOD", location=aside)
    allocate_for("SO1", good, 4)
    allocate_for("SO1", held, 1)
    hold_lot(session, held.lot_id)
    session.commit()
    assert send(session, "balances").splitlines() == [
        "sku,lot,location,on_hand,allocated,available,received_on,expires_on",
        "BOLT,GOOD,WH/Q,2,0,0,2026-01-01,",
        "BOLT,GOOD,WH/STOCK,10.5,4,6.5,2026-01-01,",
        "BOLT,OLD,WH/STOCK,4,0,0,2026-01-01,2026-11-22",
        "BOLT,HELD,WH/STOCK,3,1,0,2026-01-01,",
    ]


@pytest.mark.parametrize("kind", ["products", "stock", "balances"])
def test_an_export_takes_one_statement_for_its_rows(session, count_statements, kind):
    product = make_product(session)
    for _ in range(5):
        make_stock(session, product, 1)

    def statements():
        session.rollback()
        with count_statements() as sent:
            send(session, kind)
        return [statement for statement in sent if "inventory_lots" in statement and "preorder" not in statement]

    assert len(statements()) == 1


@pytest.mark.parametrize("kind", ["products", "stock"])
def test_a_header_alone_is_0_rows(session, kind):
    header = {"products": "sku,name", "stock": "sku,location,quantity"}[kind]
    assert load(kind, header) == "0 rows."
