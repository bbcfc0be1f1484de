"""Backups: a consistent copy while others write, restored elsewhere with equal contents; the schedule."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import time
import zipfile
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import inspect, select, text

from erp import backup, jobs, migrations
from erp.app import create_app
from erp.backup.instance import add_files
from erp.db import commit, db
from erp.exchange import export_csv
from erp.models import JobRunState, Revision
from erp.options import store_option
from erp.registry import current_registry
from tests.core.test_migrations import own_revisions  # noqa: F401
from tests.support.inventory_lots import make_product


@pytest.fixture
def kind(app):
    return "sqlite" if db.engine.dialect.name == "sqlite" else "postgres"


@pytest.fixture
def elsewhere(kind, make_empty_app):
    """Another installation of the same kind of database, empty."""
    return make_empty_app(kind, "elsewhere")


@pytest.fixture
def company(app, command):
    """The demo company with a token for a program, something in the outbox and files of an uninstalled module."""
    assert command(app, "demo")[0] == 0
    assert command(app, "tokens", "add", "admin", "shop")[0] == 0
    with_files(app)
    return app


def with_files(app):
    """Write files into the instance, which has no others, and return it."""
    instance = Path(app.instance_path)
    shutil.rmtree(instance)
    for name in ("outbox/1.eml", "exports/sales/sales_order.csv"):
        (instance / name).parent.mkdir(parents=True, exist_ok=True)
        (instance / name).write_text(f"content of {name}")
    return instance


def exports():
    """Return every export of the application, without what depends on the time of the export."""
    return {name: "".join(export_csv(db.session(), name)) for name in current_registry().exports}


def rows():
    tables = sorted(inspect(db.session.connection()).get_table_names())
    return {name: db.session.scalar(text(f'SELECT count(*) FROM "{name}"')) for name in tables}


def contents():
    """Return a digest of the rows of each table, but of the number that makes other processes read options again."""
    found = {}
    for name in rows().keys() - {"erp_revision"}:
        lines = sorted(map(repr, db.session.execute(text(f'SELECT * FROM "{name}"'))))
        found[name] = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return found


def restored(command, app, file, *arguments):
    db.session.rollback()
    with app.app_context():
        code, out, err = command(app, "restore", str(file), *arguments)
        assert (code, err) == (0, ""), err
        return out, exports(), rows()


def test_a_backup_is_restored_elsewhere_with_equal_exports_rows_and_files(company, elsewhere, command, tmp_path):
    file = tmp_path / "company.backup"
    code, out, err = command(company, "backup", str(file))
    assert (code, err) == (0, "")
    assert out.startswith(f"{file}: ") and " and 2 files, " in out
    before, contained = (exports(), rows()), contents()
    assert [name for name, lines in before[0].items() if lines.count("\n") < 2] == [], "an export says nothing"
    assert before[1]["returns_return"] and before[1]["api_token"]
    out, *after = restored(command, elsewhere, file)
    assert tuple(after) == before
    with elsewhere.app_context():
        assert contents() == contained
    assert out.startswith(f"Restored {sum(before[1].values()):,} rows and 2 files as of 2026-11-23T12:00:00+00:00.\n")
    assert "No breach found by " in out
    assert (Path(elsewhere.instance_path) / "outbox/1.eml").read_text() == "content of outbox/1.eml"
    assert (Path(elsewhere.instance_path) / "exports/sales/sales_order.csv").exists()


def test_what_is_made_after_a_restore_gets_the_ids_that_it_would_have_got(app, elsewhere, command, tmp_path, session):
    product = make_product(session)
    session.delete(product)
    session.commit()
    backup.make(tmp_path / "company.backup")
    restored(command, elsewhere, tmp_path / "company.backup")
    made = commit(lambda session: make_product(session).id)
    with elsewhere.app_context():
        assert commit(lambda session: make_product(session).id) == made


def test_a_backup_is_private_and_has_neither_the_key_nor_other_backups(app, tmp_path):
    instance = with_files(app)
    (instance / "secret_key").write_text("a key of sixteen characters")
    (instance / "erp-1.backup").write_text("an older one")
    (instance / "worker.lock").touch()
    (instance / "outside").symlink_to("/etc/hostname")
    file = tmp_path / "company.backup"
    backup.make(file)
    names = zipfile.ZipFile(file).namelist()
    assert [name for name in names if name.startswith("instance/")] == [
        "instance/exports/sales/sales_order.csv",
        "instance/outbox/1.eml",
    ]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_the_files_of_a_database_are_not_opened_by_whatever_path_the_instance_is_reached(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for name in ("erp.sqlite", "erp.sqlite-wal", "1.eml"):
        (tmp_path / "real" / name).touch()
    added = []
    writer = SimpleNamespace(add=lambda path, name: added.append(name))
    add_files(writer, tmp_path / "link", tmp_path / "real" / "erp.sqlite")
    assert added == ["1.eml"]


def test_a_backup_says_what_it_holds(app, tmp_path):
    backup.make(tmp_path / "company.backup")
    manifest = json.loads(zipfile.ZipFile(tmp_path / "company.backup").read("manifest.json"))
    assert manifest["kind"] == db.engine.dialect.name
    later = {"inventory_lots": "0002", "preorder": "0002", "procurement": "0004", "returns": "0002", "sales": "0006"}
    newest = dict.fromkeys(["erp", *current_registry().modules], "0001") | later
    assert manifest["contents"]["revisions"] == newest
    assert set(manifest["contents"]["modules"]) == set(current_registry().modules)


@pytest.fixture
def writers(company, tmp_path):
    """Two processes that sell all the time in the demo company."""
    db.session.commit()
    url = db.engine.url.render_as_string(hide_password=False)
    others = {name: value for name, value in os.environ.items() if not name.startswith("ERP_")}
    environment = {**others, "ERP_DATABASE_URL": url, "ERP_INSTANCE": str(tmp_path / "writers")}
    command = [sys.executable, "-m", "tests.core.backup_writer"]
    started = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    yield started
    for writer in started:
        writer.kill()
        writer.communicate()


@pytest.fixture
def sold(company, request):
    """The writers, and every export of the company from before they began."""
    before = exports()
    db.session.rollback()
    return request.getfixturevalue("writers"), before


@pytest.mark.real_clock
def test_a_backup_made_while_others_write_is_one_moment(sold, elsewhere, command, tmp_path):
    writers, before = sold
    for writer in writers:
        assert writer.stdout.readline()
    begun = time.monotonic()
    backup.make(tmp_path / "company.backup")
    assert time.monotonic() - begun < 20
    for writer in writers:
        assert writer.stdout.readline()
        writer.kill()
        writer.wait()
    written = rows()["sales_order"]
    out, exported, after = restored(command, elsewhere, tmp_path / "company.backup")
    assert "No breach found by " in out
    prefixes = [f"W{writer.pid}" for writer in writers]
    for name, lines in before.items():
        kept = [line for line in exported[name].splitlines() if not any(prefix in line for prefix in prefixes)]
        assert kept == lines.splitlines(), f"the export {name} of what nobody changed has become another"
    assert 2 <= after["sales_order"] < written


def test_a_backup_of_an_older_version_is_restored_as_it_was_and_then_upgraded(
    app,
    elsewhere,
    command,
    tmp_path,
    own_revisions,  # noqa: F811
):
    backup.make(tmp_path / "company.backup")
    column = 'op.add_column("backorder_email_template", sa.Column("colour", sa.String(20), nullable=True))'
    own_revisions("backorder_email", "0002", f"    {column}")
    db.session.rollback()
    with elsewhere.app_context():
        code, out, err = command(elsewhere, "restore", str(tmp_path / "company.backup"))
        assert (code, err) == (0, "")
        assert out.endswith(
            "The tables of backorder_email are older than this program: run `erp init`, then `erp check`.\n"
        )
        migrations.upgrade_all()
        assert migrations.pending() == []
        columns = inspect(db.session.connection()).get_columns("backorder_email_template")
        db.session.rollback()
    assert columns[-1]["name"] == "colour"


def refusal(command, app, *arguments):
    db.session.rollback()
    with app.app_context():
        code, out, err = command(app, "restore", *map(str, arguments))
        assert (code, out, err.count("\n")) == (1, "", 1)
        return err


def test_a_database_that_is_not_empty_is_overwritten_only_with_yes(app, command, tmp_path):
    file = tmp_path / "company.backup"
    backup.make(file)
    before = exports()
    commit(lambda session: make_product(session, sku="LATER").id)
    revision = db.session.scalar(select(Revision.number))
    assert "is not empty, it has " in refusal(command, app, file)
    assert "LATER" in exports()["products"]
    assert restored(command, app, file, "--yes")[1] == before
    assert db.session.scalar(select(Revision.number)) > revision


def test_a_restore_waits_for_those_who_write_and_then_changes_nothing(app, command, tmp_path, monkeypatch):
    monkeypatch.setattr("erp.migrations.revisions._LOCK_TIMEOUT", "100ms")
    monkeypatch.setattr("erp.backup.sqlite._PATIENCE_SECONDS", 0.1)
    file = tmp_path / "company.backup"
    backup.make(file)
    other = db.engine.connect()
    other.detach()  # else it would return to a pool that the command has left behind
    if other.dialect.name == "sqlite":
        db.session.connection().connection.driver_connection.execute("PRAGMA busy_timeout=100")
        db.session.rollback()
    other.execute(text("UPDATE erp_revision SET number = number + 1"))
    assert refusal(command, app, file, "--yes").startswith("The database was busy: ")
    other.rollback()
    other.close()
    assert "No breach found by " in restored(command, app, file, "--yes")[0]


def test_a_process_that_runs_sees_what_was_restored(app, command, tmp_path, sign_in):
    client = sign_in("Administrator")
    file = tmp_path / "company.backup"
    backup.make(file)
    commit(lambda session: make_product(session, sku="LATER").id)
    commit(lambda session: current_registry().disable(session, "backorder_email"))
    assert client.get("/emails/pending/").status_code == 404
    assert "LATER" in client.get("/inventory/products/").text
    restored(command, app, file, "--yes")
    assert client.get("/emails/pending/").status_code == 200
    assert "LATER" not in client.get("/inventory/products/").text


def damages(content):
    """Return a backup's bytes, damaged in different ways, each with what the refusal says."""
    middle = len(content) // 2
    changed = content[:middle] + bytes(byte ^ 0xFF for byte in content[middle : middle + 20]) + content[middle + 20 :]
    return [
        (content[:middle], "no backup, or a part of one"),
        (changed, "is damaged"),
        (b"", "no backup"),
        (b"sku,name\nTEA,Tea\n", "no backup"),
    ]


