"""Installing, upgrading and uninstalling modules, on both databases."""

from __future__ import annotations

import csv
import re
import shutil
from functools import partial

import pytest
from sqlalchemy import inspect, select, text

from erp import migrations
from erp.db import Model, commit, db
from erp.errors import (
    AlreadyInstalled,
    DatabaseTooNew,
    ErpError,
    MigrationFailed,
    MissingDependency,
    NoMigrations,
    NotInitialized,
    NotInstalled,
    StillEnabled,
    StillNeeded,
    UnknownModule,
    UpgradeNeeded,
)
from erp.migrations import EqualKeys, authoring, revisions
from erp.migrations.schema import schema
from erp.models import HistoryEntry, InstalledModule, ModuleState, OptionValue, Role, RoleRight
from erp.options import store_option
from erp.registry import current_registry
from modules.inventory_lots.models import Warehouse
from tests.support.inventory_lots import make_product

BROKEN = """
    op.create_table("backorder_email_extra", sa.Column("id", sa.Integer(), primary_key=True))
    op.execute("INSERT INTO backorder_email_extra (id) VALUES (1)")
    op.execute("INSERT INTO a_table_that_is_not_there (id) VALUES (1)")
"""
MENDED = """
    op.create_table("backorder_email_extra", sa.Column("id", sa.Integer(), primary_key=True))
"""
REVISION = '''"""Something more."""

import sqlalchemy as sa
from alembic import op

revision = "{number}"
down_revision = {before}


def upgrade():
{body}
'''


def install_all():
    migrations.install_core()
    for name in current_registry().modules:
        migrations.install(name)


def owners():
    return ["erp", *current_registry().modules]


def disable(name):
    commit(lambda session: current_registry().disable(session, name))


def remove(name, folder):
    disable(name)
    return migrations.uninstall(name, folder)


def facts():
    db.session.rollback()
    with db.engine.connect() as connection:
        return schema(connection)


def rows():
    """Return every row of every table, except those that record what was done."""
    db.session.rollback()
    records = {"erp_history_entry", "erp_run", "erp_revision"}
    tables = [table for owner in owners() for table in revisions.tables(owner) if table.name not in records]
    return {table.name: sorted(map(repr, db.session.execute(select(table)))) for table in tables}


def state_of(name):
    db.session.rollback()
    row = db.session.get(InstalledModule, name)
    return row.state, row.error


@pytest.fixture
def own_revisions(monkeypatch, tmp_path):
    """Return a function that adds a revision to a module's own, in a copy that ends with the test."""
    directory = revisions.directory

    def add(owner, number, body):
        folder = tmp_path / owner
        if not folder.exists():
            shutil.copytree(directory(owner), folder, ignore=shutil.ignore_patterns("__pycache__"))
        before = f'"{int(number) - 1:04d}"' if number != "0001" else "None"
        for old in folder.glob(f"{number}_*.py"):
            old.unlink()
        (folder / f"{number}_{len(body)}.py").write_text(REVISION.format(number=number, before=before, body=body))
        monkeypatch.setattr(revisions, "directory", lambda name: folder if name == owner else directory(name))

    return add


def test_the_migrated_tables_are_those_of_the_models(empty_app, make_empty_app):
    install_all()
    migrated = facts()
    with make_empty_app(db.engine.dialect.name.replace("postgresql", "postgres"), "created").app_context():
        Model.metadata.create_all(db.engine, [table for owner in owners() for table in revisions.tables(owner)])
        created = facts()
    assert len(created) > 100
    assert {part: sql for part, sql in migrated.items() if not part.table.endswith("_version")} == created


def test_uninstalling_and_installing_all_again_leaves_the_tables_of_a_fresh_database(empty_app, tmp_path):
    install_all()
    fresh, fresh_rows = facts(), rows()
    modules = list(current_registry().modules)
    for name in reversed(modules):
        remove(name, tmp_path / name)
    core_alone = facts()
    for name in modules:
        migrations.install(name)
    assert (facts(), rows()) == (fresh, fresh_rows)
    assert {part.table.partition("_")[0] for part in core_alone} == {"erp"}


