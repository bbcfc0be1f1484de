"""Transactions, locks and bulk statements, alike on both databases."""

import subprocess
import sys
from decimal import Decimal

import pytest
from flask import g
from sqlalchemy import select, text
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.orm.exc import StaleDataError

from erp import clock
from erp.app import create_app
from erp.db import (
    bulk_add,
    bulk_delete,
    bulk_insert,
    chunks,
    commit,
    db,
    insert_new,
    lock_rows,
    prepare,
    raw_instant,
    reading,
    require_lock,
    to_raw,
)
from erp.db.statistics import MANY
from erp.db.transactions import is_lost_race
from erp.errors import DatabaseBusy, ErpError, StaleRecord
from erp.events import RUN
from erp.models import HistoryEntry
from modules.inventory_lots.models import Balance, Product, Warehouse
from modules.preorder.models import Conversion
from modules.sales.models import Allocation
from tests.core.rows import make_arrival
from tests.support.inventory_lots import make_product, make_stock


@pytest.fixture
def no_waiting(monkeypatch):
    monkeypatch.setattr("erp.db.transactions.time.sleep", lambda seconds: None)


def lost_race():
    return OperationalError("UPDATE", {}, Exception("database is locked"))


def test_an_operation_that_is_refused_changes_nothing(session):
    def work(session):
        make_product(session, sku="HALF")
        raise ErpError("No.")

    with pytest.raises(ErpError):
        commit(work)
    assert session.scalar(select(Product).where(Product.sku == "HALF")) is None


def test_a_lost_race_is_tried_again_from_the_start(session, no_waiting):
    tries = []

    def work(session):
        tries.append(session.scalar(select(Product.sku).where(Product.sku == "AGAIN")))
        make_product(session, sku="AGAIN")
        if len(tries) < 3:
            raise lost_race()
        return "done"

    assert commit(work) == "done"
    assert tries == [None, None, None]


def test_races_that_are_lost_too_often_are_refused(session, no_waiting):
    def work(session):
        raise lost_race()

    with pytest.raises(DatabaseBusy, match="5 tries failed"):
        commit(work)


def test_another_error_of_the_database_is_not_tried_again(session):
    tries = []

    def work(session):
        tries.append(1)
        raise OperationalError("SELECT", {}, Exception("disk is full"))

    with pytest.raises(OperationalError):
        commit(work)
    assert len(tries) == 1


def test_the_second_of_two_users_who_save_the_same_record_is_refused(session):
    def work(session):
        raise StaleDataError

    with pytest.raises(StaleRecord, match="Reload it"):
        commit(work)


@pytest.mark.parametrize("state", ["40001", "40P01", "55P03"])
def test_postgresqls_lost_races_are_known(state):
    orig = Exception("deadlock detected")
    orig.sqlstate = state
    assert is_lost_race(OperationalError("UPDATE", {}, orig))


def test_locking_forgets_what_was_read_before(session):
    product = make_product(session, name="Before")
    session.commit()
    assert product.name == "Before"
    session.connection().exec_driver_sql("UPDATE inventory_lots_product SET name = 'After'")
    assert product.name == "Before"
    lock_rows(session, Product, [product.id])
    assert product.name == "After"


def test_rows_are_locked_once_a_transaction(session):
    one, two = make_product(session).id, make_product(session).id
    session.commit()
    lock_rows(session, Product, [one, two])
    lock_rows(session, Product, [two])
    lock_rows(session, Product, [])
    with pytest.raises(RuntimeError, match="locked once a transaction"):
        lock_rows(session, Product, [one, 99])
    session.rollback()
    lock_rows(session, Product, [two])
    session.rollback()


def test_a_lock_that_was_promised_is_demanded(session):
    one, two = make_product(session).id, make_product(session).id
    session.commit()
    lock_rows(session, Product, [one])
    require_lock(session, Product, [one])
    with pytest.raises(RuntimeError, match=rf"Product \[{two}\] must be locked"):
        require_lock(session, Product, [one, two])
    session.commit()
    with pytest.raises(RuntimeError, match="must be locked"):
        require_lock(session, Product, [one])


def test_a_reading_transaction_cannot_lock(session):
    with reading(), pytest.raises(RuntimeError, match="cannot lock"):
        lock_rows(session, Product, [1])


def test_reading_ends_with_its_block(session):
    with pytest.raises(ZeroDivisionError), reading():
        assert g.erp_reading
        raise ZeroDivisionError
    assert not g.erp_reading