def test_a_damaged_file_is_refused_and_nothing_is_changed(app, command, tmp_path):
    file = tmp_path / "company.backup"
    backup.make(file)
    commit(lambda session: make_product(session, sku="LATER").id)
    before = exports(), rows()
    for content, sentence in damages(file.read_bytes()):
        file.write_bytes(content)
        assert sentence in refusal(command, app, file, "--yes")
    assert (exports(), rows()) == before


def rewritten(file, change):
    """Write a backup again whose parts were changed, with checksums that fit."""
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(parts.pop("manifest.json"))
    change(manifest, parts)
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in {**parts, "manifest.json": json.dumps(manifest)}.items():
            archive.writestr(name, content)


def lose_rows(manifest, parts):
    """Leave out a user's row, which a part's checksum cannot notice."""
    for table in manifest["contents"]["tables"]:
        if table["name"] == "erp_user":
            table["rows"] += 1


def break_references(manifest, parts):
    """Leave out the roles that users have."""
    if "tables/erp_role.copy" in parts:
        parts["tables/erp_role.copy"] = b""
    else:
        parts["database.sqlite"] = parts["database.sqlite"][:8192]


CHANGES = [
    (lose_rows, "cannot be restored, nothing was changed"),
    (break_references, "cannot be restored, nothing was changed"),
    (lambda manifest, _: manifest.update(format=2), "in a form that is unknown here"),
    (lambda manifest, _: manifest.pop("kind"), "no backup of this program"),
    (lambda manifest, _: manifest.update(contents=[]), "no backup of this program"),
    (lambda manifest, _: manifest["contents"]["modules"].update(loans="1.0"), "modules that are not here: loans"),
    (
        lambda manifest, _: manifest["contents"]["revisions"].update(sales="0099"),
        "tables of sales are at revision 0099, which this program does not know",
    ),
    (lambda _, parts: parts.update({"instance/../../evil": b"x"}), "outside the instance"),
]


