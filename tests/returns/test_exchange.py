"""Returns as CSV, and what the job and the switches of the module do."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import select

from erp import clock, migrations
from erp.db import commit
from erp.exchange import export_csv, import_csv, recognise
from erp.models import HistoryEntry
from erp.registry import current_registry
from modules.returns import errors, jobs, services
from modules.returns.domain import Decision
from modules.returns.models import Return
from modules.returns.queries import broken_invariants
from modules.returns.states import Outcome, ReturnState
from tests.support.returns import make_pack, make_received, make_return
from tests.support.sales import errors_of, load

HEADER = "number,reason,pack,sku,lot,quantity"


def rows_out(session):
    return "".join(export_csv(session, "return_lines")).splitlines()


def test_a_file_makes_returns_and_comes_out_with_what_became_of_them(session):
    pack = make_pack(session)
    sku = pack.lines[0].balance.product.sku
    goods = f"{pack.number},{sku}"
    rows = (f"R-1,Broken,{goods},L1,5", f"R-1,,{goods},L2,4", f"R-2,Late,{goods},l1,1")
    assert load(session, "returns", HEADER, *rows) == "2 returns with 3 lines."
    document = session.scalars(select(Return).where(Return.number == "R-1")).one()
    services.receive(session, document.id, {line.id: line.quantity for line in document.lines})
    session.commit()
    assert rows_out(session)[1:] == [
        f"R-1,{pack.order.number},Broken,received,{pack.number},{sku},L1,5,5,0,0,0,other",
        f"R-1,{pack.order.number},Broken,received,{pack.number},{sku},L2,4,4,0,0,0,other",
        f"R-2,{pack.order.number},Late,draft,{pack.number},{sku},L1,1,0,0,0,0,other",
    ]


def test_a_file_of_return_transfers_of_odoo_is_read_by_its_map(session):
    pack = make_pack(session)
    sku = pack.lines[0].balance.product.sku
    rows = (
        "Reference,Source Document,Product,Lot/Serial Number,Quantity,Status,Note",
        f"WH/IN/1,Return of {pack.number},[{sku}] Lamp,L1,2,Done,Broken",
        f",,[{sku}] Lamp,L2,1,Done,",
        f"WH/IN/2,Return of {pack.number},[{sku}] Lamp,L1,1,Cancelled,Broken",
    )
    kind = current_registry().imports["returns"].thing
    (guess,) = recognise(session, rows[0].split(","), [kind])
    data = "\n".join(rows).encode()
    assert "1 row of cancelled transfers left out." in import_csv(session, "returns", data, used=guess.used)
    document = session.scalars(select(Return)).one()
    assert (document.number, document.reason, document.cause) == ("WH/IN/1", "Broken", "other")
    assert [line.quantity for line in document.lines] == [2, 1]


def test_the_kind_of_reason_is_one_of_its_words(session):
    pack = make_pack(session)
    goods = f"{pack.number},{pack.lines[0].balance.product.sku},L1,1"
    header = f"{HEADER},cause"
    load(session, "returns", header, f"R-1,Broken,{goods},damaged")
    assert session.scalars(select(Return.cause)).all() == ["damaged"]
    assert errors_of(session, "returns", header, f"R-2,Broken,{goods},bored")[0][:2] == (2, "cause")


def test_a_file_with_mistakes_names_each_and_makes_nothing(session):
    pack, other = make_pack(session), make_pack(session)
    sku, another = (each.lines[0].balance.product.sku for each in (pack, other))
    number = make_return(session).number
    found = errors_of(
        session,
        "returns",
        HEADER,
        f"{number},Broken,{pack.number},{sku},L1,1",
        f"R-1,Broken,{pack.number},{sku},L1,4",
        f"R-2,Broken,{pack.number},{sku},L1,2",
        f"R-3,Broken,{pack.number},{sku},L9,1",
        f"R-4,Broken,{pack.number},{sku},L2,1",
        f"R-4,,{other.number},{another},L2,1",
        f"R-5,Broken,{pack.number},{sku},L2,0.5",
    )
    assert [(row, column) for row, column, _ in found] == [
        (2, "number"),
        (4, "quantity"),
        (5, "lot"),
        (7, "pack"),
        (8, "quantity"),
    ]
    assert session.scalars(select(Return.number)).all() == [number]


def test_a_file_of_fifty_rows_takes_as_many_statements_as_one_of_two(session, count_statements):
    def sent_for(name, rows):
        packs = [make_pack(session) for _ in range(rows)]
        lines = [f"{name}-{at},Broken,{p.number},{p.lines[0].balance.product.sku},L1,1" for at, p in enumerate(packs)]
        with count_statements() as sent:
            load(session, "returns", HEADER, *lines)
        return len(sent)

    sent_for("A", 1)
    assert sent_for("B", 2) == sent_for("C", 20)


@pytest.mark.option("returns.remind_after_days", "7", "3")
def test_returns_that_wait_too_long_are_marked_once(session, set_option, at):
    waiting, closed = make_received(session), make_return(session)
    services.cancel_return(session, closed.id)
    session.commit()
    at("2026-11-28T12:00:00Z")
    assert jobs.remind_of_returns(session) == "0 returns newly marked as waiting too long."
    set_option("returns.remind_after_days", "3")
    assert jobs.remind_of_returns(session) == "1 return newly marked as waiting too long."
    assert jobs.remind_of_returns(session) == "0 returns newly marked as waiting too long."
    assert (waiting.reminded_at, closed.reminded_at) == (clock.now(), None)
    entry = session.scalars(select(HistoryEntry).where(HistoryEntry.action == "waits too long")).one()
    assert (entry.document, entry.document_id, entry.new_value) == ("returns.return", waiting.id, "for inspection")


def disable(release=False):
    commit(lambda session: current_registry().disable(session, "returns", release=release))


def test_the_module_stays_on_while_returns_are_open_unless_it_is_asked_to_release(session):
    draft, received = make_return(session), make_received(session)
    with pytest.raises(errors.ReturnsOpen, match="1 return in draft and 1 received return are open"):
        disable()
    session.rollback()
    disable(release=True)
    states = [session.get_one(Return, each.id, populate_existing=True).state for each in (draft, received)]
    assert states == [ReturnState.cancelled, ReturnState.received]
    migrations.enable("returns")
    services.inspect(session, received.id, {received.lines[0].id: Decimal(6)}, Decision(Outcome.scrap))


def test_the_module_goes_and_comes_back_with_its_rows(session, tmp_path):
    pack = make_pack(session)
    make_received(session, pack, 4)
    make_return(session, pack, 1, 1)
    before = rows_out(session)
    session.commit()
    disable(release=True)
    migrations.uninstall("returns", tmp_path)
    tables = ("returns_inspection", "returns_return", "returns_return_line")
    assert sorted(path.stem for path in tmp_path.glob("*.csv")) == sorted(tables)
    migrations.install("returns", rows_from=tmp_path)
    assert rows_out(session) == [row.replace(",draft,", ",cancelled,") for row in before]
    assert make_return(session, pack, 2).number == "RT00003"
    assert list(broken_invariants(session)) == []