def test_many_rows_are_written_by_one_statement(session, count_statements):
    with count_statements() as sent:
        bulk_insert(session, Warehouse.__table__, ["code", "name"], [(f"W{n}", "Löffel\t'x'") for n in range(1000)])
    assert len([statement for statement in sent if "BEGIN" not in statement]) <= 1
    assert session.scalars(select(Warehouse.name).where(Warehouse.code == "W999")).one() == "Löffel\t'x'"
    bulk_insert(session, Warehouse.__table__, ["code"], [])


def test_a_table_that_grew_much_in_one_transaction_has_statistics_at_once(all_databases):
    known = text("SELECT count(*) FROM pg_stats WHERE tablename = 'inventory_lots_warehouse'")
    with all_databases.app("postgres").app_context():
        # PostgreSQL itself looks at a table of fifty new rows, when it finds the time.
        for count, is_kept, has_statistics in ((40, True, 0), (MANY, False, 0), (MANY, True, 1)):
            rows = [(f"{count}-{n}", "") for n in range(count)]
            bulk_insert(db.session(), Warehouse.__table__, ["code", "name"], rows)
            db.session.commit() if is_kept else db.session.rollback()
            assert (db.session.scalar(known) > 0) == has_statistics
            db.session.rollback()


def test_many_counters_are_raised_by_one_statement(app, session, count_statements):
    ids = [make_stock(session, make_product(session), quantity).id for quantity in (1, 2, 3)]
    session.commit()
    with count_statements() as sent:
        bulk_add(session, Balance.__table__, ("allocated", "on_hand"), [(id_, 5000, 10000) for id_ in ids])
        session.flush()
    assert len([statement for statement in sent if "BEGIN" not in statement]) == 1
    session.expire_all()
    rows = session.execute(select(Balance.on_hand, Balance.allocated).where(Balance.id.in_(ids)).order_by(Balance.id))
    assert rows.all() == [(Decimal(2), Decimal("0.5")), (Decimal(3), Decimal("0.5")), (Decimal(4), Decimal("0.5"))]
    session.rollback()


def test_a_constraint_holds_on_both_databases(session):
    balance = make_stock(session, make_product(session), 1)
    balance.allocated = Decimal(2)
    with pytest.raises(IntegrityError, match="allocated_within_on_hand"):
        session.flush()
    session.rollback()


def test_pieces_cover_everything_in_order():
    assert [list(piece) for piece in chunks(range(5), 2)] == [[0, 1], [2, 3], [4]]


def test_slow_work_is_done_outside_of_the_transaction_which_begins_again(session):
    made, seen = [], []

    def work(session):
        make_product(session, sku="SLOW")
        if not made:
            prepare(session, lambda: (seen.append(session.in_transaction()), made.append("text")))
        return made[0]

    assert commit(work) == "text"
    assert seen == [False]
    assert len(session.scalars(select(Product.id).where(Product.sku == "SLOW")).all()) == 1


def test_what_is_never_prepared_is_refused_and_changes_nothing(session):
    def work(session):
        make_product(session, sku="NEVER")
        prepare(session, lambda: None)

    with pytest.raises(DatabaseBusy):
        commit(work)
    assert session.scalar(select(Product.id).where(Product.sku == "NEVER")) is None


def test_slow_work_ends_a_transaction_that_only_reads_and_keeps_what_it_loaded(session):
    product = make_product(session, sku="READ")
    session.commit()
    seen = []
    with reading():
        assert product.sku == "READ"
        prepare(session, lambda: seen.append(session.in_transaction()))
        assert "sku" in product.__dict__
    assert seen == [False]


def test_slow_work_outside_of_a_commit_is_done_at_once(session):
    make_product(session, sku="HERE")
    done = []
    prepare(session, lambda: done.append(1))
    session.commit()
    assert done == [1]
    assert session.scalar(select(Product.id).where(Product.sku == "HERE"))


def test_writes_that_follow_one_another_reach_postgresql_in_one_statement_before_it_reads(session, count_statements):
    balance = make_stock(session, make_product(session), 10)
    amounts, id_ = [(balance.id, to_raw(2))], balance.id
    session.commit()
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    with count_statements() as sent:
        bulk_add(session, Balance.__table__, ("allocated",), amounts)
        bulk_insert(session, Warehouse.__table__, ("code", "name"), [("FIRST", ""), ("NEXT", "")])
        written = len([each for each in sent if not each.startswith("BEGIN")])
        assert session.scalar(select(Balance.allocated).where(Balance.id == id_)) == 2
    assert written == (0 if is_postgresql else 2)
    assert len([each for each in sent if not each.startswith("BEGIN")]) == (2 if is_postgresql else 3)
    assert set(session.scalars(select(Warehouse.code))) >= {"FIRST", "NEXT"}