def test_a_backup_that_does_not_fit_is_refused_and_nothing_is_changed(app, command, tmp_path):
    file = tmp_path / "company.backup"
    backup.make(file)
    content = file.read_bytes()
    commit(lambda session: make_product(session, sku="LATER").id)
    before = exports(), rows()
    for change, sentence in CHANGES:
        file.write_bytes(content)
        rewritten(file, change)
        assert sentence in refusal(command, app, file, "--yes")
    assert (exports(), rows()) == before


def test_a_backup_of_the_other_kind_of_database_is_refused(app, kind, make_empty_app, command, tmp_path):
    backup.make(tmp_path / "company.backup")
    other = make_empty_app("postgres" if kind == "sqlite" else "sqlite", "other")
    assert "is a backup of a " in refusal(command, other, tmp_path / "company.backup")


def test_a_file_that_cannot_be_read_or_written_is_a_sentence(app, command, tmp_path):
    assert "No such file" in refusal(command, app, tmp_path / "nothing.backup", "--yes")
    code, out, err = command(app, "backup", str(tmp_path / "nowhere" / "company.backup"))
    assert (code, out) == (1, "") and "No such file or directory" in err


def test_a_full_disk_leaves_no_part_of_a_backup(app, command, tmp_path, monkeypatch):
    def fill_up(*_arguments):
        raise OSError(28, "No space left on device")

    (tmp_path / "company.backup").write_text("the last one")
    monkeypatch.setattr("os.fsync", fill_up)
    code, _, err = command(app, "backup", str(tmp_path / "company.backup"))
    assert (code, err) == (1, f"{tmp_path}/company.backup: No space left on device.\n")
    assert [path.name for path in tmp_path.iterdir() if "backup" in path.name] == ["company.backup"]
    assert (tmp_path / "company.backup").read_text() == "the last one"