def test_each_module_may_go_and_come_back_while_those_below_it_work_on(empty_app, tmp_path):
    install_all()
    fresh = facts()
    modules = list(current_registry().modules)
    for name in reversed(modules):
        gone = [*reversed(current_registry().dependents(name, modules))]
        gone = [other for other in reversed(modules) if other in {*gone, name}]
        for other in gone:
            remove(other, tmp_path / f"{name}-{other}")
        assert {row.name for row in db.session.scalars(select(InstalledModule))} == set(modules) - set(gone)
        for other in reversed(gone):
            migrations.install(other)
        assert facts() == fresh


def test_rights_are_given_at_installation_and_taken_at_the_end(empty_app, tmp_path):
    install_all()

    def rights_of(role):
        query = select(RoleRight.permission).join(Role, Role.id == RoleRight.role_id).where(Role.name == role)
        return set(db.session.scalars(query))

    assert {"sales.view", "inventory_lots.view"} <= rights_of("Sales clerk")
    assert rights_of("Administrator") == set()
    assert db.session.scalar(select(Role.is_administrator).where(Role.name == "Administrator"))
    remove("backorder_email", tmp_path)
    assert not any(right.startswith("backorder_email.") for right in rights_of("Sales clerk"))
    assert {"sales.view", "inventory_lots.view"} <= rights_of("Sales clerk")


def test_uninstalling_forgets_the_module_but_not_its_history(empty_app, tmp_path):
    install_all()
    table = current_registry().option_table
    for key, value in (("backorder_email.on_link", "no"), ("sales.backorders", "no")):
        commit(partial(store_option, table=table, key=key, text=value, user_name="admin"))
    remove("backorder_email", tmp_path)
    assert set(db.session.scalars(select(OptionValue.name))) == {"sales.backorders"}
    assert "backorder_email" not in current_registry().enabled()
    actions = (
        select(HistoryEntry.action).where(HistoryEntry.document_name == "backorder_email").order_by(HistoryEntry.id)
    )
    assert list(db.session.scalars(actions))[-1] == "uninstalled"