def test_two_changes_of_the_same_rows_both_count(session):
    balance = make_stock(session, make_product(session), 10)
    for _ in range(2):
        bulk_add(session, Balance.__table__, ("allocated",), [(balance.id, to_raw(2))])
    session.commit()
    assert balance.allocated == 4


def test_a_row_may_name_one_that_is_written_with_it(session):
    def work(session):
        run = {"kind": "screen", "name": "both", "user_name": "", "started_at": raw_instant(clock.now())}
        run_id = insert_new(session, RUN, run)
        rows = [("sales.order", 7, "named")]
        columns = ("document", "document_id", "action")
        texts = dict.fromkeys(("user_name", "document_name", "field", "old_value", "new_value", "why"), "")
        shared = {"run_id": run_id, "at": raw_instant(clock.now()), **texts}
        bulk_insert(session, HistoryEntry.__table__, columns, rows, shared=shared)
        return run_id

    run_id = commit(work)
    assert session.scalar(select(HistoryEntry.run_id).where(HistoryEntry.action == "named")) == run_id.value


def test_what_waits_is_undone_with_its_transaction(session):
    balance = make_stock(session, make_product(session), 10)
    session.commit()
    bulk_add(session, Balance.__table__, ("allocated",), [(balance.id, to_raw(2))])
    session.rollback()
    session.commit()
    assert balance.allocated == 0


def test_deleted_rows_are_gone_and_the_others_stay(session):
    session.add_all([Warehouse(code=code, name="") for code in ("GONE", "STAYS")])
    session.commit()
    gone = session.scalars(select(Warehouse.id).where(Warehouse.code == "GONE")).one()
    bulk_delete(session, Warehouse.__table__, [gone])
    assert set(session.scalars(select(Warehouse.code).where(Warehouse.code.in_(("GONE", "STAYS"))))) == {"STAYS"}


@pytest.mark.parametrize("deletes_first", [True, False])
def test_rows_of_the_same_transaction_may_change_while_what_they_refer_to_is_deleted(session, deletes_first):
    make_arrival(session)
    conversion = session.scalars(select(Conversion)).one()
    steps = [
        lambda: bulk_delete(session, Allocation.__table__, [conversion.allocation_id]),
        lambda: bulk_add(session, Conversion.__table__, ("quantity",), [(conversion.id, to_raw(1))]),
    ]
    for step in steps if deletes_first else reversed(steps):
        step()
    session.commit()
    assert conversion.allocation_id is None


def test_a_text_that_is_too_long_is_refused_and_not_cut_off(session):
    if session.get_bind().dialect.name == "sqlite":
        pytest.skip("SQLite does not limit the length of texts")
    with pytest.raises(DataError):
        bulk_insert(session, Warehouse.__table__, ("code", "name"), [("X" * 200, "")])
        session.flush()


def test_a_commit_on_sqlite_outlasts_a_loss_of_power(tmp_path):
    app = create_app(database_url=f"sqlite:///{tmp_path / 'durable.sqlite'}", environment={})
    with app.app_context():
        full = 2  # what SQLite calls synchronous=FULL
        assert db.session.scalar(text("PRAGMA synchronous")) == full
        db.engine.dispose()


READ = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); print(c.execute(sys.argv[2]).fetchone()[0]); c.close()"


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_what_is_written_is_seen_by_other_processes_however_many_connections_there_are(app, session):
    session.rollback()
    query = "SELECT count(*) FROM erp_role"

    def read_elsewhere():
        command = [sys.executable, "-c", READ, db.engine.url.database, query]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    one, other = db.engine.raw_connection(), db.engine.raw_connection()
    try:
        before = one.cursor().execute(query).fetchone()[0]
        # Without a lock of this process, the other one would be the last to close the database, and end its journal.
        assert read_elsewhere() == before
        one.cursor().execute("INSERT INTO erp_role (name, is_administrator) VALUES ('Porter', false)")
        assert other.cursor().execute(query).fetchone()[0] == read_elsewhere() == before + 1
    finally:
        one.close()
        other.close()