# On a schedule


@pytest.fixture
def scheduled(empty_database, tmp_path):
    """Return a function that gives a company whose backups are made in a folder."""
    made = []

    def start(folder):
        settings = {"ERP_DATABASE_URL": empty_database, "ERP_INSTANCE": str(tmp_path / "instance")}
        app = create_app(environment={**settings, "ERP_ERP__BACKUP_FOLDER": str(folder)}, testing=True)
        made.append(app)
        return app

    yield start
    for app in made:
        with app.app_context():
            db.engine.dispose()


@pytest.mark.option("erp.backup_folder", "", "backups")
@pytest.mark.option("erp.backup_keep", "2", "3")
def test_backups_are_made_on_a_schedule_and_the_oldest_are_deleted(scheduled, tmp_path, at, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with scheduled("").app_context():
        migrations.install_core()
        assert jobs.run("back-up").summary == "Off: [erp] backup_folder is empty."
    with scheduled("backups").app_context():
        (tmp_path / "backups").mkdir()
        (tmp_path / "backups" / "mine.backup").touch()
        for name in (".erp-20261120T120000Z.backup.killed", ".copy-killed.sqlite"):
            (tmp_path / "backups" / name).touch()
            os.utime(tmp_path / "backups" / name, (0, 0))
        commit(partial(set_option, "erp.backup_keep", "2"))
        for hour in ("13", "14", "15"):
            at(f"2026-11-23T{hour}:00:00Z")
            assert jobs.run("back-up").state == JobRunState.done
        assert [path.name for path in sorted((tmp_path / "backups").iterdir())] == [
            "erp-20261123T140000Z.backup",
            "erp-20261123T150000Z.backup",
            "mine.backup",
        ]
        commit(partial(set_option, "erp.backup_keep", "3"))
        at("2026-11-23T17:00:00Z")
        assert jobs.run("back-up").summary.startswith(f"{tmp_path}/backups/erp-20261123T170000Z.backup has ")
        assert len(list((tmp_path / "backups").iterdir())) == 4


def set_option(key, text, session):
    store_option(session, current_registry().option_table, key, text, user_name="admin")


def test_a_backup_that_cannot_be_made_is_a_failed_job(scheduled, tmp_path):
    (tmp_path / "file").touch()
    with scheduled(tmp_path / "file" / "below").app_context():
        migrations.install_core()
        failed = jobs.run("back-up")
        assert (failed.state, "Not a directory" in failed.error) == (JobRunState.failed, True)