def test_uninstalling_writes_every_table_to_a_file_first(empty_app, tmp_path):
    install_all()
    make_product(db.session(), sku="BOLT-8", name='6" bolt, black')
    db.session.commit()
    assert migrations.what_uninstall_destroys("inventory_lots")["inventory_lots_product"] == 1
    for name in reversed(list(current_registry().modules)):
        files = remove(name, tmp_path / name)
        assert {file.stem for file in files} == {table.name for table in current_registry().tables[name]}
    with (tmp_path / "inventory_lots" / "inventory_lots_product.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["sku"], row["name"], row["is_active"]) for row in rows] == [("BOLT-8", '6" bolt, black', "yes")]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_what_an_uninstallation_wrote_is_brought_back_whole(make_empty_app, command, tmp_path, monkeypatch, kind):
    app = make_empty_app(kind)
    with app.app_context():
        assert command(app, "init", "--demo")[0] == 0
        make_product(db.session(), sku="'=1+1", name="=1+1")
        make_product(db.session(), sku="+PLUS", name="'quoted'")
        db.session.commit()
        monkeypatch.setattr(current_registry(), "catch_ups", {name: () for name in current_registry().modules})
        names = list(current_registry().modules)
        for name in ("api", "returns"):
            migrations.install(name)
        first = take_out(names, tmp_path / "first")
        for name in names:
            code, out, err = command(app, "modules", "install", name, "--from", str(tmp_path / "first" / name))
            assert (code, err) == (0, "") and " were brought back." in out
        assert command(app, "check")[0] == 0
        id_ = make_product(db.session()).id
        assert id_ == 1 + max(map(int, re.findall("^[0-9]+", first["inventory_lots_product"], re.M)))
        db.session.rollback()
        assert take_out(names, tmp_path / "second") == first


def take_out(names, folder):
    """Uninstall modules and return what is in their files."""
    for name in reversed(names):
        commit(partial(current_registry().disable, name=name, release=True))
        migrations.uninstall(name, folder / name)
    return {path.stem: path.read_text() for path in folder.glob("*/*.csv")}


def test_files_that_do_not_fit_bring_nothing_back(empty_app, tmp_path):
    install_all()
    remove("backorder_email", tmp_path)
    file = tmp_path / "backorder_email_template.csv"
    for content, complaint in [
        ("id,colour\n1,red\n", "has no column 'colour'"),
        ("id,name\nmany,Name\n", "row 2 has a value that table backorder_email_template cannot hold"),
        ("id,name\n1\n", "row 2 has a value"),
    ]:
        file.write_text(content)
        with pytest.raises(ErpError, match=complaint):
            migrations.install("backorder_email", rows_from=tmp_path)
    with pytest.raises(ErpError, match="there is no file"):
        migrations.install("backorder_email", rows_from=tmp_path / "nowhere")
    assert state_of("backorder_email")[0] == ModuleState.installing
    assert not inspect(db.session.connection()).has_table("backorder_email_template")
    migrations.upgrade("backorder_email")
    assert state_of("backorder_email") == (ModuleState.enabled, "")


def test_what_still_works_or_is_still_needed_is_not_uninstalled(empty_app, tmp_path):
    install_all()
    with pytest.raises(StillEnabled):
        migrations.uninstall("backorder_email", tmp_path)
    disable("backorder_email")
    disable("preorder")
    with pytest.raises(StillNeeded) as refused:
        migrations.uninstall("preorder", tmp_path)
    assert refused.value.facts["dependents"] == ["backorder_email"]
    with pytest.raises(UnknownModule):
        migrations.uninstall("nowhere", tmp_path)
    assert not list(tmp_path.glob("*.csv"))


def test_a_module_is_installed_once_and_after_those_it_needs(empty_app):
    migrations.install_core()
    with pytest.raises(MissingDependency) as refused:
        migrations.install("preorder")
    assert refused.value.facts["missing"] == ["procurement", "sales"]
    migrations.install("inventory_lots")
    with pytest.raises(AlreadyInstalled):
        migrations.install("inventory_lots")
    with pytest.raises(NotInstalled):
        migrations.upgrade("sales")
    assert current_registry().enabled() == {"inventory_lots"}


def test_a_module_with_tables_and_no_migrations_is_refused(empty_app, monkeypatch, tmp_path):
    migrations.install_core()
    directory = revisions.directory
    monkeypatch.setattr(revisions, "directory", lambda name: tmp_path if name == "inventory_lots" else directory(name))
    with pytest.raises(NoMigrations):
        migrations.install("inventory_lots")


def test_an_installation_that_breaks_off_leaves_nothing_and_can_be_ended(empty_app, own_revisions, tmp_path):
    install_all()
    remove("backorder_email", tmp_path / "export")
    before = facts()
    own_revisions("backorder_email", "0002", BROKEN)
    with pytest.raises(MigrationFailed) as refused:
        migrations.install("backorder_email")
    assert "erp modules upgrade backorder_email" in str(refused.value)
    assert facts() == before
    state, error = state_of("backorder_email")
    assert state == ModuleState.installing
    assert "a_table_that_is_not_there" in error
    own_revisions("backorder_email", "0002", MENDED)
    assert migrations.upgrade("backorder_email") == ["Initial tables.", "Something more."]
    assert state_of("backorder_email") == (ModuleState.enabled, "")


def test_an_upgrade_that_breaks_off_leaves_the_old_tables_and_can_be_ended(empty_app, own_revisions):
    install_all()
    before = facts()
    own_revisions("backorder_email", "0002", BROKEN)
    with pytest.raises(UpgradeNeeded) as needed:
        migrations.require_current()
    assert needed.value.facts["names"] == ["backorder_email"]
    with pytest.raises(MigrationFailed):
        migrations.upgrade_all()
    assert facts() == before
    assert state_of("backorder_email")[0] == ModuleState.upgrading
    assert "backorder_email" not in current_registry().enabled()
    own_revisions("backorder_email", "0002", MENDED)
    assert migrations.upgrade_all() == ["backorder_email"]
    assert state_of("backorder_email") == (ModuleState.enabled, "")
    assert inspect(db.session.connection()).has_table("backorder_email_extra")
    migrations.require_current()


def test_the_command_that_a_broken_upgrade_names_ends_it_and_all_else_goes_on(empty_app, own_revisions, command):
    install_all()
    own_revisions("backorder_email", "0002", BROKEN)
    code, _, err = command(empty_app, "check")
    assert (code, "The tables of backorder_email are older" in err) == (1, True)
    code, _, err = command(empty_app, "modules", "upgrade", "backorder_email")
    assert (code, "erp modules upgrade backorder_email" in err) == (1, True)
    assert "a_table_that_is_not_there" in command(empty_app, "modules", "list")[1]
    assert command(empty_app, "check")[0] == 0
    own_revisions("backorder_email", "0002", MENDED)
    assert command(empty_app, "modules", "upgrade", "backorder_email")[0] == 0
    assert state_of("backorder_email") == (ModuleState.enabled, "")


def test_a_module_with_old_tables_is_not_switched_on_before_its_upgrade(empty_app, own_revisions, command):
    install_all()
    disable("backorder_email")
    own_revisions("backorder_email", "0002", MENDED)
    assert command(empty_app, "check")[0] == 0
    for more in ((), ("--dry-run",)):
        code, _, err = command(empty_app, "modules", "enable", "backorder_email", *more)
        assert (code, "The tables of backorder_email are older" in err) == (1, True)
    command(empty_app, "modules", "upgrade", "backorder_email")
    assert command(empty_app, "modules", "enable", "backorder_email")[0] == 0
    assert state_of("backorder_email") == (ModuleState.enabled, "")


def test_a_module_that_was_off_is_off_after_its_upgrade(empty_app, own_revisions):
    install_all()
    disable("backorder_email")
    own_revisions("backorder_email", "0002", MENDED)
    migrations.upgrade("backorder_email")
    assert state_of("backorder_email") == (ModuleState.disabled, "")


def test_an_uninstallation_that_breaks_off_destroys_nothing_and_is_ended_or_taken_back(
    empty_app, monkeypatch, tmp_path
):
    def break_off(*_):
        raise OSError("No space left on device")

    install_all()
    disable("backorder_email")
    before = facts()
    for end in (migrations.upgrade, partial(migrations.uninstall, export_to=tmp_path / "again")):
        with monkeypatch.context() as patch:
            patch.setattr("erp.migrations.lifecycle._forget", break_off)
            with pytest.raises(MigrationFailed, match="erp modules uninstall backorder_email"):
                migrations.uninstall("backorder_email", tmp_path / "export")
        assert facts() == before
        assert state_of("backorder_email") == (ModuleState.uninstalling, "No space left on device")
        end("backorder_email")
        if end is migrations.upgrade:
            assert state_of("backorder_email") == (ModuleState.disabled, "")
    assert db.session.get(InstalledModule, "backorder_email") is None


def test_an_installation_that_broke_off_before_the_module_was_on_is_done_again(empty_app, monkeypatch):
    def break_off(_name):
        raise OSError("No space left on device")

    migrations.install_core()
    with monkeypatch.context() as patch:
        patch.setattr("erp.migrations.lifecycle.enable", break_off)
        with pytest.raises(OSError, match="No space left"):
            migrations.install("inventory_lots")
    assert state_of("inventory_lots") == (ModuleState.disabled, "")
    migrations.install("inventory_lots")
    assert state_of("inventory_lots") == (ModuleState.enabled, "")
    commit(partial(current_registry().disable, name="inventory_lots"))
    with pytest.raises(AlreadyInstalled):
        migrations.install("inventory_lots")


def test_those_that_need_a_module_are_off_while_its_upgrade_is_broken_off(empty_app, own_revisions):
    install_all()
    own_revisions("sales", "0007", BROKEN.replace("backorder_email_extra", "sales_extra"))
    with pytest.raises(MigrationFailed):
        migrations.upgrade("sales")
    assert current_registry().enabled() == {"api", "inventory_lots", "procurement"}
    own_revisions("sales", "0007", MENDED.replace("backorder_email_extra", "sales_extra"))
    migrations.upgrade("sales")
    assert current_registry().enabled() == set(current_registry().modules)


def test_a_table_that_is_made_again_keeps_what_refers_to_it(empty_app, own_revisions):
    install_all()
    make_product(db.session(), sku="A")
    db.session.execute(
        text(
            "INSERT INTO inventory_lots_lot (product_id, number, number_key, received_on, on_hold, row_version)"
            " SELECT id, 'L1', 'l1', DATE('2026-01-01'), 1 = 0, 1 FROM inventory_lots_product"
        )
    )
    db.session.commit()
    own_revisions(
        "inventory_lots",
        "0003",
        '    with op.batch_alter_table("inventory_lots_product", recreate="auto") as table:\n'
        '        table.alter_column("name", type_=sa.String(300))\n',
    )
    migrations.upgrade("inventory_lots")
    lots = text("SELECT l.number FROM inventory_lots_lot l JOIN inventory_lots_product p ON p.id = l.product_id")
    assert list(db.session.scalars(lots)) == ["L1"]


def test_a_program_older_than_its_tables_refuses(empty_app):
    install_all()
    db.session.execute(text("UPDATE sales_version SET version_num = '9999'"))
    db.session.commit()
    with pytest.raises(DatabaseTooNew):
        migrations.require_current()


def test_an_empty_database_is_distinguished_from_one_with_tables(empty_app):
    assert not migrations.is_initialized()
    with pytest.raises(NotInitialized):
        migrations.require_current()
    assert migrations.install_core() == ["Initial tables."]
    assert migrations.install_core() == []
    assert migrations.is_initialized()
    assert set(db.session.scalars(select(Role.name))) == set(migrations.SHIPPED_ROLES)


def test_the_plan_of_a_step_says_what_it_does_and_changes_nothing(empty_app, own_revisions):
    install_all()
    disable("backorder_email")
    before = facts()
    assert "would be enabled" in migrations.plan_enable("backorder_email")[0]
    assert any("backorder_email_message: 0 rows" in line for line in migrations.plan_uninstall("backorder_email"))
    assert "would be disabled" in migrations.plan_disable("preorder")[0]
    assert migrations.plan_upgrade("sales") == ["Module sales is up to date."]
    with pytest.raises(StillNeeded):
        migrations.plan_disable("sales")
    own_revisions("sales", "0007", MENDED)
    assert migrations.plan_upgrade("sales")[-1] == "Revisions: Something more."
    assert facts() == before
    assert state_of("backorder_email") == (ModuleState.disabled, "")


def test_a_revision_written_from_the_models_makes_their_tables(empty_app, own_revisions, tmp_path):
    own_revisions("sales", "0007", MENDED)
    for path in (tmp_path / "sales").glob("[0-9]*.py"):
        path.unlink()
    assert authoring.revise("sales", "Initial tables") == tmp_path / "sales" / "0001_initial_tables.py"
    assert authoring.revise("sales", "Nothing new") is None
    install_all()
    assert {table.name for table in revisions.tables("sales")} <= set(
        inspect(db.session.connection()).get_table_names()
    )


def test_every_table_belongs_to_the_core_or_to_one_module(empty_app):
    owned = {table.name for owner in owners() for table in revisions.tables(owner)}
    # Another test of this process may have loaded the sample.
    assert owned == {name for name in Model.metadata.tables if not name.startswith("sample_module_")}


EQUAL_KEYS = """
    from erp.migrations import existing_keys, write_keys
    keys = existing_keys(op.get_bind(), "inventory_lots_warehouse", "name")
    op.add_column("inventory_lots_warehouse", sa.Column("name_key", sa.Text(), nullable=True))
    write_keys(op.get_bind(), "inventory_lots_warehouse", "name_key", keys)
"""


def test_an_upgrade_that_finds_equal_names_stops_before_it_changes_anything(empty_app, own_revisions):
    install_all()
    db.session.add_all([Warehouse(code="A", name="Main"), Warehouse(code="B", name="MAIN")])
    db.session.commit()
    tables, records = facts(), rows()["inventory_lots_warehouse"]
    own_revisions("inventory_lots", "0003", EQUAL_KEYS)
    with pytest.raises(EqualKeys, match="'Main' = 'MAIN'"):
        migrations.upgrade_all()
    assert (facts(), rows()["inventory_lots_warehouse"]) == (tables, records)
    db.session.execute(text("UPDATE inventory_lots_warehouse SET name = 'Second' WHERE code = 'B'"))
    db.session.commit()
    migrations.upgrade_all()
    keys = db.session.execute(text("SELECT name_key FROM inventory_lots_warehouse ORDER BY id")).scalars().all()
    assert keys == ["main", "second"]
