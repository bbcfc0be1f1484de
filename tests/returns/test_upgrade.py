"""The life of the shipped module with data: installed as 1.0, upgraded, switched, uninstalled and brought back."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import MetaData, Table, insert, inspect, select

from erp import clock, migrations
from erp.db import commit, db
from erp.identity import identity_key
from erp.migrations import revisions
from erp.models import InstalledModule, ModuleState
from erp.options import bump_revision
from erp.registry import current_registry
from modules.returns import services
from modules.returns.models import Return
from tests.support.returns import make_pack

TABLES = ("returns_return", "returns_return_line", "returns_inspection")


def install_first_version(session):
    """Make the tables and the row of version 1.0."""
    with revisions.moving() as connection:
        revisions.move(connection, "returns", to="0001")

    def note(session):
        session.add(InstalledModule(name="returns", version="1.0", state=ModuleState.enabled))
        bump_revision(session)

    commit(note)
    current_registry().refresh()


def write_as_first_version(session, pack):
    """Write a draft and its line as version 1.0 did."""
    order_id, pack_line_id = pack.order_id, pack.lines[0].id
    session.rollback()
    with db.engine.begin() as connection:
        document, line = (Table(name, MetaData(), autoload_with=connection) for name in TABLES[:2])
        assert "cause" not in document.c
        about = {"order_id": order_id, "reason": "Broken", "state": "draft", "user_name": "clerk"}
        about |= {"number": "RT00001", "number_key": identity_key("RT00001")}
        connection.execute(
            insert(document).values(id=1, created_at=clock.now().replace(tzinfo=None), row_version=1, **about)
        )
        connection.execute(
            insert(line).values(
                id=1, return_id=1, position=1, pack_line_id=pack_line_id, quantity=50000, received=0, inspected=0
            )
        )


def rows():
    db.session.rollback()
    mapped = [each for each in revisions.tables("returns") if each.name in TABLES]
    found = {
        table.name: [tuple(row) for row in db.session.execute(select(table).order_by(table.c.id))] for table in mapped
    }
    db.session.rollback()
    return found


def switch(on):
    if on:
        migrations.enable("returns")
    else:
        commit(lambda session: current_registry().disable(session, "returns", release=True))


def test_version_1_0_is_upgraded_with_its_rows_switched_uninstalled_and_brought_back(
    empty_app, tmp_path: Path, command
):
    migrations.install_core()
    for name in ("inventory_lots", "sales"):
        migrations.install(name)
    session = db.session()
    pack = make_pack(session)
    install_first_version(session)
    write_as_first_version(session, pack)
    assert "1.1 is waiting" in command(empty_app, "modules", "list")[1]
    assert migrations.upgrade("returns") == ["version 1.0 to 1.1", "Kind of reason."]
    assert [(each.number, each.cause) for each in db.session().scalars(select(Return))] == [("RT00001", "other")]
    assert command(empty_app, "check")[0] == 0
    session = db.session()
    line = session.get_one(Return, 1).lines[0]
    services.receive(session, 1, {line.id: line.quantity})
    session.commit()
    switch(on=False)
    switch(on=True)
    before = rows()
    assert [len(found) for found in before.values()] == [1, 1, 0]
    switch(on=False)
    migrations.uninstall("returns", tmp_path)
    assert not set(TABLES) & set(inspect(db.engine).get_table_names())
    assert "3 tables were brought back" in migrations.install("returns", rows_from=tmp_path)[-1]
    assert rows() == before
    assert command(empty_app, "check")[0] == 0
